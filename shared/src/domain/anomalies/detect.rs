//! Our own look: amounts far above what the user usually spends on a category.

use super::{Scored, record, sql};
use crate::{
    domain::{
        events::Turn,
        reviews::{self, Changed},
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use std::time::Instant;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How far it has looked is noted under this name.
const JOB: &str = "anomalies";
/// The code of our reason.
pub const REASON: &str = "unusual_amount";
/// What is usual is learnt from so much of the past.
const WINDOW: Duration = Duration::days(395);
/// So many spreads above the middle an amount has a score of a half.
const THRESHOLD: f64 = 3.5;

/// Looks through the changes of everybody who changed since the last time. Twice, late or killed in the middle ends in the
/// same.
pub async fn detect(db: &Db, told: impl AsyncFn(Uuid), now: OffsetDateTime, deadline: Instant) -> Result<Ran, Problem> {
    let review = async |changed: &Changed| {
        if db.tx(async |tx: &mut Tx| review(tx, changed, now).await).await? > 0 {
            told(changed.user_id).await;
        }
        Ok(())
    };
    reviews::run(db, JOB, deadline, review).await
}

/// Answers how many alerts are on their way.
async fn review(tx: &mut Tx, changed: &Changed, now: OffsetDateTime) -> Result<usize, Problem> {
    let changed = changed.refreshed(tx).await?;
    let user_id = changed.user_id;
    let measured = sql::measured(tx, user_id, changed.seen, now, WINDOW, THRESHOLD).await?;
    let scored: Vec<Scored> = measured.iter().filter_map(score).collect();
    // A change that came in between is looked at by the next run.
    if !changed.is_still_so(tx).await? {
        return Ok(0);
    }
    if scored.is_empty() {
        return reviews::seen(tx, JOB, &changed, None).await.map(|()| 0);
    }
    let mut turn = Turn::take(tx, user_id, now).await?;
    let recorded = record(tx, &mut turn, user_id, &scored, now).await?;
    reviews::seen(tx, JOB, &changed, Some(&turn)).await?;
    turn.finish(tx).await?;
    Ok(recorded.alerts)
}

/// The score of what stands out; none for what did before and does not any more; nothing where all is as it was.
fn score(row: &sql::Measured) -> Option<Scored> {
    let score = row.score.filter(|_| row.stands_out);
    if score == row.before {
        return None;
    }
    let detail = format!(
        "Spending on {} is usually about {:.2} {}: this is {:.1} times as much.",
        row.category, row.typical, row.currency, row.times
    );
    Some(Scored { id: row.id, score, reason: score.map(|_| REASON.to_owned()), detail })
}
