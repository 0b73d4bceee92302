//! One pass over the whole file for what a sample may not show: the order of dates, the decimal mark, the sign.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use csv::StringRecord;
use rust_decimal::Decimal;
use time::Date;

use super::amounts;
use super::columns::{Columns, Money};
use super::dates::{self, Lexed};
use super::mapping::{DateOrder, DecimalMark, Delimiter, SpendingSign};
use super::records::{Next, Place, Records};
use super::stats::{Agreement, Marks, Sampled, agreement, number};
use super::text::is_blank;
use super::words::is_card_payment;

/// Follows the dates of a column in one reading: statements run forwards or backwards, so a reading that jumps is wrong.
#[derive(Debug, Default, Clone, Copy)]
struct Trend {
    last: Option<Date>,
    rises: usize,
    falls: usize,
}

impl Trend {
    fn add(&mut self, date: Option<Date>) {
        if let (Some(last), Some(date)) = (self.last, date) {
            self.rises += usize::from(date > last);
            self.falls += usize::from(date < last);
        }
        self.last = date.or(self.last);
    }

    /// Steps against the main direction.
    fn jumps(self) -> usize {
        self.rises.min(self.falls)
    }
}

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

    /// Whether any date shows or needs an order.
    pub(super) const fn shows(&self) -> bool {
        self.only_dmy + self.only_mdy + self.only_ymd + self.either > 0
    }

    /// The order, or `None` if it stays open. `hint`: the file shows in other ways that it is not American.
    pub(super) fn decide(&self, hint: bool) -> Option<DateOrder> {
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
            (0, 2..) => Some(DateOrder::Dmy),
            (2.., 0) => Some(DateOrder::Mdy),
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
    payments_negative: usize,
    payments_positive: usize,
    debit_negative: usize,
    debit_positive: usize,
    credit_negative: usize,
    credit_positive: usize,
    ids: HashSet<u64>,
    ids_filled: usize,
    /// Rows with a date.
    pub(super) rows: usize,
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
        if !matches!(next, Next::Record(_)) || !dated {
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
                let texts = columns.description.iter().chain(&columns.payee).chain(&columns.kind);
                let payment = texts.map(|at| cell(*at)).any(|text| text.len() < 300 && is_card_payment(text));
                self.plus += usize::from(lexed.plus);
                self.said_debit += usize::from(lexed.debit == Some(true));
                self.said_credit += usize::from(lexed.debit == Some(false));
                if lexed.minus {
                    self.negative += 1;
                    self.payments_negative += usize::from(payment);
                } else {
                    self.positive += 1;
                    self.payments_positive += usize::from(payment);
                }
            }
            Money::Flagged(..) => {}
        }
    }

    /// Whether the ids are ids: a few rows may come twice, but a text that repeats is none.
    pub(super) fn ids_unique(&self) -> bool {
        self.ids.len() * 100 >= self.ids_filled * 98
    }

    /// Whether cells of the debit and of the credit column carry a minus as a rule.
    pub(super) const fn split_signs(&self) -> (bool, bool) {
        (self.debit_negative > self.debit_positive, self.credit_negative > self.credit_positive)
    }

    /// The sign of spending in a single amount column, or `None` if it stays open.
    pub(super) const fn sign(&self, balance: Agreement) -> Option<SpendingSign> {
        let card = self.positive > self.negative
            && self.payments_negative > 0
            && self.payments_negative * 2 >= self.negative
            && self.payments_positive * 5 <= self.positive;
        if balance.says_rises() {
            // A card's balance may be what is owed, which rises by purchases.
            return if card { None } else { Some(SpendingSign::Negative) };
        }
        if balance.says_falls() {
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
        if self.payments_negative > 0 && self.positive >= 10 && self.positive > self.negative * 4 {
            return None;
        }
        Some(SpendingSign::Negative)
    }
}

/// Compares the amounts with the running balance over the sample.
pub(super) fn balance_agreement(rows: &[Sampled], columns: &Columns, mark: DecimalMark) -> Agreement {
    let (Money::Signed(amount), Some(balance)) = (columns.money, columns.balance) else {
        return Agreement::default();
    };
    let pairs: Vec<(Option<Decimal>, Option<Decimal>)> =
        rows.iter().map(|row| (number(row.cell(amount), mark), number(row.cell(balance), mark))).collect();
    agreement(&pairs)
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
        assert_eq!(votes(&["03/04/2024", "13/04/2024"]).decide(false), Some(Dmy));
        assert_eq!(votes(&["03/04/2024", "03/14/2024"]).decide(false), Some(Mdy));
        assert_eq!(votes(&["99-04-03", "98-04-30"]).decide(false), Some(Ymd));
        assert_eq!(votes(&["03.04.2024"]).decide(false), Some(Dmy));
        assert_eq!(votes(&["03/04/2024"]).decide(false), None);
        assert_eq!(votes(&["03/04/2024"]).decide(true), Some(Dmy));
        assert_eq!(votes(&["03/03/2024"]).decide(false), Some(Dmy));
        assert_eq!(votes(&["13/04/2024", "04/14/2024"]).decide(false), None);
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
        assert_eq!(votes(&sorted).decide(false), Some(Dmy));
    }

    #[test]
    fn signs() {
        let none = Agreement::default();
        let facts =
            |negative, positive, payments_negative| Facts { negative, positive, payments_negative, ..Facts::default() };
        assert_eq!(facts(5, 1, 0).sign(none), Some(SpendingSign::Negative));
        assert_eq!(facts(2, 30, 2).sign(none), Some(SpendingSign::Positive));
        assert_eq!(facts(0, 30, 0).sign(none), None);
        assert_eq!(facts(8, 40, 1).sign(none), None);
        assert_eq!(Facts { plus: 1, ..facts(0, 3, 0) }.sign(none), Some(SpendingSign::Negative));
        assert_eq!(Facts { said_credit: 1, ..facts(0, 3, 0) }.sign(none), Some(SpendingSign::Positive));
        assert_eq!(facts(0, 5, 0).sign(Agreement { rises: 0, falls: 4, pairs: 4 }), Some(SpendingSign::Positive));
    }
}
