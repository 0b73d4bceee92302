//! Who is to be looked at again. A nightly job costs what changed, not what there is: it goes through the users whose rows
//! changed since it last saw them, and notes for each how far it looked.

mod sql;

use super::events::Turn;
use crate::platform::{
    clock,
    db::{Db, Tx},
    problem::Problem,
    queue::Ran,
};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// What one user's review may take; with less time left the rest is left to the next run.
const USER_TIME: Duration = Duration::from_secs(10);
/// Users looked for at a time.
const USERS: i64 = 200;
/// A change is dated by when its transaction began, and no transaction lasts for longer.
const SETTLED: time::Duration = time::Duration::minutes(2);

/// A user whose rows changed.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Who.
    pub user_id: Uuid,
    /// The user's last `changed_seq`.
    pub changes: i64,
    /// Rows with a `changed_seq` up to this one were looked at before.
    pub seen: i64,
    at: OffsetDateTime,
}

/// Has `review` look at every user who changed since this job last saw them. `review` ends with [`seen`], in the
/// transaction of what it writes; so twice, late, or killed in the middle ends in the same.
pub async fn run(
    db: &Db,
    job: &'static str,
    deadline: Instant,
    review: impl AsyncFn(&Changed) -> Result<(), Problem>,
) -> Result<Ran, Problem> {
    let started = clock::now();
    let begin = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::reviewed_to(tx, job).await?)).await?;
    let (mut place, mut all_well) = ((begin, Uuid::nil()), true);
    loop {
        let page = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::changed(tx, job, place, USERS).await?)).await?;
        let Some(last) = page.last() else { break };
        place = (last.at, last.user_id);
        for changed in &page {
            if deadline.saturating_duration_since(Instant::now()) < USER_TIME {
                return Ok(Ran::More);
            }
            // One user's trouble is not the others'.
            if let Err(problem) = review(changed).await {
                // What a long review did not come to is no trouble either.
                if deadline.saturating_duration_since(Instant::now()) < USER_TIME {
                    tracing::info!(job, user_id = %changed.user_id, %problem, "cut short: it goes on");
                    return Ok(Ran::More);
                }
                all_well = false;
                tracing::error!(job, user_id = %changed.user_id, %problem, "not reviewed: the next run tries again");
            }
        }
    }
    if all_well {
        let to = started.saturating_sub(SETTLED);
        db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::set_reviewed_to(tx, job, to).await?)).await?;
    }
    Ok(Ran::Done)
}

impl Changed {
    /// The same user as of now, for whose turn may come long after the page was read.
    pub async fn refreshed(&self, tx: &mut Tx) -> Result<Self, Problem> {
        let changes = sql::changes(tx, self.user_id).await?.unwrap_or(self.changes);
        Ok(Self { changes, ..self.clone() })
    }

    /// Waits for the user's turn and says whether everything is still as it was looked at. If not, the next run looks again.
    pub async fn is_still_so(&self, tx: &mut Tx) -> Result<bool, Problem> {
        Ok(Turn::wait(tx, self.user_id).await? == Some(self.changes))
    }
}

/// Notes that a job has looked at what a user has. A review that wrote in the user's turn passes the turn, so that its own
/// change is not looked at again, unless somebody else's came in between.
pub async fn seen(tx: &mut Tx, job: &'static str, changed: &Changed, turn: Option<&Turn>) -> Result<(), Problem> {
    let own = turn.map(|turn| turn.changed_seq).filter(|seq| *seq == changed.changes.saturating_add(1));
    Ok(sql::set_seen(tx, job, changed.user_id, own.unwrap_or(changed.changes)).await?)
}
