//! Merging a merchant into another, and taking it back.
//!
//! The request itself moves the names, so that from its commit on everything new is recognised as the other merchant. A
//! task moves what users have, a user at a time, and notes each row it moved; undoing puts back what was noted.

mod sql;

use super::Merchant;
use crate::{
    domain::{audit, auth::Me, events::Turn},
    platform::{
        clock,
        db::{Db, Tx},
        fields::{Fault, Fields, Read},
        http::Call,
        problem::{FieldError, Problem},
        queue::Ran,
    },
};
use serde::Serialize;
use serde_json::json;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// Rows of one kind that move in a transaction: the user's other writes wait for it.
const CHUNK: i64 = 1000;
/// A chunk is not begun with less time than this left.
const CHUNK_TIME: Duration = Duration::from_secs(8);
/// Who recognised a merchant just before it was merged has stored the row by then: no function runs for longer than a
/// minute. Until then a merge looks again for what came late.
const SETTLED: time::Duration = time::Duration::minutes(2);

/// What `POST /merchants/merge` takes.
pub struct Merge {
    from_id: Uuid,
    into_id: Uuid,
}

impl Read for Merge {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (from_id, into_id) = (fields.required("from_id"), fields.required("into_id"));
        let merge = Self { from_id: from_id?, into_id: into_id? };
        if merge.from_id == merge.into_id {
            fields.refuse("into_id", Fault::new("same_merchant", "Send another merchant to merge into."));
        }
        Some(merge)
    }
}

/// The form of [`Merge`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct MergeBody {
    /// The merchant that goes.
    from_id: Uuid,
    /// The merchant that its names and transactions go to.
    into_id: Uuid,
}

/// A merge, or its undoing, that has begun.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Merging {
    /// Undo it by this id.
    pub id: Uuid,
    /// The merchant that goes, or comes back.
    pub from_id: Uuid,
    /// The merchant that it is merged into.
    pub into_id: Uuid,
    /// `moving` or `undoing`: users' transactions follow.
    #[schema(example = "moving")]
    pub status: &'static str,
}

fn merged(survivor: &Merchant, detail: &'static str) -> Problem {
    let mut problem = Problem::conflict("already_merged", detail);
    problem.more.insert("merchant".into(), json!(survivor));
    problem
}

fn busy() -> Problem {
    Problem::conflict(
        "merge_running",
        "Transactions are still moving to or from this merchant: try again in a few minutes.",
    )
}

/// Merges a merchant into another. Its names lead there at once; what users have follows.
pub async fn merge(tx: &mut Tx, me: &Me, call: &Call, asked: &Merge) -> Result<Merging, Problem> {
    let Merge { from_id, into_id } = *asked;
    let found = sql::lock(tx, &[from_id, into_id]).await?;
    let of = |id: Uuid| found.iter().find(|merchant| merchant.id == id);
    let (Some(from), Some(into)) = (of(from_id), of(into_id)) else {
        let missing = [("/from_id", from_id), ("/into_id", into_id)].into_iter().filter(|(_, id)| of(*id).is_none());
        let error = |(pointer, _): (&str, Uuid)| FieldError {
            pointer: pointer.into(),
            code: "unknown_merchant".into(),
            detail: "Send the id of a merchant: search for it.".into(),
        };
        return Err(Problem::invalid(missing.map(error).collect()));
    };
    if let Some(survivor) = from.survivor() {
        return Err(merged(&survivor, "This merchant was merged into another already: see merchant."));
    }
    if let Some(survivor) = into.survivor() {
        return Err(merged(&survivor, "The merchant to merge into was itself merged: merge into the one in merchant."));
    }
    if from.open {
        return Err(busy());
    }
    let id = Uuid::now_v7();
    sql::start(tx, id, from_id, into_id, call.now).await?;
    audit::record(tx, call, me.user_id, "merchant.merged", Some(id)).await?;
    Ok(Merging { id, from_id, into_id, status: "moving" })
}

/// Takes a merge back: the merchant has its names again at once; what moved of users' and was not changed since follows.
pub async fn undo(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<Merging, Problem> {
    let merge = sql::find(tx, id).await?.ok_or_else(Problem::not_found)?;
    if !["moving", "moved"].contains(&merge.status.as_str()) {
        return Err(Problem::conflict("already_undone", "This merge was undone already."));
    }
    let found = sql::lock(tx, &[merge.from_id, merge.into_id]).await?;
    if let Some(survivor) = found.iter().find(|merchant| merchant.id == merge.into_id).and_then(sql::Locked::survivor) {
        return Err(merged(&survivor, "The merchant was merged on, into the one in merchant: undo that merge first."));
    }
    // Under the locks: of two at the same moment the second sees what the first did.
    if !sql::start_undo(tx, &merge, call.now).await? {
        return Err(Problem::conflict("already_undone", "This merge was undone already."));
    }
    audit::record(tx, call, me.user_id, "merchant.merge_undone", Some(id)).await?;
    Ok(Merging { id, from_id: merge.from_id, into_id: merge.into_id, status: "undoing" })
}

/// Moves what users have, for a merge or for its undoing, whichever the merge is at. Rows and the notes on them commit
/// together, so a worker killed at any point loses and repeats nothing, and two at once merely share the work.
pub async fn work_off(db: &Db, id: Uuid, deadline: Instant) -> Result<Ran, Problem> {
    let Some(merge) = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::find(tx, id).await?)).await? else {
        return Ok(Ran::Done);
    };
    let started = clock::now();
    loop {
        // Users in their order; a pass that moved anything is followed by another, for what came in behind it.
        let (mut after, mut moved) = (Uuid::nil(), false);
        while let Some(user_id) =
            db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::next_user(tx, &merge, after).await?)).await?
        {
            if deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
                return Ok(Ran::More);
            }
            match move_rows(db, &merge, user_id, clock::now()).await? {
                // It was undone meanwhile; that has a task of its own.
                None => return Ok(Ran::Done),
                Some(most) => {
                    moved |= most > 0;
                    if most < CHUNK {
                        after = user_id;
                    }
                }
            }
        }
        if !moved {
            break;
        }
    }
    db.tx(async |tx: &mut Tx| {
        Ok::<_, Problem>(sql::finish(tx, &merge, started.saturating_sub(SETTLED), clock::now()).await?)
    })
    .await?;
    Ok(Ran::Done)
}

/// Moves some of a user's rows, under the user's turn. Returns how many of the kind that had most; nothing if the merge
/// is not at what it was.
async fn move_rows(db: &Db, merge: &sql::Standing, user_id: Uuid, now: OffsetDateTime) -> Result<Option<i64>, Problem> {
    db.tx(async |tx: &mut Tx| {
        let turn = Turn::take(tx, user_id, now).await?;
        // Held to the end: the merge cannot be undone, nor the undoing be overtaken, while rows move.
        if !sql::still(tx, merge).await? {
            return Ok(None);
        }
        let most = match merge.status.as_str() {
            "moving" => sql::move_on(tx, user_id, merge, turn.changed_seq, now, CHUNK).await?,
            "undoing" => sql::move_back(tx, user_id, merge, turn.changed_seq, now, CHUNK).await?,
            _ => 0,
        };
        turn.finish(tx).await?;
        Ok(Some(most))
    })
    .await
}

/// Merges that a task has to go on with, or to look at again.
pub async fn open_merges(tx: &mut Tx) -> Result<Vec<Uuid>, Problem> {
    Ok(sql::open(tx).await?)
}
