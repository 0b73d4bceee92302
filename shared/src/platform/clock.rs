//! The wall clock, read in one place so that everything else takes the time as an argument.

use time::OffsetDateTime;

/// The current instant, in UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// Seconds since the epoch.
#[must_use]
pub fn epoch() -> i64 {
    now().unix_timestamp()
}
