//! The nightly look for transactions that have come to look the same as others since they were stored: when merchants were
//! merged, say, or two programs brought the same purchase at once.

use super::sql;
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
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// How far it has looked is noted under this name.
const JOB: &str = "duplicates";
/// Rows that are looked at together.
const CHUNK: i64 = 5000;
/// A chunk is not begun with less time than this left.
const CHUNK_TIME: Duration = Duration::from_secs(10);
/// What a chunk flags beyond this is left to `GET /sync`: an app need not be told of each.
const MOST_FRAMES: usize = 100;

/// Flags, for everybody who changed since the last time, what looks the same as an older transaction. Flagged, never
/// deleted. Twice, late or killed in the middle ends in the same.
pub async fn find_duplicates(
    db: &Db,
    told: impl AsyncFn(Uuid),
    now: OffsetDateTime,
    deadline: Instant,
) -> Result<Ran, Problem> {
    let review = async |changed: &Changed| {
        let (mut place, mut flagged) = ((changed.seen, Uuid::max()), 0_usize);
        loop {
            if deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
                return Err(Problem::unavailable("no time for another chunk"));
            }
            let chunk = db.tx(async |tx: &mut Tx| flag_chunk(tx, changed, place, now).await).await?;
            flagged = flagged.saturating_add(chunk.flagged);
            match chunk.next {
                Some(next) => place = next,
                None => break,
            }
        }
        if flagged > 0 {
            told(changed.user_id).await;
        }
        Ok(())
    };
    reviews::run(db, JOB, deadline, review).await
}

struct Chunk {
    flagged: usize,
    /// After which row the next one begins.
    next: Option<(i64, Uuid)>,
}

/// Looks at a chunk in the user's turn, for two rows that point at each other would both be lost among the flagged.
async fn flag_chunk(tx: &mut Tx, changed: &Changed, place: (i64, Uuid), now: OffsetDateTime) -> Result<Chunk, Problem> {
    let (user_id, upto) = (changed.user_id, changed.changes);
    Turn::wait(tx, user_id).await?;
    let next = sql::lookalikes::end_of_chunk(tx, user_id, place, upto, CHUNK).await?;
    let found = sql::lookalikes::found(tx, user_id, place, next.unwrap_or((upto, Uuid::max()))).await?;
    let mut seen = changed.clone();
    if let Some((changed_seq, _)) = next {
        // More of the same change may follow.
        seen.changes = changed_seq.saturating_sub(1);
    }
    if found.is_empty() {
        reviews::seen(tx, JOB, &seen, None).await?;
        return Ok(Chunk { flagged: 0, next });
    }
    let mut turn = Turn::take(tx, user_id, now).await?;
    let ids: Vec<Uuid> = found.iter().map(|pair| pair.id).collect();
    let originals: Vec<Uuid> = found.iter().map(|pair| pair.original).collect();
    sql::lookalikes::flag(tx, user_id, &ids, &originals, turn.changed_seq, now).await?;
    let shown: Vec<Uuid> = ids.iter().take(MOST_FRAMES).copied().collect();
    for transaction in sql::edit::by_ids(tx, user_id, &shown).await? {
        turn.push("transaction_update", &transaction)?;
    }
    reviews::seen(tx, JOB, &seen, Some(&turn)).await?;
    turn.finish(tx).await?;
    Ok(Chunk { flagged: ids.len(), next })
}
