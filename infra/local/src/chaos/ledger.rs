//! What a writer did, and so what may be stored: for each row every state that it may be in.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub cents: i64,
    pub category: String,
    pub deleted: bool,
}

/// A row of the writer's own, known again by its note.
#[derive(Clone, Debug)]
pub struct Row {
    pub note: String,
    /// As it was answered; without, it is only known that it may be there.
    pub id: Option<String>,
    /// Each state that it may be in; none of them means that it may be absent.
    pub may_be: BTreeSet<Option<Entry>>,
    /// How often its category was corrected, at least and at most.
    pub corrected: (u64, u64),
}

impl Row {
    /// The one state that it is in.
    pub fn known(&self) -> Option<&Entry> {
        let mut all = self.may_be.iter();
        all.next().filter(|_| all.next().is_none()).and_then(Option::as_ref)
    }

    /// A change was done; or nobody knows, and it may be or not.
    pub fn change(&mut self, done: bool, change: impl Fn(&mut Entry)) {
        let changed = self.may_be.iter().cloned().map(|entry| {
            entry.map(|mut entry| {
                change(&mut entry);
                entry
            })
        });
        let changed: BTreeSet<_> = changed.collect();
        if done {
            self.may_be = changed;
        } else {
            self.may_be.extend(changed);
        }
    }

    /// The category was changed by hand, which is recorded.
    pub fn correct(&mut self, done: bool, to: &str) {
        let moved = self.known().is_some_and(|entry| entry.category != to);
        self.corrected.1 += u64::from(moved);
        self.corrected.0 += u64::from(moved && done);
        self.change(done, |entry| to.clone_into(&mut entry.category));
    }
}

/// A statement that was imported; its rows are known by their text.
#[derive(Clone, Debug)]
pub struct Import {
    pub mark: String,
    pub rows: u64,
    /// None: nobody knows whether it was begun.
    pub id: Option<String>,
    /// Whether it was asked to be taken back; none if nobody knows whether that was heard.
    pub reverted: Option<bool>,
}

#[derive(Clone, Debug, Default)]
pub struct Ledger {
    pub rows: Vec<Row>,
    pub imports: Vec<Import>,
    /// Each amount that the writer's budgets may have.
    pub budgets: BTreeMap<String, BTreeSet<i64>>,
    pub writes: u64,
    pub unknown: u64,
}

/// Cents as an amount on the wire.
pub fn amount(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.unsigned_abs();
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// An amount on the wire in cents: whole numbers, apart from the code under test.
pub fn cents(amount: &str) -> Option<i64> {
    let (whole, part) = amount.split_once('.')?;
    let digits: i64 = format!("{}{part}", whole.trim_start_matches('-')).parse().ok()?;
    (part.len() == 2).then_some(if whole.starts_with('-') { -digits } else { digits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_nobody_knows_of_leaves_both_states_open() {
        let entry = Entry { cents: 5, category: "a".into(), deleted: false };
        let may_be = BTreeSet::from([Some(entry.clone())]);
        let mut row = Row { note: String::new(), id: None, may_be, corrected: (0, 0) };
        row.correct(true, "b");
        assert_eq!((row.known().unwrap().category.as_str(), row.corrected), ("b", (1, 1)));
        row.change(false, |entry| entry.cents = 7);
        assert_eq!((row.known(), row.may_be.len()), (None, 2));
        row.change(true, |entry| entry.cents = 9);
        assert_eq!(row.known().unwrap().cents, 9);
    }

    #[test]
    fn amounts_are_whole_cents() {
        assert_eq!([amount(-5), amount(123_450)], ["-0.05", "1234.50"]);
        assert_eq!([cents("-0.05"), cents("1234.50"), cents("1.5")], [Some(-5), Some(123_450), None]);
    }
}
