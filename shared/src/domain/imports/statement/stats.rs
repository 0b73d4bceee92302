//! What the cells of each column look like, over a sample of the file.

use std::borrow::Cow;
use std::collections::HashSet;

use csv::StringRecord;
use rust_decimal::Decimal;
use time::Date;

use super::amounts::{self, Hint};
use super::currencies::is_code;
use super::dates::{self, Lexed};
use super::mapping::{DateOrder, DecimalMark, Delimiter};
use super::records::{Next, Place, Records};
use super::text::is_blank;
use super::words::flag_word;

/// A bank file has no more columns than this that matter.
pub(super) const MAX_COLUMNS: usize = 100;

/// A record kept from the sample.
#[derive(Debug, Clone)]
pub(super) struct Sampled {
    pub(super) place: Place,
    pub(super) cells: Vec<String>,
}

impl Sampled {
    pub(super) fn cell(&self, at: usize) -> &str {
        self.cells.get(at).map_or("", String::as_str)
    }
}

/// The first records, read with one delimiter.
pub(super) fn sample(text: &str, delimiter: Delimiter, from: Place, most: usize) -> Vec<Sampled> {
    let mut records = Records::new(Cow::Borrowed(text), delimiter, from);
    let mut record = StringRecord::new();
    let mut out = Vec::new();
    while let Some(next) = records.next_into(&mut record) {
        if let Next::Record(place) = next {
            out.push(Sampled { place, cells: record.iter().take(MAX_COLUMNS).map(str::to_owned).collect() });
        }
        if out.len() >= most {
            break;
        }
    }
    out
}

/// Counts over one column.
#[derive(Debug, Clone, Default)]
pub(super) struct Stat {
    pub(super) filled: usize,
    pub(super) dates: usize,
    pub(super) amounts: usize,
    /// Amounts written with cents.
    pub(super) fractions: usize,
    pub(super) negative: usize,
    pub(super) codes: usize,
    pub(super) flags: usize,
    /// Cells with letters in them that are nothing of the above.
    pub(super) texts: usize,
    pub(super) distinct: usize,
    pub(super) length: usize,
}

impl Stat {
    pub(super) const fn is_date(&self) -> bool {
        self.dates > 0 && self.dates * 2 >= self.filled
    }

    pub(super) const fn is_amount(&self) -> bool {
        self.amounts > 0 && self.amounts * 2 >= self.filled && self.dates * 2 < self.filled
    }

    pub(super) const fn is_code(&self) -> bool {
        self.codes > 0 && self.codes * 10 >= self.filled * 8
    }

    pub(super) const fn is_flag(&self) -> bool {
        self.flags > 0 && self.flags * 10 >= self.filled * 9
    }

    pub(super) const fn is_text(&self) -> bool {
        self.texts > 0 && self.texts * 2 >= self.filled
    }
}

/// Counts over all columns of the given rows.
pub(super) fn stats(rows: &[Sampled]) -> Vec<Stat> {
    let width = rows.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    (0..width).map(|at| stat(rows, at)).collect()
}

fn stat(rows: &[Sampled], at: usize) -> Stat {
    let mut out = Stat::default();
    let mut seen = HashSet::new();
    for cell in rows.iter().map(|row| row.cell(at)).filter(|cell| !is_blank(cell)) {
        out.filled += 1;
        out.length += cell.len();
        seen.insert(cell);
        let trimmed = cell.trim();
        if dates::lex(cell).is_some() {
            out.dates += 1;
        }
        if let Some(lexed) = amounts::lex(cell) {
            out.amounts += 1;
            out.negative += usize::from(lexed.minus);
            out.fractions += usize::from(matches!(amounts::hint(&lexed.body), Hint::Sure(_)));
        } else if is_code(&trimmed.to_ascii_uppercase()) && trimmed.len() == 3 {
            out.codes += 1;
        } else if trimmed.chars().any(char::is_alphabetic) && !is_account(trimmed) && dates::lex(cell).is_none() {
            out.texts += 1;
        }
        out.flags += usize::from(flag_word(cell).is_some());
    }
    out.distinct = seen.len();
    out
}

/// An IBAN or the like: two capitals and two digits in front, nothing but capitals and digits behind; or a masked number.
fn is_account(cell: &str) -> bool {
    if cell.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'X' | b'x' | b'*' | b' ' | b'-')) {
        return true;
    }
    let mut bytes = cell.bytes();
    let mut takes = |fit: fn(&u8) -> bool| bytes.next().is_some_and(|b| fit(&b));
    let head = takes(u8::is_ascii_uppercase)
        && takes(u8::is_ascii_uppercase)
        && takes(u8::is_ascii_digit)
        && takes(u8::is_ascii_digit);
    head && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ')
}

/// Whether the dates of a column rise or fall through the file. While their order is open, the one counts in which more of
/// them are dates.
pub(super) fn dates_rise(rows: &[Sampled], at: usize, order: Option<DateOrder>) -> Option<bool> {
    let trend = |order: DateOrder| {
        let (mut trend, mut read) = (Trend::default(), 0_usize);
        for row in rows {
            let lexed = dates::lex(row.cell(at));
            let day_first = matches!(lexed, Some(Lexed::Open(open)) if open.dotted) && order == DateOrder::Mdy;
            let date = lexed.filter(|_| !day_first).and_then(|lexed| lexed.read(order));
            read += usize::from(date.is_some());
            trend.add(date);
        }
        (read, trend.rise())
    };
    if let Some(order) = order {
        return trend(order).1;
    }
    match (trend(DateOrder::Dmy), trend(DateOrder::Mdy)) {
        ((a, rise), (b, _)) if a > b => rise,
        ((a, _), (b, rise)) if b > a => rise,
        ((_, a), (_, b)) => a.filter(|_| a == b),
    }
}

/// Follows the dates of a column in one reading: statements run forwards or backwards, so a reading that jumps is wrong.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Trend {
    last: Option<Date>,
    pub(super) rises: usize,
    pub(super) falls: usize,
}

impl Trend {
    pub(super) fn add(&mut self, date: Option<Date>) {
        if let (Some(last), Some(date)) = (self.last, date) {
            self.rises += usize::from(date > last);
            self.falls += usize::from(date < last);
        }
        self.last = date.or(self.last);
    }

    /// Steps against the main direction.
    pub(super) fn jumps(self) -> usize {
        self.rises.min(self.falls)
    }

    /// Whether the days rise as a rule, or fall.
    pub(super) const fn rise(self) -> Option<bool> {
        if self.rises > self.falls * 4 {
            Some(true)
        } else if self.falls > self.rises * 4 {
            Some(false)
        } else {
            None
        }
    }
}

/// A signed value, zero included.
pub(super) fn number(cell: &str, mark: DecimalMark) -> Option<Decimal> {
    let lexed = amounts::lex(cell)?;
    let value = amounts::value(&lexed.body, mark).ok()?;
    let minus = lexed.minus || lexed.debit == Some(true);
    Some(if minus { -value } else { value })
}

/// The decimal mark that the cells of some columns show: `Ok(None)` if they show nothing, `Err` if they contradict.
pub(super) fn mark_of<'a>(cells: impl Iterator<Item = &'a str>) -> Marks {
    let mut marks = Marks::default();
    for cell in cells {
        marks.add(cell);
    }
    marks
}

/// Votes for the decimal mark.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    comma: usize,
    point: usize,
    unclear_comma: usize,
    unclear_point: usize,
}

impl Marks {
    pub(super) fn add(&mut self, cell: &str) {
        if let Some(lexed) = amounts::lex(cell) {
            self.add_body(&lexed.body);
        }
    }

    pub(super) fn add_body(&mut self, body: &str) {
        match amounts::hint(body) {
            Hint::Sure(DecimalMark::Comma) => self.comma += 1,
            Hint::Sure(DecimalMark::Point) => self.point += 1,
            Hint::Unclear(DecimalMark::Comma) => self.unclear_comma += 1,
            Hint::Unclear(DecimalMark::Point) => self.unclear_point += 1,
            Hint::None => {}
        }
    }

    /// The mark, or `None` if `1.234` may be either.
    pub(super) const fn decide(&self) -> Option<DecimalMark> {
        if self.comma > self.point * 10 {
            return Some(DecimalMark::Comma);
        }
        if self.point > self.comma * 10 {
            return Some(DecimalMark::Point);
        }
        if self.comma + self.point + self.unclear_comma + self.unclear_point == 0 {
            return Some(DecimalMark::Point);
        }
        None
    }

    /// Whether any cell showed the mark surely.
    pub(super) const fn sees_mark(&self) -> bool {
        self.comma + self.point > 0
    }

    /// Whether all there is to see are cells like `1.234`.
    pub(super) const fn only_unclear_points(&self) -> bool {
        self.comma + self.point + self.unclear_comma == 0 && self.unclear_point > 0
    }

    /// The same for `1,234`.
    pub(super) const fn only_unclear_commas(&self) -> bool {
        self.comma + self.point + self.unclear_point == 0 && self.unclear_comma > 0
    }

    /// Whether a decimal comma was surely seen.
    pub(super) const fn sees_comma(&self) -> bool {
        self.comma > self.point * 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_decided_over_a_column() {
        assert_eq!(mark_of(["1.234", "5,20"].into_iter()).decide(), Some(DecimalMark::Comma));
        assert_eq!(mark_of(["1.234", "5.20"].into_iter()).decide(), Some(DecimalMark::Point));
        assert_eq!(mark_of(["1.234", "2.000"].into_iter()).decide(), None);
        assert_eq!(mark_of(["5,20", "5.20"].into_iter()).decide(), None);
        assert_eq!(mark_of(["5", "6"].into_iter()).decide(), Some(DecimalMark::Point));
    }
}
