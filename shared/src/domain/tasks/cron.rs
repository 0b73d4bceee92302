//! When a schedule is due next, on the clock of its time zone.

use super::sql::schedules as sql;
use crate::platform::{
    db::Tx,
    fields::{Fault, Field},
    problem::Problem,
};
use chrono::{DateTime, Utc};
use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use time::{OffsetDateTime, PrimitiveDateTime};

/// Five fields of cron.
#[derive(Clone, Debug)]
pub(super) struct Expression {
    pub text: String,
    cron: Cron,
}

impl Expression {
    pub fn parse(text: &str) -> Option<Self> {
        if text.split_whitespace().count() != 5 {
            return None;
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let cron = parser.parse(text.trim()).ok()?;
        let new = Self { text: text.trim().to_owned(), cron };
        // One that never comes, such as 30 February, is none.
        new.next(PrimitiveDateTime::new(time::macros::date!(2024 - 01 - 01), time::Time::MIDNIGHT)).map(|_| new)
    }

    /// The next time after this one, both as a clock shows them.
    fn next(&self, local: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let shown: DateTime<Utc> = DateTime::from_timestamp(local.assume_utc().unix_timestamp(), 0)?;
        let next = self.cron.find_next_occurrence(&shown, false).ok()?;
        let next = OffsetDateTime::from_unix_timestamp(next.timestamp()).ok()?;
        Some(PrimitiveDateTime::new(next.date(), next.time()))
    }
}

impl Field for Expression {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let known =
            || Fault::new("not_a_cron", "Send five fields of cron, such as \"0 8 * * 1\" for Mondays at eight.");
        if text.len() > 100 { Err(known()) } else { Self::parse(text).ok_or_else(known) }
    }
}

/// The first instant after now at which the schedule is due. A time that the zone leaves out in spring comes an hour later;
/// one that it shows twice in autumn comes once.
pub(super) async fn next(
    tx: &mut Tx,
    expression: &Expression,
    timezone: &str,
    now: OffsetDateTime,
) -> Result<OffsetDateTime, Problem> {
    let never = || Problem::internal("a schedule that is never due");
    let mut local = sql::local(tx, now, timezone).await?;
    loop {
        local = expression.next(local).ok_or_else(never)?;
        let next = sql::instant(tx, local, timezone).await?;
        // In the hour that a zone shows twice its clock goes back, and what it shows next may be over.
        if next > now {
            return Ok(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn cron_is_read_as_cron_is() {
        let next = |text: &str| Expression::parse(text).unwrap().next(datetime!(2026-11-23 06:29:30)).unwrap();
        assert_eq!(next("* * * * *"), datetime!(2026-11-23 06:30:00));
        assert_eq!(next("0 8 * * 1"), datetime!(2026-11-23 08:00:00), "a Monday");
        assert_eq!(next("0 0 1 * *"), datetime!(2026-12-01 00:00:00));
        assert_eq!(next("*/15 9-17 * * MON-FRI"), datetime!(2026-11-23 09:00:00));
        assert_eq!(next("0 0 29 2 *"), datetime!(2028-02-29 00:00:00));
        for wrong in ["", "* * * *", "60 * * * *", "0 0 30 2 *", "* * * * * *", "@daily", "five past noon"] {
            assert!(Expression::parse(wrong).is_none(), "{wrong}");
        }
    }
}
