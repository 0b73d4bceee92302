//! Which period comes after another.

use crate::domain::months::{months_between, nth};
use time::{Date, Month};

/// From one day to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Date,
    /// The day of the month that periods begin on, where this one begins before it because its month is too short.
    pub anchor: Option<u8>,
}

impl Span {
    /// The period that follows. Whole months are followed by as many, whatever day they begin on: January by February,
    /// a quarter by a quarter, 15 January – 14 February by 15 February – 14 March. Anything else by as many days.
    /// Nothing follows where the calendar ends.
    pub fn next(self) -> Option<Self> {
        let start = self.end.next_day()?;
        let anchor = self.anchor.unwrap_or(self.start.day());
        let months = months_between(self.start, start);
        // A year from 29 February ends on the 28th; from then on years begin on 1 March.
        let leap_year = (self.start.month(), self.start.day()) == (Month::February, 29)
            && (self.end.month(), self.end.day()) == (Month::February, 28);
        let whole = if leap_year {
            Some((months.checked_sub(1)?, 1))
        } else {
            (months > 0 && nth(self.start, months, anchor)? == start).then_some((months, anchor))
        };
        match whole {
            Some((months, anchor)) => {
                let end = nth(start, months, anchor)?.previous_day()?;
                Some(Self { start, end, anchor: (anchor > start.day()).then_some(anchor) })
            }
            None => Some(Self { start, end: start.checked_add(self.end - self.start)?, anchor: None }),
        }
    }

    /// The first of the periods that follow which is not over on a day.
    pub fn next_on(self, day: Date) -> Option<Self> {
        let mut next = self.next()?;
        while next.end < day {
            next = next.next()?;
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, macros::date};

    fn span(start: Date, end: Date) -> Span {
        Span { start, end, anchor: None }
    }

    /// The periods after one, as many as are named.
    fn follow(first: Span, expected: &[(Date, Date)]) {
        let mut last = first;
        for (start, end) in expected {
            last = last.next().unwrap();
            assert_eq!((last.start, last.end), (*start, *end), "after {first:?}");
        }
    }

    #[test]
    fn must_hold_27_months_quarters_and_years_are_those_of_the_calendar() {
        follow(
            span(date!(2026 - 01 - 01), date!(2026 - 01 - 31)),
            &[
                (date!(2026 - 02 - 01), date!(2026 - 02 - 28)),
                (date!(2026 - 03 - 01), date!(2026 - 03 - 31)),
                (date!(2026 - 04 - 01), date!(2026 - 04 - 30)),
            ],
        );
        follow(
            span(date!(2028 - 01 - 01), date!(2028 - 01 - 31)),
            &[(date!(2028 - 02 - 01), date!(2028 - 02 - 29)), (date!(2028 - 03 - 01), date!(2028 - 03 - 31))],
        );
        follow(
            span(date!(2025 - 10 - 01), date!(2025 - 12 - 31)),
            &[(date!(2026 - 01 - 01), date!(2026 - 03 - 31)), (date!(2026 - 04 - 01), date!(2026 - 06 - 30))],
        );
        follow(
            span(date!(2027 - 03 - 01), date!(2028 - 02 - 29)),
            &[(date!(2028 - 03 - 01), date!(2029 - 02 - 28)), (date!(2029 - 03 - 01), date!(2030 - 02 - 28))],
        );
        follow(
            span(date!(2026 - 01 - 01), date!(2026 - 12 - 31)),
            &[(date!(2027 - 01 - 01), date!(2027 - 12 - 31)), (date!(2028 - 01 - 01), date!(2028 - 12 - 31))],
        );
    }

    #[test]
    fn must_hold_27_months_that_begin_on_another_day_keep_it() {
        follow(
            span(date!(2026 - 01 - 15), date!(2026 - 02 - 14)),
            &[(date!(2026 - 02 - 15), date!(2026 - 03 - 14)), (date!(2026 - 03 - 15), date!(2026 - 04 - 14))],
        );
        follow(
            span(date!(2026 - 01 - 31), date!(2026 - 02 - 27)),
            &[
                (date!(2026 - 02 - 28), date!(2026 - 03 - 30)),
                (date!(2026 - 03 - 31), date!(2026 - 04 - 29)),
                (date!(2026 - 04 - 30), date!(2026 - 05 - 30)),
                (date!(2026 - 05 - 31), date!(2026 - 06 - 29)),
            ],
        );
        follow(
            span(date!(2024 - 02 - 29), date!(2025 - 02 - 28)),
            &[
                (date!(2025 - 03 - 01), date!(2026 - 02 - 28)),
                (date!(2026 - 03 - 01), date!(2027 - 02 - 28)),
                (date!(2027 - 03 - 01), date!(2028 - 02 - 29)),
            ],
        );
    }

    #[test]
    fn must_hold_27_any_other_period_is_followed_by_as_many_days() {
        follow(
            span(date!(2026 - 03 - 02), date!(2026 - 03 - 08)),
            &[(date!(2026 - 03 - 09), date!(2026 - 03 - 15)), (date!(2026 - 03 - 16), date!(2026 - 03 - 22))],
        );
        follow(span(date!(2028 - 02 - 01), date!(2028 - 02 - 28)), &[(date!(2028 - 02 - 29), date!(2028 - 03 - 27))]);
        assert_eq!(span(date!(9999 - 12 - 01), date!(9999 - 12 - 31)).next(), None);
    }

    #[test]
    fn must_hold_27_periods_follow_each_other_without_a_gap_for_a_century() {
        for length in 1..800 {
            let start = date!(2024 - 01 - 31).checked_add(Duration::days(length % 31)).unwrap();
            let mut span = span(start, start.checked_add(Duration::days(length)).unwrap());
            for _ in 0..200 {
                let next = span.next().unwrap();
                assert_eq!(Some(next.start), span.end.next_day());
                assert!(next.end >= next.start, "{span:?} {next:?}");
                span = next;
            }
            let later = span.end.checked_add(Duration::days(5_000)).unwrap();
            let then = span.next_on(later).unwrap();
            assert!((then.start..=then.end).contains(&later), "{span:?} {then:?}");
        }
    }
}
