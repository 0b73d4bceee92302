//! A transaction as a line of a CSV that spreadsheets may open and the import takes back.

use super::Transaction;
use crate::platform::problem::Problem;

/// The columns. The amount's name says its sign, and all are names that the import of a bank's file knows.
pub(super) const HEADER: [&str; 6] =
    ["date", "description", "amount (spending positive)", "currency", "category", "note"];

/// The cells of a transaction, in the order of the columns.
pub(super) fn of(transaction: &Transaction) -> [String; 6] {
    [
        transaction.date.to_string(),
        guarded(&transaction.merchant_raw),
        transaction.amount.amount().to_string(),
        transaction.currency.clone(),
        guarded(&transaction.category),
        guarded(transaction.note.as_deref().unwrap_or_default()),
    ]
}

/// What writes lines at the end of a text. One for many lines: each has a buffer of its own to be made and emptied.
pub(super) fn writer(text: &mut Vec<u8>) -> csv::Writer<&mut Vec<u8>> {
    csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(text)
}

/// Writes a line.
pub(super) fn write<C: AsRef<[u8]>>(lines: &mut csv::Writer<&mut Vec<u8>>, cells: [C; 6]) -> Result<(), Problem> {
    lines.write_record(cells).map_err(Problem::internal)
}

/// A text that no spreadsheet takes for a formula. The apostrophe is what spreadsheets themselves put before a text, and
/// the import takes it away again; so a text with one of its own gets another.
fn guarded(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number(text);
    let looks = |rest: &str| rest.starts_with(['=', '+', '-', '@', '\t', '\r']) || !rest.ends_with('\'');
    let own = text.strip_prefix('\'').is_some_and(looks);
    if formula || own { format!("'{text}") } else { text.to_owned() }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    plain(whole) && plain(decimals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        imports::statement::{Options, detect},
        money::Money,
    };
    use rust_decimal::Decimal;
    use serde_json::json;
    use std::collections::BTreeSet;
    use time::{Duration, OffsetDateTime, macros::date};
    use uuid::Uuid;

    #[test]
    fn must_hold_22_no_cell_is_a_formula_and_numbers_stay_numbers() {
        for text in ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "--1", "-1.2.3", "+1e5"] {
            assert_eq!(guarded(text), format!("'{text}"));
        }
        for text in ["-12.50", "+1", "-0.01", "12", "", "a=1", "Café", "1-2", "'quoted'"] {
            assert_eq!(guarded(text), text);
        }
        assert_eq!(guarded("'t Winkeltje"), "''t Winkeltje");
    }

    /// `SplitMix64`: the same numbers in every run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % n
        }

        fn of<T: Copy>(&mut self, all: &[T]) -> T {
            all[usize::try_from(self.below(u64::try_from(all.len()).unwrap())).unwrap()]
        }

        /// Words and what is odd in a CSV, with `first` before them.
        fn text(&mut self, first: &[&str]) -> String {
            let mut text = self.of(first).to_owned();
            for _ in 0..=self.below(4) {
                text.push_str(self.of(&[
                    "Corner shop",
                    "\"quoted\"",
                    "a, b; c",
                    "new\nline",
                    "=SUM(A1)",
                    "Łódź ☕",
                    "0049",
                    "12.50",
                    "x\ty",
                    "''",
                    "$5 off",
                    "2026-01-31",
                    "Total",
                    "EUR",
                    "|",
                    "\\",
                    "%",
                    "Balance",
                    "pending",
                ]));
                text.push_str(self.of(&[" ", " - ", "\"", "\n", ", "]));
            }
            text.push_str(self.of(&["end", "!", "\"", "9"]));
            text.trim().to_owned()
        }

        fn transaction(&mut self) -> Transaction {
            let cents = i64::try_from(self.below(99_999_999_999_999)).unwrap() + 1;
            let cents = [cents, cents % 1000 + 1][usize::try_from(self.below(2)).unwrap()];
            let now = OffsetDateTime::UNIX_EPOCH;
            Transaction {
                id: Uuid::now_v7(),
                amount: Money::of(Decimal::new(if self.below(3) == 0 { -cents } else { cents }, 2)),
                currency: self.of(&["USD", "EUR", "JPY", "GBP"]).into(),
                date: date!(1970 - 01 - 01) + Duration::days(i64::try_from(self.below(47_000)).unwrap()),
                merchant_raw: self.text(&["", "=", "+", "-", "@", "'", "\"", "-1 ", "Shop ", "Opening balance "]),
                merchant: None,
                category: self.text(&["", "="]),
                source: "manual".into(),
                note: (self.below(2) == 0).then(|| self.text(&["Note ", "\"", "9 ", "=", "@", "'"])),
                confidence: json!({}),
                anomaly_score: None,
                duplicate_of: None,
                import_id: None,
                receipt_url: None,
                ipfs_cid: None,
                is_deleted: false,
                created_at: now,
                updated_at: now,
                changed_seq: 1,
            }
        }
    }

    fn folded(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_exported_comes_back_to_the_cent() {
        let (mut random, mut seen) = (Random(7), BTreeSet::new());
        for _ in 0..300 {
            let all: Vec<_> = (0..=random.below(30)).map(|_| random.transaction()).collect();
            let mut text = Vec::new();
            let mut lines = writer(&mut text);
            write(&mut lines, HEADER).unwrap();
            for one in &all {
                write(&mut lines, of(one)).unwrap();
            }
            drop(lines);
            seen.extend(all.iter().filter_map(|transaction| transaction.merchant_raw.chars().next()));
            let shown = String::from_utf8_lossy(&text).into_owned();
            let options = Options { mapping: None, default_currency: "CHF".into() };
            let shape = detect(&text, &options).unwrap_or_else(|refusal| panic!("{refusal:?} of {shown}"));
            let rows: Vec<_> =
                shape.rows(&text).map(|row| row.unwrap_or_else(|error| panic!("{error:?} of {shown}"))).collect();
            assert_eq!(rows.len(), all.len(), "{shown}");
            for (row, was) in rows.iter().zip(&all) {
                assert_eq!(
                    (row.date, row.amount, &row.currency),
                    (was.date, was.amount.amount(), &was.currency),
                    "{shown}"
                );
                assert_eq!(row.description, folded(&was.merchant_raw), "{shown}");
                assert_eq!(row.note, was.note.as_deref().map(folded), "{shown}");
                assert_eq!(row.category, Some(folded(&was.category)), "{shown}");
                assert_eq!((&row.external_id, row.pending), (&None, false), "{shown}");
            }
        }
        assert!(['=', '+', '-', '@', '\'', '"'].iter().all(|first| seen.contains(first)), "{seen:?}");
    }
}
