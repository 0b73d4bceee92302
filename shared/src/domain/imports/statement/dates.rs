//! Reading one date cell. Whether 03/04 is April or March is not a cell's to say: the whole column decides.

use time::{Date, Month};

use super::mapping::DateOrder;
use super::text::unguarded;
use super::words::month_number;

/// A date cell taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lexed {
    /// Readable in one way only: year first, or a month by name.
    Sure(Date),
    /// Three numbers whose order is open.
    Open(Open),
}

/// Three numbers of a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Open {
    first: u16,
    second: u16,
    third: u16,
    /// All of two digits, so that the year may come first.
    short: bool,
    /// Parted by dots, as nobody does who writes the month first.
    pub(super) dotted: bool,
}

impl Open {
    /// The date in one order, if it is one.
    pub(super) fn read(self, order: DateOrder) -> Option<Date> {
        match order {
            DateOrder::Dmy => date(year(self.third, self.short), self.second, self.first),
            DateOrder::Mdy => date(year(self.third, self.short), self.first, self.second),
            DateOrder::Ymd if self.short => date(year(self.first, true), self.second, self.third),
            DateOrder::Ymd => None,
        }
    }
}

impl Lexed {
    /// The date in the column's order.
    pub(super) fn read(self, order: DateOrder) -> Option<Date> {
        match self {
            Self::Sure(date) => Some(date),
            Self::Open(open) => open.read(order),
        }
    }
}

/// Two digits mean 1970 to 2069.
const fn year(number: u16, short: bool) -> u16 {
    if !short {
        number
    } else if number < 70 {
        2000 + number
    } else {
        1900 + number
    }
}

fn date(year: u16, month: u16, day: u16) -> Option<Date> {
    if !(1970..=2100).contains(&year) {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).ok()?).ok()
}

#[derive(Debug, Clone, Copy)]
enum Token {
    Number(u16, usize),
    Month(u16),
}

/// Takes a cell apart; `None` if it holds no date. A time of day and a zone may follow and are not used: the date is the
/// local one the statement shows, as the account holder sees it.
pub(super) fn lex(cell: &str) -> Option<Lexed> {
    let text = unguarded(cell);
    if text.len() > 60 || !text.bytes().any(|b| b.is_ascii_digit()) {
        return None;
    }
    if let Some(found) = compact(text) {
        return Some(found);
    }
    if let Some(found) = east_asian(text) {
        return Some(found);
    }
    let mut rest = text;
    let (one, _) = token(&mut rest, true)?;
    let (two, before_two) = token(&mut rest, false)?;
    let (three, before_three) = token(&mut rest, false)?;
    let mark = before_two.trim();
    match (one, two, three) {
        (Token::Number(y, 4), Token::Number(m, 1..=2), Token::Number(d, 1..=2)) if plain(before_two, before_three) => {
            tail(rest)?;
            date(y, m, d).map(Lexed::Sure)
        }
        (Token::Number(y, 4), Token::Month(m), Token::Number(d, 1..=2))
        | (Token::Number(d, 1..=2), Token::Month(m), Token::Number(y, 4))
        | (Token::Month(m), Token::Number(d, 1..=2), Token::Number(y, 4)) => {
            tail(rest)?;
            date(y, m, d).map(Lexed::Sure)
        }
        (Token::Number(d, 1..=2), Token::Month(m), Token::Number(y, 2))
        | (Token::Month(m), Token::Number(d, 1..=2), Token::Number(y, 2)) => {
            tail(rest)?;
            date(year(y, true), m, d).map(Lexed::Sure)
        }
        (Token::Number(first, 1..=2), Token::Number(second, 1..=2), Token::Number(third, digits @ (2 | 4)))
            if plain(before_two, before_three) =>
        {
            tail(rest)?;
            let open = Open { first, second, third, short: digits == 2, dotted: mark == "." };
            let any = [DateOrder::Dmy, DateOrder::Mdy, DateOrder::Ymd].iter().any(|order| open.read(*order).is_some());
            any.then_some(Lexed::Open(open))
        }
        _ => None,
    }
}

/// Numbers of one date stand apart by the same one of these.
fn plain(left: &str, right: &str) -> bool {
    left.trim() == right.trim() && matches!(left.trim(), "." | "/" | "-" | "")
}

/// `2024年1月31日`, and `2024년 1월 31일`.
fn east_asian(text: &str) -> Option<Lexed> {
    let (y, rest) = text.split_once(['年', '년'])?;
    let (m, rest) = rest.split_once(['月', '월'])?;
    let (d, rest) = rest.split_once(['日', '일'])?;
    tail(rest)?;
    date(y.trim().parse().ok()?, m.trim().parse().ok()?, d.trim().parse().ok()?).map(Lexed::Sure)
}

/// `20240131`, with or without a time behind it, or `31012024`.
fn compact(text: &str) -> Option<Lexed> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits != 8 && digits != 14 {
        return None;
    }
    tail(text.get(digits..)?)?;
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u16>().ok();
    if let Some(found) = date(number(0..4)?, number(4..6)?, number(6..8)?) {
        return Some(Lexed::Sure(found));
    }
    let open = Open { first: number(0..2)?, second: number(2..4)?, third: number(4..8)?, short: false, dotted: false };
    let any = digits == 8 && (open.read(DateOrder::Dmy).is_some() || open.read(DateOrder::Mdy).is_some());
    any.then_some(Lexed::Open(open))
}

/// The next number or month name, and what stood before it. Other words are skipped only in front: weekdays.
fn token<'a>(rest: &mut &'a str, front: bool) -> Option<(Token, &'a str)> {
    let start = rest.find(|c: char| c.is_alphanumeric())?;
    let (gap, text) = rest.split_at_checked(start)?;
    if gap.chars().count() > 2 || !gap.chars().all(|c| matches!(c, '.' | '/' | '-' | ' ' | ',' | '\u{a0}' | '’' | '\''))
    {
        return None;
    }
    let numeric = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text
        .find(|c: char| if numeric { !c.is_ascii_digit() } else { !c.is_alphabetic() && !super::text::is_combining(c) })
        .unwrap_or(text.len());
    let (word, after) = text.split_at_checked(end)?;
    *rest = after;
    if numeric {
        return Some((Token::Number(word.parse().ok()?, word.len()), gap));
    }
    if let Some(month) = month_number(word) {
        return Some((Token::Month(month), gap));
    }
    // The Iberian "de" between the parts, and a weekday in front.
    if (front && is_weekday(word)) || word.eq_ignore_ascii_case("de") {
        return token(rest, false);
    }
    None
}

/// English and German weekdays, the only ones that banks were seen to write.
fn is_weekday(word: &str) -> bool {
    let low = word.to_lowercase();
    ["mon", "tue", "wed", "thu", "fri", "sat", "sun", "mo", "di", "mi", "do", "fr", "sa", "so"].contains(&low.as_str())
        || (low.len() <= 10 && (low.ends_with("day") || low.ends_with("tag")))
}

/// Behind a date only a time of day and a zone may stand; anything else makes the cell a text that has a date in it.
fn tail(rest: &str) -> Option<()> {
    let rest = rest.trim_start_matches(['.', ',']);
    if rest.trim().is_empty() {
        return Some(());
    }
    if !rest.starts_with([' ', 'T', 't', '\u{a0}', '-', '_']) || rest.len() > 40 {
        return None;
    }
    let sound = rest
        .split(|c: char| !c.is_alphabetic())
        .all(|word| word.len() <= 4 && (word.len() < 2 || word.bytes().all(|b| b.is_ascii_alphabetic())));
    let marks = rest
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ':' | '.' | ',' | '+' | '-' | ' ' | '\u{a0}' | '\u{202f}' | '_'));
    let clock = rest.trim_start_matches([' ', 'T', 't', '\u{a0}', '-', '_']);
    let hours = clock.bytes().take_while(u8::is_ascii_digit).count();
    let mark = clock.get(hours..).is_some_and(|after| after.starts_with([':', '.', 'h']));
    let time = (matches!(hours, 1..=2) && mark) || matches!(hours, 4 | 6);
    (sound && marks && time).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn dates_in_every_manner() {
        for (cell, order, want) in [
            ("2024-01-31", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("2024/01/31", DateOrder::Mdy, date!(2024 - 01 - 31)),
            ("20240131", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("20240131143000", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("31012024", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("31.01.2024", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("31. 1. 2024", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("1/2/24", DateOrder::Mdy, date!(2024 - 01 - 02)),
            ("1/2/24", DateOrder::Dmy, date!(2024 - 02 - 01)),
            ("24-01-02", DateOrder::Ymd, date!(2024 - 01 - 02)),
            ("01/02/85", DateOrder::Dmy, date!(1985 - 02 - 01)),
            ("2024-01-31T23:59:59Z", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("2024-01-31 23:59:59 +0200", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("2024-01-31 23:59:59.123456", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("31/01/2024 09:15", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("Jan 31, 2024 9:15 AM", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("31-Jan-24", DateOrder::Mdy, date!(2024 - 01 - 31)),
            ("31 Jan 2024", DateOrder::Mdy, date!(2024 - 01 - 31)),
            ("31 janv. 2024", DateOrder::Mdy, date!(2024 - 01 - 31)),
            ("1. März 2024", DateOrder::Mdy, date!(2024 - 03 - 01)),
            ("12 września 2023", DateOrder::Mdy, date!(2023 - 09 - 12)),
            ("5 de mayo de 2024", DateOrder::Mdy, date!(2024 - 05 - 05)),
            ("2024. január 5.", DateOrder::Mdy, date!(2024 - 01 - 05)),
            ("2024年1月31日", DateOrder::Dmy, date!(2024 - 01 - 31)),
            ("2024.01.05.", DateOrder::Mdy, date!(2024 - 01 - 05)),
            ("Wed 31 Jan 2024", DateOrder::Mdy, date!(2024 - 01 - 31)),
            ("=\"31/01/2024\"", DateOrder::Dmy, date!(2024 - 01 - 31)),
        ] {
            assert_eq!(lex(cell).and_then(|l| l.read(order)), Some(want), "{cell}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for cell in [
            "",
            "12.50",
            "1,234.56",
            "31.02.2024x",
            "2024-13-01",
            "2023-02-29",
            "99/99/2024",
            "TESCO 12/01/2024",
            "12/01/2024 TESCO",
            "1/2/3",
            "1-2.2024",
            "01/01/0001",
            "POS 18SEP",
            "15/04/18  66-6666 UBER EATS",
            "12:30",
            "66-666666-666",
        ] {
            assert_eq!(lex(cell), None, "{cell}");
        }
    }
}
