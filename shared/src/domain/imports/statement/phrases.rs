//! What the texts of a row say: that they are a balance or a total, a purchase, a payment received.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::currencies::is_code;
use super::text::plain_words;
use super::words::month_number;

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

/// Words that stand between a balance and its date.
const SMALL: &[&str] = &[
    "a", "al", "am", "as", "at", "au", "c", "d", "da", "de", "del", "den", "der", "di", "dia", "do", "du", "em", "en",
    "for", "il", "in", "ke", "kr", "le", "na", "of", "on", "op", "pa", "per", "po", "rs", "the", "til", "to", "van",
    "vom", "z", "zum",
];

/// Whether a text tells a balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Balance {
    No,
    /// A short word follows that may as well be the name of a shop: Balance Spa.
    Perhaps,
    /// Nothing follows but dates, numbers, currencies and small words.
    Yes,
}

/// Whether a text says nothing but that this is a balance.
pub(super) fn balance_line(cell: &str) -> Balance {
    if cell.len() > 80 || !cell.trim_start().starts_with(|c: char| !c.is_ascii_digit()) {
        return Balance::No;
    }
    let first = cell.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    if !FIRST_WORDS.contains(plain_words(first).as_str()) {
        return Balance::No;
    }
    let plain = plain_words(cell);
    let rest = BALANCES.iter().filter_map(|phrase| plain.strip_prefix(phrase)).map(str::len).min();
    let rest = rest.and_then(|length| plain.get(plain.len() - length..));
    let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(' ')) else { return Balance::No };
    let sure = |word: &str| {
        word.bytes().all(|b| b.is_ascii_digit())
            || month_number(word).is_some()
            || SMALL.contains(&word)
            || is_code(&word.to_uppercase())
    };
    let word = |word: &str| match word {
        word if sure(word) => Balance::Yes,
        word if word.chars().count() <= 3 => Balance::Perhaps,
        _ => Balance::No,
    };
    rest.split(' ').map(word).min().unwrap_or(Balance::Yes)
}

/// What a text on a statement without other evidence says of the way the money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Told {
    /// The card was paid off, in words that only the bank that got the money uses.
    Received,
    /// A credit card is spoken of, so that "card payment" means its being paid off.
    Card,
    /// Wages, interest: money in.
    Income,
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

const INCOMES: &[&str] = &[
    "salary",
    "payroll",
    "wages",
    "direct deposit",
    "interest paid",
    "interest payment",
    "pension",
    "dividend",
    "gehalt",
    "lohn",
    "zinsen",
    "salaire",
    "nomina",
    "stipendio",
    "salario",
    "loon",
    "salaris",
    "wynagrodzenie",
    "pensja",
    "mzda",
    "vyplata",
    "fizetes",
    "munkaber",
    "palkka",
    "lonn",
    "maas",
    "зарплата",
];

const CARDS: &[&str] = &["credit card"];

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

/// What a text tells, if anything; the surest of its phrases counts.
pub(super) fn told(text: &str) -> Option<Told> {
    let plain = plain_words(text);
    let mut best = None;
    for (at, _) in plain.char_indices().filter(|(at, _)| *at == 0 || plain.as_bytes().get(at - 1) == Some(&b' ')) {
        let rest = plain.get(at..).unwrap_or_default();
        let word = rest.split(' ').next().unwrap_or_default();
        for (phrase, told) in SAYINGS.get(word).into_iter().flatten() {
            if rest.strip_prefix(phrase).is_some_and(|after| after.is_empty() || after.starts_with(' ')) {
                best = Some(best.map_or(*told, |best: Told| best.min(*told)));
            }
        }
    }
    best
}

/// The phrases by their first word.
static SAYINGS: LazyLock<HashMap<&'static str, Vec<(&'static str, Told)>>> = LazyLock::new(|| {
    let mut map = HashMap::<_, Vec<_>>::new();
    let lists = [
        (RECEIVED, Told::Received),
        (INCOMES, Told::Income),
        (CARDS, Told::Card),
        (PURCHASES, Told::Purchase),
        (PAYMENTS, Told::Payment),
    ];
    for (phrase, told) in lists.into_iter().flat_map(|(list, told)| list.iter().map(move |phrase| (*phrase, told))) {
        map.entry(phrase.split(' ').next().unwrap_or_default()).or_default().push((phrase, told));
    }
    map
});

/// The first words of lines that tell a balance: most rows are done with after one look.
static FIRST_WORDS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| BALANCES.iter().filter_map(|phrase| phrase.split(' ').next()).collect());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_and_payments() {
        assert!(is_total("Closing balance"));
        assert!(is_total("TOTAL"));
        assert!(is_total("Saldo końcowe: 5,00"));
        assert!(!is_total("NEW BALANCE STORE LONDON"));
        assert!(!is_total("Coffee"));
        assert_eq!(told("PAYMENT RECEIVED - THANK YOU"), Some(Told::Received));
        assert_eq!(told("Visa Purchase - TESCO"), Some(Told::Purchase));
        assert_eq!(told("CREDIT CARD PAYMENT"), Some(Told::Card));
        assert_eq!(told("TESCO STORES"), None);
        for line in
            ["SALDO ANTERIOR", "S A L D O", "Beginning balance as of 01/01/2024", "Kontostand vom 31. Januar 2024"]
        {
            assert_eq!(balance_line(line), Balance::Yes, "{line}");
        }
        assert_eq!(balance_line("Balance Spa"), Balance::Perhaps);
        for line in ["Balance Bike Shop", "NEW BALANCE", "TOTAL 4053", "Saldo pago Maria", "", "31.01."] {
            assert_eq!(balance_line(line), Balance::No, "{line}");
        }
    }
}
