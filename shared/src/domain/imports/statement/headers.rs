//! What a cell of a header row means.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::currencies::is_supported;
use super::text::plain_words;
use super::vocabulary::{ENGLISH, TABLE};

/// What a column is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// When the account's balance changed.
    Booked,
    /// When the purchase was made.
    Operation,
    /// From when interest counts.
    Value,
    /// When a program wrote the row down.
    Recorded,
    Amount,
    /// An amount after fees, where the one before them has a column as well.
    Net,
    Fee,
    /// An amount whose header says that spending is positive.
    AmountOut,
    Debit,
    Credit,
    Balance,
    Flag,
    Currency,
    /// The other party, whichever way the money went.
    Party,
    Payee,
    Payer,
    Details,
    Kind,
    Note,
    Id,
    Status,
    /// Known, and of no use here: never to be taken for something else.
    Other,
}

/// A header cell understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) role: Role,
    /// Longer words are more specific: `naam tegenpartij` beats `naam`.
    pub(super) weight: usize,
    /// `Betrag (EUR)` names the currency too.
    pub(super) currency: Option<String>,
    /// A word that English does not use: then the month does not come first in dates.
    pub(super) foreign: bool,
}

/// What a header cell means, if anything is known of it.
pub(super) fn heading(cell: &str) -> Option<Heading> {
    if cell.len() > 120 {
        return None;
    }
    let currency = currency_of(cell);
    let words: Vec<&str> = words(cell).filter(|word| !is_supported(word)).collect();
    let mut name = plain_words(&words.join(" "));
    // "Amount in (EUR)", but not "Paid in (EUR)".
    if currency.is_some() && !PHRASES.contains_key(name.as_str()) {
        let bare = name
            .trim_end_matches(" euro")
            .trim_end_matches(" euros")
            .trim_end_matches(" in")
            .trim_end_matches(" en")
            .trim_end_matches(" r");
        name.truncate(bare.len());
    }
    lookup(&name).map(|(role, weight, foreign)| Heading { role, weight, currency, foreign })
}

fn words(cell: &str) -> impl Iterator<Item = &str> {
    cell.split(|c: char| !c.is_alphanumeric() && !matches!(c, '\'' | '’')).filter(|word| !word.is_empty())
}

/// The currency that a header cell names: `Betrag (EUR)`, `CAD$`, `Saldo (€)`.
pub(super) fn currency_of(cell: &str) -> Option<String> {
    let code = words(cell).filter(|word| is_supported(word)).last().map(str::to_owned);
    code.or_else(|| match () {
        () if cell.contains('€') || cell.to_lowercase().contains("euro") => Some("EUR".to_owned()),
        () if cell.contains('£') => Some("GBP".to_owned()),
        () if cell.contains('₹') => Some("INR".to_owned()),
        () if cell.contains("R$") => Some("BRL".to_owned()),
        () => None,
    })
}

/// Phrase to role and whether it is foreign to English; of a phrase in several languages the first entry counts.
static PHRASES: LazyLock<HashMap<&'static str, (Role, bool)>> = LazyLock::new(|| {
    let mut map = HashMap::new();
    for (at, (role, phrases)) in TABLE.iter().enumerate() {
        for phrase in phrases.split('|') {
            map.entry(phrase).or_insert((*role, at >= ENGLISH));
        }
    }
    map
});

fn lookup(name: &str) -> Option<(Role, usize, bool)> {
    if let Some((role, foreign)) = PHRASES.get(name) {
        return Some((*role, name.len() + 100, *foreign));
    }
    // Words inside a longer name; short ones such as `in` or `af` say something only when they stand alone, and a name
    // is as likely the account's owner's.
    let words: Vec<&str> = name.split(' ').take(8).collect();
    let runs = (1..words.len()).flat_map(|size| words.windows(size).map(|run| run.join(" ")));
    let known: Vec<(Role, usize)> = runs
        .filter(|run| run.len() >= 4 && !ALONE.contains(&run.as_str()))
        .filter_map(|run| PHRASES.get(run.as_str()).map(|(role, _)| (*role, run.len())))
        .collect();
    let says = |wanted: Role| known.iter().any(|(role, _)| *role == wanted);
    let (role, weight) = known.iter().copied().max_by_key(|(_, weight)| *weight)?;
    // "Debit/Credit" in any language, and "Payer or payee".
    let role = match role {
        Role::Debit | Role::Credit if says(Role::Debit) && says(Role::Credit) => Role::Flag,
        Role::Payee | Role::Payer if says(Role::Payee) && says(Role::Payer) => Role::Party,
        role => role,
    };
    Some((role, weight, false))
}

/// Words that say something only when they are the whole name.
const ALONE: [&str; 11] =
    ["name", "naam", "nome", "namn", "navn", "nimi", "naziv", "from", "info", "amount in", "amount out"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_in_many_languages() {
        for (cell, role) in [
            ("Transaction Date", Role::Operation),
            ("Posting Date", Role::Booked),
            ("Buchungstag", Role::Booked),
            ("Betrag (EUR)", Role::Amount),
            ("Betrag (Fremdwährung)", Role::Other),
            ("Fremdwährung", Role::Other),
            ("Soll/Haben", Role::Flag),
            ("Withdrawals (SGD)", Role::Debit),
            ("Date d'opération", Role::Operation),
            ("Libellé", Role::Details),
            ("Débit", Role::Debit),
            ("F. Valor", Role::Value),
            ("Importe", Role::Amount),
            ("Descrição", Role::Details),
            ("Entrate", Role::Credit),
            ("Naam tegenpartij", Role::Party),
            ("Af Bij", Role::Flag),
            ("Data księgowania", Role::Booked),
            ("Kwota operacji", Role::Amount),
            ("Zaúčtovaná částka", Role::Amount),
            ("Könyvelés dátuma", Role::Booked),
            ("Összeg", Role::Amount),
            ("Bokföringsdag", Role::Booked),
            ("Insättning", Role::Credit),
            ("local_amount", Role::Other),
            ("Running Balance", Role::Balance),
            ("Customer account number", Role::Other),
            ("Money Out", Role::Debit),
            ("Paid In (EUR)", Role::Credit),
            ("Betrag in EUR", Role::Amount),
            ("amount_spending_positive", Role::AmountOut),
        ] {
            assert_eq!(heading(cell).map(|h| h.role), Some(role), "{cell}");
        }
        assert_eq!(heading("Withdrawals (SGD)").and_then(|h| h.currency).as_deref(), Some("SGD"));
        assert_eq!(heading("Montant (EUROS)").and_then(|h| h.currency).as_deref(), Some("EUR"));
        assert_eq!(heading("Valor (R$)").map(|h| h.role), Some(Role::Amount));
        assert_eq!(heading("TESCO STORES 2231"), None);
        assert_eq!(heading("Ausgang/Eingang").map(|h| h.role), Some(Role::Flag));
        assert_eq!(heading("Card Holder Full Name").map(|h| h.role), Some(Role::Other));
        assert_eq!(currency_of("CAD$").as_deref(), Some("CAD"));
        assert!(heading("Naam tegenpartij").unwrap().weight > heading("Naam").unwrap().weight);
    }

    #[test]
    fn the_table_is_written_in_plain_words() {
        for (role, phrases) in TABLE {
            for phrase in phrases.split('|') {
                assert_eq!(plain_words(phrase), phrase, "{role:?}");
            }
        }
        assert!(TABLE[ENGLISH - 1].1.starts_with("account|") && TABLE[ENGLISH].1.contains("buchungstag"));
    }
}
