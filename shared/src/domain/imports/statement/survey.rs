//! One pass over the whole file for what a sample may not show: the order of dates, the decimal mark, the sign.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use csv::StringRecord;

use super::amounts;
use super::columns::{Columns, Money};
use super::dates::{self, Lexed};
use super::mapping::{DateOrder, Delimiter, SpendingSign};
use super::phrases::{Balance, Told, told};
use super::records::{Next, Place, Records};
use super::rows::tells_balance;
use super::stats::{Marks, Trend};
use super::text::is_blank;
use super::words::flag_word;

/// Rows whose texts are read.
pub(super) const TEXTS: usize = 1000;

/// Votes for the order of date parts.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct DateVotes {
    only_dmy: usize,
    only_mdy: usize,
    only_ymd: usize,
    /// Readable both ways as two different days.
    either: usize,
    dotted: bool,
    dmy: Trend,
    mdy: Trend,
}

impl DateVotes {
    pub(super) fn add(&mut self, cell: &str, trend: bool) {
        let Some(Lexed::Open(open)) = dates::lex(cell) else {
            return;
        };
        let (dmy, mdy) = (open.read(DateOrder::Dmy), open.read(DateOrder::Mdy));
        match (dmy, mdy) {
            (Some(a), Some(b)) => self.either += usize::from(a != b),
            (Some(_), None) => self.only_dmy += 1,
            (None, Some(_)) => self.only_mdy += 1,
            (None, None) => self.only_ymd += 1,
        }
        self.dotted |= open.dotted;
        if trend {
            self.dmy.add(dmy);
            self.mdy.add(mdy);
        }
    }

    /// Whether a date was seen that can be read in one order only.
    pub(super) const fn surely(&self) -> bool {
        self.only_dmy + self.only_mdy > 0
    }

    /// Whether no date speaks against an order.
    const fn agrees(&self, order: DateOrder) -> bool {
        match order {
            DateOrder::Dmy => self.only_mdy == 0,
            DateOrder::Mdy => self.only_dmy == 0,
            DateOrder::Ymd => false,
        }
    }

    /// Whether any date shows or needs an order.
    pub(super) const fn shows(&self) -> bool {
        self.only_dmy + self.only_mdy + self.only_ymd + self.either > 0
    }

    /// The order, or `None` if it stays open. `hint`: the file shows in other ways that it is not American;
    /// `oldest_first`: what the balances say of the direction.
    pub(super) fn decide(&self, hint: bool, oldest_first: Option<bool>) -> Option<DateOrder> {
        if self.only_ymd > self.only_dmy + self.only_mdy {
            return Some(DateOrder::Ymd);
        }
        // One stray cell (a trailer, a typing error) does not overrule a column.
        if self.only_dmy > self.only_mdy * 20 {
            return Some(DateOrder::Dmy);
        }
        if self.only_mdy > self.only_dmy * 20 {
            return Some(DateOrder::Mdy);
        }
        if self.only_dmy + self.only_mdy > 0 {
            return None;
        }
        if self.either == 0 || self.dotted || hint {
            return Some(DateOrder::Dmy);
        }
        // Both readings are valid days throughout. A statement is sorted: a reading in which the days keep jumping back
        // and forth is not the one. Two jumps, so that one late booking decides nothing.
        match (self.dmy.jumps(), self.mdy.jumps()) {
            (0, 2..) => return Some(DateOrder::Dmy),
            (2.., 0) => return Some(DateOrder::Mdy),
            _ => {}
        }
        // Where the balances tell the direction, the days go with it.
        let against = |trend: Trend| oldest_first.map(|oldest| if oldest { trend.falls } else { trend.rises });
        match (against(self.dmy), against(self.mdy)) {
            (Some(0), Some(1..)) => Some(DateOrder::Dmy),
            (Some(1..), Some(0)) => Some(DateOrder::Mdy),
            _ => None,
        }
    }
}

/// What the whole file shows.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) dates: DateVotes,
    pub(super) marks: Marks,
    pub(super) balance_marks: Marks,
    negative: usize,
    positive: usize,
    plus: usize,
    said_debit: usize,
    said_credit: usize,
    /// By sign of the amount, negative first: what the texts tell.
    purchases: (usize, usize),
    received: (usize, usize),
    payments: (usize, usize),
    incomes: (usize, usize),
    /// What a flag beside the signed amount says: how often money out is negative, and how often positive.
    hints: (usize, usize),
    debit_negative: usize,
    debit_positive: usize,
    credit_negative: usize,
    credit_positive: usize,
    ids: HashSet<u64>,
    ids_filled: usize,
    /// Rows with a date.
    pub(super) rows: usize,
    /// Dates above the rows put the month first.
    pub(super) american: bool,
}

/// Reads the file once.
pub(super) fn survey(text: &str, delimiter: Delimiter, from: Place, columns: &Columns) -> Facts {
    let mut facts = Facts::default();
    let mut records = Records::new(Cow::Borrowed(text), delimiter, from);
    let mut record = StringRecord::new();
    while let Some(next) = records.next_into(&mut record) {
        let cell = |at: usize| record.get(at).unwrap_or("");
        let dated = dates::lex(cell(columns.date)).is_some()
            || columns.value_date.is_some_and(|at| dates::lex(cell(at)).is_some());
        if !matches!(next, Next::Record(_)) || !dated || tells_balance(columns, &record) != Balance::No {
            continue;
        }
        facts.rows += 1;
        facts.dates.add(cell(columns.date), true);
        if let Some(at) = columns.value_date {
            facts.dates.add(cell(at), false);
        }
        if let Some(at) = columns.balance {
            facts.balance_marks.add(cell(at));
        }
        if let Some(at) = columns.external_id.filter(|at| !is_blank(cell(*at))) {
            let mut hasher = DefaultHasher::new();
            cell(at).hash(&mut hasher);
            facts.ids.insert(hasher.finish());
            facts.ids_filled += 1;
        }
        for at in columns.money.columns() {
            facts.add_amount(cell(at), at, columns, &cell);
        }
    }
    facts
}

impl Facts {
    fn add_amount<'r>(&mut self, raw: &str, at: usize, columns: &Columns, cell: &impl Fn(usize) -> &'r str) {
        let Some(lexed) = amounts::lex(raw) else {
            return;
        };
        self.marks.add_body(&lexed.body);
        if lexed.body.bytes().all(|b| matches!(b, b'0' | b'.' | b',')) {
            return;
        }
        match columns.money {
            Money::Split(debit, _) => {
                let slot = match (debit == Some(at), lexed.minus) {
                    (true, true) => &mut self.debit_negative,
                    (true, false) => &mut self.debit_positive,
                    (false, true) => &mut self.credit_negative,
                    (false, false) => &mut self.credit_positive,
                };
                *slot += 1;
            }
            Money::Signed(_) => {
                self.plus += usize::from(lexed.plus);
                self.said_debit += usize::from(lexed.debit == Some(true));
                self.said_credit += usize::from(lexed.debit == Some(false));
                if let Some(out) = columns.hint.and_then(|at| flag_word(cell(at))) {
                    if out == lexed.minus {
                        self.hints.0 += 1;
                    } else {
                        self.hints.1 += 1;
                    }
                }
                let texts = columns.description.iter().chain(&columns.payee).chain(&columns.kind);
                let texts = texts.map(|at| cell(*at)).filter(|text| self.rows <= TEXTS && text.len() < 300);
                let heard: Vec<Told> = texts.filter_map(told).collect();
                self.add_sign(lexed.minus, heard.into_iter());
            }
            Money::Flagged(..) => {}
        }
    }

    /// Counts one signed amount and what its texts tell.
    pub(super) fn add_sign(&mut self, minus: bool, texts: impl Iterator<Item = Told>) {
        let count = |slot: &mut (usize, usize)| if minus { slot.0 += 1 } else { slot.1 += 1 };
        if minus {
            self.negative += 1;
        } else {
            self.positive += 1;
        }
        match texts.min() {
            Some(Told::Received) => count(&mut self.received),
            Some(Told::Income) => count(&mut self.incomes),
            Some(Told::Purchase) => count(&mut self.purchases),
            Some(Told::Payment | Told::Card) => count(&mut self.payments),
            None => {}
        }
    }

    /// The order of dates; `foreign`: something beside the rows shows that the day comes first.
    pub(super) fn date_order(&self, foreign: bool, oldest_first: Option<bool>) -> Option<DateOrder> {
        let found = self.dates.decide(foreign || self.marks.sees_comma(), oldest_first);
        found.or_else(|| (self.american && self.dates.agrees(DateOrder::Mdy)).then_some(DateOrder::Mdy))
    }

    /// Whether the ids are ids: a few rows may come twice, but a text that repeats is none.
    pub(super) fn ids_unique(&self) -> bool {
        self.ids.len() * 100 >= self.ids_filled * 98
    }

    /// Whether cells of the debit and of the credit column carry a minus as a rule.
    pub(super) const fn split_signs(&self) -> (bool, bool) {
        (self.debit_negative > self.debit_positive, self.credit_negative > self.credit_positive)
    }

    /// The sign of spending in a single amount column, or `None` if it stays open. `balance_rises`: whether the balance
    /// rises by positive amounts.
    pub(super) const fn sign(&self, balance_rises: Option<bool>) -> Option<SpendingSign> {
        let (hint_negative, hint_positive) = self.hints;
        if hint_negative > hint_positive * 10 {
            return Some(SpendingSign::Negative);
        }
        if hint_positive > hint_negative * 10 {
            return Some(SpendingSign::Positive);
        }
        let all_received = self.received.0 > 0 && self.received.1 == 0;
        let card = self.positive > self.negative && all_received && self.received.0 * 2 >= self.negative;
        if let Some(rises) = balance_rises {
            // A card's balance may be what is owed, which rises by purchases.
            return match (rises, card) {
                (true, true) => None,
                (true, false) => Some(SpendingSign::Negative),
                (false, _) => Some(SpendingSign::Positive),
            };
        }
        if self.purchases.0 >= 2 && self.purchases.0 > self.purchases.1 * 10 && !card {
            return Some(SpendingSign::Negative);
        }
        if self.purchases.1 >= 2 && self.purchases.1 > self.purchases.0 * 10 && self.received.1 == 0 {
            return Some(SpendingSign::Positive);
        }
        if self.negative == 0 {
            // Marked on one side only, the bare numbers are the other side.
            return match (self.said_debit > 0, self.said_credit > 0, self.plus > 0) {
                (false, true, _) => Some(SpendingSign::Positive),
                (true, ..) | (_, _, true) => Some(SpendingSign::Negative),
                _ => None,
            };
        }
        // A card's export may show purchases positive; then what is negative are payments to the card and refunds.
        if card {
            return Some(SpendingSign::Positive);
        }
        if self.plus > 0 || (self.incomes.1 > 0 && self.incomes.0 == 0) {
            return Some(SpendingSign::Negative);
        }
        if self.incomes.0 > 0 && self.incomes.1 == 0 && self.positive > self.negative {
            return Some(SpendingSign::Positive);
        }
        let paid = self.payments.0 + self.received.0;
        if (paid > 0 && self.positive > self.negative) || (self.positive >= 3 && self.positive > self.negative * 2) {
            return None;
        }
        Some(SpendingSign::Negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn votes(cells: &[&str]) -> DateVotes {
        let mut votes = DateVotes::default();
        for cell in cells {
            votes.add(cell, true);
        }
        votes
    }

    #[test]
    fn the_order_of_dates_is_decided_over_the_column() {
        use DateOrder::{Dmy, Mdy, Ymd};
        assert_eq!(votes(&["03/04/2024", "13/04/2024"]).decide(false, None), Some(Dmy));
        assert_eq!(votes(&["03/04/2024", "03/14/2024"]).decide(false, None), Some(Mdy));
        assert_eq!(votes(&["99-04-03", "98-04-30"]).decide(false, None), Some(Ymd));
        assert_eq!(votes(&["03.04.2024"]).decide(false, None), Some(Dmy));
        assert_eq!(votes(&["03/04/2024"]).decide(false, None), None);
        assert_eq!(votes(&["03/04/2024"]).decide(true, None), Some(Dmy));
        assert_eq!(votes(&["03/03/2024"]).decide(false, None), Some(Dmy));
        assert_eq!(votes(&["13/04/2024", "04/14/2024"]).decide(false, None), None);
        // Sorted one way, jumping the other: 1 to 12 of January and February, day first.
        let sorted = [
            "01/01/2024",
            "05/01/2024",
            "12/01/2024",
            "02/02/2024",
            "07/02/2024",
            "01/03/2024",
            "09/03/2024",
            "02/04/2024",
        ];
        assert_eq!(votes(&sorted).decide(false, None), Some(Dmy));
    }

    #[test]
    fn signs() {
        let facts =
            |negative, positive, received| Facts { negative, positive, received: (received, 0), ..Facts::default() };
        assert_eq!(facts(5, 1, 0).sign(None), Some(SpendingSign::Negative));
        assert_eq!(facts(2, 30, 2).sign(None), Some(SpendingSign::Positive));
        assert_eq!(facts(0, 30, 0).sign(None), None);
        assert_eq!(facts(8, 40, 1).sign(None), None);
        // One refund on a card, or one purchase from an account that is saved on: nothing tells.
        assert_eq!(facts(1, 30, 0).sign(None), None);
        // A payment out of an account with more money in than out is no card's.
        assert_eq!(Facts { payments: (1, 0), ..facts(1, 3, 0) }.sign(None), None);
        assert_eq!(Facts { plus: 1, ..facts(0, 3, 0) }.sign(None), Some(SpendingSign::Negative));
        assert_eq!(Facts { said_credit: 1, ..facts(0, 3, 0) }.sign(None), Some(SpendingSign::Positive));
        assert_eq!(Facts { purchases: (0, 3), ..facts(0, 3, 0) }.sign(None), Some(SpendingSign::Positive));
        assert_eq!(Facts { incomes: (0, 1), ..facts(1, 5, 0) }.sign(None), Some(SpendingSign::Negative));
        assert_eq!(Facts { incomes: (1, 0), ..facts(1, 5, 0) }.sign(None), Some(SpendingSign::Positive));
        assert_eq!(facts(1, 3, 0).sign(None), None);
        assert_eq!(Facts { hints: (0, 3), ..facts(2, 1, 0) }.sign(None), Some(SpendingSign::Positive));
        assert_eq!(facts(0, 5, 0).sign(Some(false)), Some(SpendingSign::Positive));
    }

    #[test]
    fn balances_tell_the_direction_and_the_direction_the_order_of_dates() {
        let votes = votes(&["12/01/2024", "03/02/2024"]);
        assert_eq!(votes.decide(false, Some(true)), Some(DateOrder::Dmy));
        assert_eq!(votes.decide(false, Some(false)), Some(DateOrder::Mdy));
        assert_eq!(votes.decide(false, None), None);
    }
}
