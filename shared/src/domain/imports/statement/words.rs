//! Words inside cells: months, debit and credit, states, totals, payments.

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

const TOTALS: &[&str] = &[
    "total",
    "totals",
    "totale",
    "totaal",
    "summe",
    "gesamt",
    "suma",
    "razem",
    "celkem",
    "spolu",
    "osszesen",
    "summa",
    "soma",
    "balance",
    "saldo",
    "solde",
    "saldi",
    "kontostand",
    "zustatek",
    "zostatok",
    "egyenleg",
    "bakiye",
    "sold",
    "anfangssaldo",
    "endsaldo",
    "beginsaldo",
    "eindsaldo",
    "subtotal",
    "brought",
    "carried",
    "opening",
    "closing",
];

/// Whether a text speaks of a balance or a total rather than of a transaction.
pub(super) fn is_total(text: &str) -> bool {
    let plain = plain_words(text);
    // `Balance` as one word among many is more likely a shop (New Balance) than a bank's line.
    let mut tokens = plain.split(' ');
    tokens.clone().count() <= 10
        && (tokens.next().is_some_and(|first| TOTALS.contains(&first))
            || tokens.next().is_some_and(|second| TOTALS.contains(&second) && !plain.starts_with("new ")))
}

/// How lines begin that tell a balance beside its date, whatever amount column it stands in.
const BALANCES: &[&str] = &[
    "opening balance",
    "open balance",
    "closing balance",
    "close balance",
    "beginning balance",
    "starting balance",
    "ending balance",
    "previous balance",
    "total balance",
    "balance brought forward",
    "balance carried forward",
    "brought forward",
    "carried forward",
    "balance forward",
    "balance",
    "saldo",
    "s a l d o",
    "saldo anterior",
    "saldo inicial",
    "saldo final",
    "saldo actual",
    "saldo atual",
    "saldo do dia",
    "saldo iniziale",
    "saldo finale",
    "saldo contabile",
    "anfangssaldo",
    "endsaldo",
    "schlusssaldo",
    "saldovortrag",
    "alter kontostand",
    "neuer kontostand",
    "kontostand",
    "solde",
    "solde initial",
    "solde final",
    "ancien solde",
    "nouveau solde",
    "solde precedent",
    "beginsaldo",
    "eindsaldo",
    "saldo poczatkowe",
    "saldo koncowe",
    "pocatecni zustatek",
    "konecny zustatek",
    "nyito egyenleg",
    "zaro egyenleg",
    "ingaende saldo",
    "utgaende saldo",
    "inngaende saldo",
    "algsaldo",
    "loppsaldo",
    "kaive",
    "likutis pradziai",
    "likutis pabaigai",
    "apyvarta",
    "sakuma atlikums",
    "beigu atlikums",
    "apgrozijums",
    "devir",
    "начальный остаток",
    "конечный остаток",
    "входящий остаток",
    "исходящий остаток",
];

/// Whether a text says nothing but that this is a balance: dates, numbers, currencies and small words may follow.
pub(super) fn is_balance_line(cell: &str) -> bool {
    if cell.len() > 80 || !cell.trim_start().starts_with(|c: char| !c.is_ascii_digit()) {
        return false;
    }
    let plain = plain_words(cell);
    let rest = BALANCES.iter().filter_map(|phrase| plain.strip_prefix(phrase)).map(str::len).min();
    let rest = rest.and_then(|length| plain.get(plain.len() - length..));
    rest.is_some_and(|rest| {
        (rest.is_empty() || rest.starts_with(' '))
            && rest.split(' ').all(|word| {
                word.chars().count() <= 3 || word.bytes().all(|b| b.is_ascii_digit()) || month_number(word).is_some()
            })
    })
}

/// What a text on a statement without other evidence says of the way the money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// The card was paid off, in words that only the bank that got the money uses.
    Received,
    /// A card was used.
    Purchase,
    /// A payment or a refund, which is money in on a card and may be money out on an account.
    Payment,
}

const RECEIVED: &[&str] = &[
    "thank you",
    "payment received",
    "autopay payment",
    "merci",
    "besten dank",
    "zahlung erhalten",
    "uberweisung erhalten",
    "gracias",
    "obrigado",
    "pagamento recebido",
    "pagamento efetuado",
    "pago recibido",
    "grazie",
    "dziekujemy",
    "inbetalning",
    "innbetaling",
    "indbetaling",
    "betaling ontvangen",
    "wplata wlasna",
    "paiement recu",
    "refund",
    "rueckerstattung",
    "remboursement",
    "rimborso",
    "devolucion",
    "estorno",
    "terugbetaling",
];

const PAYMENTS: &[&str] = &[
    "payment",
    "autopay",
    "credit",
    "paiement",
    "zahlung",
    "gutschrift",
    "ruckzahlung",
    "pago",
    "pagamento",
    "betaling",
    "splata",
    "wplata",
    "zwrot",
    "splatka",
    "befizetes",
    "reembolso",
    "cashback",
];

const PURCHASES: &[&str] = &[
    "purchase",
    "card payment",
    "card transaction",
    "debit card",
    "pos",
    "eftpos",
    "kartenzahlung",
    "kartenverfugung",
    "kauf",
    "einkauf",
    "paiement cb",
    "paiement par carte",
    "achat",
    "compra",
    "pagamento pos",
    "betaalautomaat",
    "pinbetaling",
    "zakup",
    "platnosc karta",
    "nakup",
    "platba kartou",
    "vasarlas",
    "kortkop",
    "varekjop",
    "dankort",
    "korttiosto",
];

/// Reads the texts of one row.
pub(super) fn told(text: &str) -> Option<Told> {
    let padded = format!(" {} ", plain_words(text));
    let has = |phrases: &[&str]| {
        phrases.iter().any(|phrase| {
            padded.match_indices(phrase).any(|(at, _)| {
                let before = at.checked_sub(1).and_then(|at| padded.as_bytes().get(at));
                before == Some(&b' ') && padded.as_bytes().get(at + phrase.len()) == Some(&b' ')
            })
        })
    };
    if has(RECEIVED) {
        Some(Told::Received)
    } else if has(&["credit card"]) {
        Some(Told::Payment)
    } else if has(PURCHASES) {
        Some(Told::Purchase)
    } else if has(PAYMENTS) {
        Some(Told::Payment)
    } else {
        None
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

    #[test]
    fn totals_and_payments() {
        assert!(is_total("Closing balance"));
        assert!(is_total("TOTAL"));
        assert!(is_total("Saldo końcowe: 5,00"));
        assert!(!is_total("NEW BALANCE STORE LONDON"));
        assert!(!is_total("Coffee"));
        assert_eq!(told("PAYMENT RECEIVED - THANK YOU"), Some(Told::Received));
        assert_eq!(told("Visa Purchase - TESCO"), Some(Told::Purchase));
        assert_eq!(told("CREDIT CARD PAYMENT"), Some(Told::Payment));
        assert_eq!(told("TESCO STORES"), None);
        for line in
            ["SALDO ANTERIOR", "S A L D O", "Beginning balance as of 01/01/2024", "Kontostand vom 31. Januar 2024"]
        {
            assert!(is_balance_line(line), "{line}");
        }
        for line in ["Balance Bike Shop", "NEW BALANCE", "TOTAL 4053", "Saldo pago Maria", "", "31.01."] {
            assert!(!is_balance_line(line), "{line}");
        }
    }
}
