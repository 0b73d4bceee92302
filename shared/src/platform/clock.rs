//! The wall clock, read in one place so that everything else takes the time as an argument.

use time::OffsetDateTime;

/// The current instant, in UTC and to the microsecond: finer than that Postgres does not keep, and an answer should say
/// the same before and after it was stored.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_microsecond(now.microsecond()).unwrap_or(now)
}

/// Seconds since the epoch.
#[must_use]
pub fn epoch() -> i64 {
    now().unix_timestamp()
}
