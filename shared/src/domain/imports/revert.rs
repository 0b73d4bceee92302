//! Taking an import back: everything it brought goes, in chunks, by a task that can be killed at any point.

use super::{Started, sql, update};
use crate::{
    domain::{auth::Me, budgets, events::Turn},
    platform::{
        clock,
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Rows that go together: as many as came together.
const CHUNK: i64 = 5000;
/// A chunk is not begun with less time than this left.
const CHUNK_TIME: Duration = Duration::from_secs(8);

/// Asks for an import to be taken back; one under way stops where it is. Asking twice is asking once.
pub async fn revert(tx: &mut Tx, me: &Me, id: Uuid) -> Result<Started, Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let asked = sql::ask_revert(tx, me.user_id, id, turn.changed_seq, me.now).await?;
    turn.finish(tx).await?;
    let status = asked.ok_or_else(Problem::not_found)?;
    Ok(Started { id, status: if status == "reverted" { "reverted" } else { "running" } })
}

/// Takes back what is left of an import; `told` is called after each commit. Rows, count and the place to go on from commit together, so a worker killed at
/// any point loses and repeats nothing.
pub async fn take_back(
    db: &Db,
    told: impl AsyncFn(),
    user_id: Uuid,
    id: Uuid,
    deadline: Instant,
) -> Result<Ran, Problem> {
    loop {
        if deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
            return Ok(Ran::More);
        }
        let ended = db.tx(async |tx: &mut Tx| chunk(tx, user_id, id).await).await?;
        told().await;
        if ended {
            return Ok(Ran::Done);
        }
    }
}

/// The next rows; whether they were the last.
async fn chunk(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<bool, Problem> {
    let now = clock::now();
    let mut turn = Turn::take(tx, user_id, now).await?;
    let reverting = sql::progress(tx, user_id, id, now).await?.filter(|import| import.reverting);
    let Some(progress) = reverting else {
        // Another worker has done it.
        return Ok(true);
    };
    let after = progress.reverted_to.unwrap_or(Uuid::nil());
    let back = sql::take_back(tx, user_id, id, after, CHUNK, turn.changed_seq, now).await?;
    let ended = back.seen < CHUNK;
    let reverted = progress.reverted.saturating_add(back.taken);
    sql::advance_revert(tx, user_id, id, back.last, reverted, ended, turn.changed_seq, now).await?;
    // Spending falls, which arms alerts again.
    let changed: Vec<_> = back.categories.into_iter().zip(back.currencies).collect();
    for alert in budgets::check(tx, user_id, progress.today, now, &changed).await? {
        turn.push("budget_alert", &alert)?;
    }
    let status = if ended { "reverted" } else { "running" };
    turn.push("import_update", &update(id, status, &sql::Progress { reverted, ..progress }))?;
    turn.finish(tx).await?;
    Ok(ended)
}
