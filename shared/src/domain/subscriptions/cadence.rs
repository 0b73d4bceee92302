//! How often a charge recurs, and when it is due next.

use crate::domain::months::nth;
use time::{Date, Duration};

/// How often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cadence {
    /// Its name in the database and in answers.
    pub name: &'static str,
    step: Step,
    /// Charges a year.
    pub per_year: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Days(i64),
    Months(i32),
}

const CADENCES: [Cadence; 8] = [
    Cadence { name: "weekly", step: Step::Days(7), per_year: 52 },
    Cadence { name: "biweekly", step: Step::Days(14), per_year: 26 },
    Cadence { name: "four_weekly", step: Step::Days(28), per_year: 13 },
    Cadence { name: "monthly", step: Step::Months(1), per_year: 12 },
    Cadence { name: "bimonthly", step: Step::Months(2), per_year: 6 },
    Cadence { name: "quarterly", step: Step::Months(3), per_year: 4 },
    Cadence { name: "half_yearly", step: Step::Months(6), per_year: 2 },
    Cadence { name: "yearly", step: Step::Months(12), per_year: 1 },
];

impl Cadence {
    /// The one of a name.
    pub fn of(name: &str) -> Option<Self> {
        CADENCES.into_iter().find(|known| known.name == name)
    }

    /// When the charge after `last` is due: as many weeks later, or in the right month on the day it usually comes on.
    /// Banks book late: what usually comes on the 31st and last came on 2 March is due on 31 March.
    pub fn next(self, last: Date, usual_day: u8) -> Option<Date> {
        let months = match self.step {
            Step::Days(days) => return last.checked_add(Duration::days(days)),
            Step::Months(months) => months,
        };
        let plain = nth(last, months, last.day())?;
        let around = [-1, 0, 1].into_iter().filter_map(|more| nth(plain, more, usual_day));
        around.filter(|date| *date > last).min_by_key(|date| (*date - plain).abs())
    }

    /// The last day on which it counts as active without another charge: when it is a period late, but not after less
    /// than two weeks, for statements come late as well, nor more than 45 days.
    pub fn lapses_on(self, next: Date) -> Option<Date> {
        let period = match self.step {
            Step::Days(days) => days,
            Step::Months(months) => i64::from(months).saturating_mul(30),
        };
        next.checked_add(Duration::days(period.clamp(14, 45)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    fn next(name: &str, last: Date, usual_day: u8) -> Date {
        Cadence::of(name).unwrap().next(last, usual_day).unwrap()
    }

    #[test]
    fn weeks_are_days_and_months_are_the_calendar_s() {
        assert_eq!(next("weekly", date!(2028 - 02 - 26), 26), date!(2028 - 03 - 04));
        assert_eq!(next("biweekly", date!(2026 - 12 - 25), 25), date!(2027 - 01 - 08));
        assert_eq!(next("four_weekly", date!(2026 - 02 - 10), 10), date!(2026 - 03 - 10));
        assert_eq!(next("monthly", date!(2026 - 01 - 15), 15), date!(2026 - 02 - 15));
        assert_eq!(next("bimonthly", date!(2026 - 12 - 15), 15), date!(2027 - 02 - 15));
        assert_eq!(next("quarterly", date!(2026 - 11 - 30), 30), date!(2027 - 02 - 28));
        assert_eq!(next("half_yearly", date!(2026 - 08 - 31), 31), date!(2027 - 02 - 28));
        assert_eq!(next("yearly", date!(2028 - 02 - 29), 29), date!(2029 - 02 - 28));
    }

    #[test]
    fn a_day_that_a_month_lacks_comes_back() {
        assert_eq!(next("monthly", date!(2026 - 01 - 31), 31), date!(2026 - 02 - 28));
        assert_eq!(next("monthly", date!(2026 - 02 - 28), 31), date!(2026 - 03 - 31));
        assert_eq!(next("monthly", date!(2028 - 02 - 29), 30), date!(2028 - 03 - 30));
    }

    #[test]
    fn a_late_booking_does_not_move_the_day() {
        assert_eq!(next("monthly", date!(2026 - 03 - 02), 31), date!(2026 - 03 - 31));
        assert_eq!(next("monthly", date!(2026 - 05 - 04), 1), date!(2026 - 06 - 01));
        assert_eq!(next("monthly", date!(2026 - 05 - 29), 1), date!(2026 - 07 - 01));
        assert_eq!(next("monthly", date!(2026 - 06 - 17), 15), date!(2026 - 07 - 15));
        assert_eq!(next("yearly", date!(2026 - 01 - 02), 31), date!(2026 - 12 - 31));
    }

    #[test]
    fn the_next_charge_is_after_the_last_and_about_a_period_later() {
        for cadence in CADENCES {
            for n in 0..1500 {
                let last = date!(2024 - 01 - 01) + Duration::days(n);
                for day in [1, 15, 28, 29, 30, 31] {
                    let next = cadence.next(last, day).unwrap();
                    let off = (next - last).whole_days() - 365 / i64::from(cadence.per_year);
                    assert!(next > last && off.abs() <= 18, "{} {last} {day}: {next}", cadence.name);
                }
            }
        }
    }

    #[test]
    fn a_charge_lapses_a_period_late() {
        let lapses = |name| Cadence::of(name).unwrap().lapses_on(date!(2026 - 03 - 01)).unwrap();
        assert_eq!(lapses("weekly"), date!(2026 - 03 - 15));
        assert_eq!(lapses("monthly"), date!(2026 - 03 - 31));
        assert_eq!(lapses("yearly"), date!(2026 - 04 - 15));
    }
}
