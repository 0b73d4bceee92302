//! Words inside cells: months, debit and credit, states.

use super::text::plain_words;

const MONTHS: [&str; 12] = [
    "jan january januar janner jaenner janvier janv enero ene janeiro gennaio gen januari styczen stycznia sty leden ledna led januar januara janua januaris jan tammikuu ocak ianuarie",
    "feb february februar fevrier fevr fev febrero fevereiro febbraio februari luty lutego lut unor unora februara febr subat februarie",
    "mar march marz maerz mrz mars marzo marco maart mrt marzec marca brezen brezna bre marec marcius marc mart martie",
    "apr april avril avr abril abr aprile kwiecien kwietnia kwi duben dubna dub aprila aprilis nisan aprilie",
    "may mai mayo maio maggio mag mei maj maja kveten kvetna kve maja majus mayis",
    "jun june juni juin junio junho giugno giu czerwiec czerwca cze cerven cervna jun juna junius haziran iunie",
    "jul july juli juillet juil julio julho luglio lug lipiec lipca lip cervenec cervence jula julius temmuz iulie",
    "aug august aout aou agosto ago augustus sierpien sierpnia sie srpen srpna srp augusta augusti augusztus agustos",
    "sep sept september septembre septiembre setembro set settembre wrzesien wrzesnia wrz zari septembra szeptember szept eylul septembrie",
    "oct october oktober okt octobre octubre outubro out ottobre ott pazdziernik pazdziernika paz rijen rijna rij oktobra ekim octombrie",
    "nov november novembre noviembre novembro listopad listopada lis novembra kasim noiembrie",
    "dec december dezember dez decembre diciembre dic dezembro dicembre desember des grudzien grudnia gru prosinec prosince pro decembra aralik decembrie",
];

/// 1 to 12 for a month's name or abbreviation.
pub(super) fn month_number(word: &str) -> Option<u16> {
    let plain = plain_words(word);
    if plain.len() < 3 {
        return None;
    }
    let at = MONTHS.iter().position(|names| names.split(' ').any(|name| name == plain))?;
    u16::try_from(at + 1).ok()
}

/// Whether a flag cell says debit (`true`) or credit.
pub(super) fn flag_word(cell: &str) -> Option<bool> {
    match cell.trim() {
        "-" | "−" => return Some(true),
        "+" => return Some(false),
        _ => {}
    }
    match plain_words(cell).as_str() {
        "d" | "dr" | "db" | "debit" | "dbit" | "debet" | "debito" | "soll" | "s" | "af" | "uit" | "out"
        | "outgoing" | "belastung" | "lastschrift" | "ausgang" | "cargo" | "addebito" | "dare" | "afschrijving"
        | "obciazenie" | "wydatek" | "vydaj" | "odchozi" | "terheles" | "t" | "ausgabe" | "expense" | "withdrawal"
        | "wn" | "uttag" | "支出" | "расход" | "дебет" | "deebet" | "debets" | "debetas" | "списание"
        | "payment out" | "money out" | "saida" | "borc" | "kimeno" | "depense" | "uscita" => Some(true),
        "c"
        | "cr"
        | "credit"
        | "crdt"
        | "credito"
        | "haben"
        | "h"
        | "bij"
        | "in"
        | "incoming"
        | "gutschrift"
        | "eingang"
        | "abono"
        | "accredito"
        | "avere"
        | "bijschrijving"
        | "uznanie"
        | "wplyw"
        | "prijem"
        | "prichozi"
        | "jovairas"
        | "j"
        | "einnahme"
        | "income"
        | "deposit"
        | "ma"
        | "insattning"
        | "money in"
        | "entrada"
        | "收入"
        | "приход"
        | "кредит"
        | "kreedit"
        | "kredits"
        | "kreditas"
        | "k"
        | "зачисление"
        | "payment in"
        | "kredit"
        | "alacak"
        | "bejovo"
        | "recette"
        | "entrata" => Some(false),
        _ => None,
    }
}

/// What a status cell says of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    /// Declined, reversed, cancelled: no money moved.
    Void,
    Booked,
}

/// Reads a status cell; an unknown word counts as booked, since it is an export of what happened.
pub(super) fn status_word(cell: &str) -> Status {
    let plain = plain_words(cell);
    let has = |words: &[&str]| words.iter().any(|word| plain.split(' ').any(|token| token.starts_with(word)));
    if plain.starts_with("non contab") {
        return Status::Pending;
    }
    if has(&[
        "declin",
        "revert",
        "cancel",
        "fail",
        "reject",
        "abgelehnt",
        "storn",
        "refus",
        "annul",
        "rechaz",
        "cancelad",
        "rifiut",
        "geweiger",
        "odrzuc",
        "zamitnut",
        "elutasit",
        "avvis",
        "void",
        "expired",
        "неусп",
        "отклон",
    ]) {
        Status::Void
    } else if has(&[
        "pending",
        "vorgemerkt",
        "attente",
        "pendient",
        "pendent",
        "afwachting",
        "oczekuj",
        "cekajici",
        "ceka",
        "fuggo",
        "reserv",
        "varaus",
        "attesa",
        "nicht",
        "blokad",
        "authoris",
        "authoriz",
        "processing",
        "gereserveerd",
        "unbooked",
        "ausstehend",
        "offen",
        "vantande",
        "venter",
        "hold",
        "yes",
        "true",
    ]) {
        Status::Pending
    } else {
        Status::Booked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months() {
        for (word, want) in [
            ("Jan", 1),
            ("MÄRZ", 3),
            ("août", 8),
            ("října", 10),
            ("października", 10),
            ("Dez", 12),
            ("mei", 5),
            ("szept", 9),
        ] {
            assert_eq!(month_number(word), Some(want), "{word}");
        }
        for word in ["", "ja", "monday", "Total"] {
            assert_eq!(month_number(word), None, "{word}");
        }
    }

    #[test]
    fn flags_and_states() {
        assert_eq!(flag_word("DR"), Some(true));
        assert_eq!(flag_word("Af"), Some(true));
        assert_eq!(flag_word("Jóváírás"), Some(false));
        assert_eq!(flag_word("CARD_PAYMENT"), None);
        assert_eq!(status_word("PENDING"), Status::Pending);
        assert_eq!(status_word("REVERTED"), Status::Void);
        assert_eq!(status_word("COMPLETED"), Status::Booked);
        assert_eq!(status_word("Umsatz gebucht"), Status::Booked);
        assert_eq!(status_word("Umsatz vorgemerkt"), Status::Pending);
    }
}
