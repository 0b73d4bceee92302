//! Arithmetic with the calendar's months.

use time::{Date, Month};

/// Whole months from one date's month to another's.
pub(super) fn months_between(from: Date, to: Date) -> i32 {
    let count = |date: Date| date.year().saturating_mul(12).saturating_add(i32::from(u8::from(date.month())));
    count(to).saturating_sub(count(from))
}

/// A day of the month so many months later; the month's last where it is shorter.
pub(super) fn nth(from: Date, months: i32, day: u8) -> Option<Date> {
    let count = i32::from(u8::from(from.month())).checked_sub(1)?.checked_add(months)?;
    let year = from.year().checked_add(count.div_euclid(12))?;
    let month = Month::try_from(u8::try_from(count.rem_euclid(12)).ok()?.checked_add(1)?).ok()?;
    Date::from_calendar_date(year, month, day.min(month.length(year))).ok()
}
