//! The text of a transaction, freed of what banks add: dates, times, card and terminal numbers, references, amounts.

use std::collections::HashSet;

use super::text::is_combining;
use super::words::month_number;

/// Words that only say how was paid.
const NOISE: &[&str] = &[
    "pos",
    "atm",
    "atmd",
    "eftpos",
    "eft",
    "dankt",
    "bankomat",
    "sepa",
    "dd",
    "so",
    "pur",
    "vdp",
    "vdc",
    "vdr",
    "pmt",
    "ach",
    "ppd",
    "txn",
    "trx",
    "upi",
    "neft",
    "imps",
    "debitcard",
    "contactless",
    "iban",
    "bic",
    "ref",
    "refno",
    "card",
    "visa",
    "mastercard",
    "maestro",
    "debit",
    "credit",
    "purchase",
];

/// Names by which every other mark stands: lower-case, letters and digits of any script kept, apostrophes inside a word
/// dropped, every other run one space.
#[must_use]
pub fn alias_key(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut gap = false;
    let mut chars = name.chars().peekable();
    while let Some(c) = chars.next() {
        let apostrophe = matches!(c, '\'' | '’' | '‘' | 'ʼ' | '`' | '´' | '＇');
        if is_combining(c)
            || (apostrophe && !gap && !out.is_empty() && chars.peek().is_some_and(|next| next.is_alphanumeric()))
        {
            continue;
        }
        if !c.is_alphanumeric() || apostrophe {
            gap = true;
            continue;
        }
        if gap && !out.is_empty() {
            out.push(' ');
        }
        gap = false;
        out.extend(c.to_lowercase().filter(|low| !is_combining(*low)));
    }
    out
}

/// The normalised description by which duplicates are told; if nothing but noise is there, the noise.
#[must_use]
pub fn merchant_key_text(raw: &str) -> String {
    let mut out = String::new();
    // Whether the word before was a number that was left out: then a currency or country code after it belongs to it.
    let mut after_number = false;
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let number = is_numeric_noise(word, out.is_empty());
        if number || is_marked_noise(word) {
            after_number = number;
            continue;
        }
        let key = alias_key(word);
        let code = after_number && key.len() <= 3 && word.chars().all(|c| c.is_ascii_uppercase());
        after_number = false;
        for token in key.split(' ').filter(|token| !token.is_empty()) {
            if NOISE.contains(&token) || code || is_reference(token) {
                continue;
            }
            if !out.is_empty() {
                out.push(' ');
            }
            out.push_str(token);
        }
    }
    if out.is_empty() { alias_key(raw) } else { out }
}

/// Dates, times, amounts, masked and bare numbers: digits and the marks between them. A short number may open a name.
fn is_numeric_noise(word: &str, first: bool) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let marks = word.chars().all(|c| {
        matches!(
            c,
            '0'..='9'
                | '.'
                | ','
                | '/'
                | ':'
                | '-'
                | '+'
                | '@'
                | '*'
                | '#'
                | '%'
                | '('
                | ')'
                | '\''
                | '€'
                | '$'
                | '£'
                | 'x'
                | 'X'
        )
    });
    digits > 0 && marks && !(first && digits == word.len() && digits <= 3)
}

/// `POS18SEP`, `ATM08SEP`, `23SEP`, `P0109US`, the card index `K2`, `Strom15.09.17`'s like.
fn is_marked_noise(word: &str) -> bool {
    let word = word.trim_matches(|c: char| !c.is_alphanumeric());
    let upper = word.to_ascii_uppercase();
    let rest = ["POS", "ATMD", "ATM", "PUR", "VDP", "VDC", "EFT"]
        .iter()
        .find_map(|mark| upper.strip_prefix(mark))
        .unwrap_or(&upper);
    let numbers = rest.bytes().take_while(u8::is_ascii_digit).count();
    let tail = rest.get(numbers..).unwrap_or_default();
    let dated = matches!(numbers, 1..=2) && month_number(tail).is_some() && tail.len() == 3;
    let prefixed = rest.len() < upper.len() && numbers > 0 && tail.is_empty();
    let abroad = upper.strip_prefix('P').is_some_and(|rest| {
        rest.len() == 6
            && rest.bytes().take(4).all(|b| b.is_ascii_digit())
            && rest.bytes().skip(4).all(|b| b.is_ascii_uppercase())
    });
    let card = upper.len() == 2 && upper.starts_with('K') && upper.ends_with(|c: char| c.is_ascii_digit());
    dated || prefixed || abroad || card
}

/// Long words of letters and digits mixed are ids; long bare numbers too.
fn is_reference(token: &str) -> bool {
    let digits = token.chars().filter(char::is_ascii_digit).count();
    let length = token.chars().count();
    (digits == length && digits >= 4) || (length >= 8 && digits >= 3) || length > 40
}

/// Every run of one to four words that may name a merchant, the longest first.
#[must_use]
pub fn candidates(raw: &str) -> Vec<String> {
    // Seventeen words give 62 runs: within the 64 that a lookup takes, single words among them.
    let text = merchant_key_text(raw);
    let tokens: Vec<&str> = text.split(' ').filter(|token| !token.is_empty()).take(17).collect();
    let mut seen = HashSet::new();
    let mut out = Vec::new();
    for size in (1..=4).rev() {
        for window in tokens.windows(size) {
            let run = window.join(" ");
            if run.chars().count() >= 3 && seen.insert(run.clone()) {
                out.push(run);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alias_keys() {
        for (name, want) in [
            ("McDonald's", "mcdonalds"),
            ("McDonald’s", "mcdonalds"),
            ("  H&M  ", "h m"),
            ("NETFLIX.COM", "netflix com"),
            ("Zürich—Versicherung", "zürich versicherung"),
            ("'quoted'", "quoted"),
            ("İstanbul", "istanbul"),
            ("ООО «Ромашка»", "ооо ромашка"),
            ("!!!", ""),
            ("", ""),
        ] {
            assert_eq!(alias_key(name), want, "{name}");
        }
    }

    #[test]
    fn bank_noise_goes() {
        for (raw, want) in [
            ("POS18SEP NETFLIX.COM ", "netflix com"),
            ("POS10SEP DOMINO'S PIZ", "dominos piz"),
            ("HOFER DANKT  0527  K2   18.09. 17:20", "hofer"),
            ("POS          23,55 AT  K1   16.09. 11:32 SPAR DANKT 4105 KORNEUBURG 2100", "spar korneuburg"),
            ("DEBIT PURCHASE 16/04/18 66-6666 MCDONALD'S (BSJ8)        S 14/04/18", "mcdonalds bsj8 s"),
            ("ATMD 23SEP BOI ", "boi"),
            ("365 Online", "365 online"),
            ("P0109US  5.00@1.18483", "p0109us 5 00 1 18483"),
            ("FOR: 66.66 SGD", "for"),
            ("", ""),
            ("0527", "0527"),
        ] {
            assert_eq!(merchant_key_text(raw), want, "{raw}");
        }
    }

    #[test]
    fn candidates_hold_the_names_and_stay_few() {
        assert_eq!(candidates("POS18SEP NETFLIX.COM "), ["netflix com", "netflix", "com"]);
        assert!(candidates("DOMINO'S PIZ").starts_with(&["dominos piz".to_owned(), "dominos".to_owned()]));
        assert!(candidates("McDonald's (BSJ8)").contains(&"mcdonalds".to_owned()));
        let long: String =
            (0..80).flat_map(|i| ['w', char::from(b'a' + i % 26), char::from(b'a' + i / 26), ' ']).collect();
        assert!(candidates(&long).len() <= 64);
        assert!(candidates("a b").contains(&"a b".to_owned()));
    }
}
