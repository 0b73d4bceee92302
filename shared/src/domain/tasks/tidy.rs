//! What has served its time is deleted, in chunks.

use super::sql::tidy::{self as sql, STEPS, Step};
use crate::platform::{
    db::{Db, Tx},
    problem::Problem,
    queue::Ran,
};
use std::time::{Duration as Span, Instant};
use time::{Duration, OffsetDateTime};

/// Rows that are deleted together.
const CHUNK: i64 = 5000;
/// A chunk is not begun with less time than this left.
const CHUNK_TIME: Span = Span::from_secs(8);

/// How long what is over is kept.
const fn kept(step: Step) -> Duration {
    match step {
        Step::Tokens | Step::Keys | Step::ServiceKeys | Step::Sweeps => Duration::days(1),
        Step::Mails | Step::Runs | Step::Samples => Duration::days(7),
        // An account's owner may ask what happened on a device.
        Step::Sessions | Step::FailedRuns | Step::Alerts => Duration::days(30),
        // An old mail is found again, and its link is to work.
        Step::Unsubscribing => Duration::days(400),
    }
}

/// Deletes sessions, links and keys that have ended, mails that never went out, alerts that are over, and what is
/// known of old tasks. Twice, late or
/// killed in the middle does no harm.
pub(super) async fn tidy(db: &Db, now: OffsetDateTime, deadline: Instant) -> Result<Ran, Problem> {
    for &step in STEPS {
        let before = now.saturating_sub(kept(step));
        loop {
            if deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
                return Ok(Ran::More);
            }
            let delete = async |tx: &mut Tx| Ok::<_, Problem>(sql::delete(tx, step, before, CHUNK).await?);
            if db.tx(delete).await? < CHUNK.unsigned_abs() {
                break;
            }
        }
    }
    Ok(Ran::Done)
}
