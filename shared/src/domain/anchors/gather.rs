//! The day's tree: what changed is gathered user by user, then the tree is sealed.

use super::{
    sql,
    tree::{HEIGHT, Hash, Tiles, WIDTH, hashes, leaf_hash, root},
};
use crate::{
    domain::{
        money::Money,
        reviews::{self, Changed},
    },
    platform::{
        db::{Db, Tx},
        jwt::{hex, random},
        problem::Problem,
        queue::Ran,
    },
};
use serde::Serialize;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// How far it has looked is noted under this name.
const JOB: &str = "anchors";
/// Leaves that are gathered together.
const CHUNK: i64 = 5000;
/// So many are worth planning for.
const MANY: i64 = 500;
/// Neither a chunk nor the sealing is begun with less time than this left.
const CHUNK_TIME: Duration = Duration::from_secs(10);
/// Tiles that are read together: 4 MB.
const TILES: i64 = 512;

/// Gathers every revision that no tree has into the day's tree, and seals it. A day has one tree, and one that has nothing
/// to tell has none. Twice, late, or killed in the middle ends in the same: a tree that was left open is gone on with,
/// whatever the day, and once the day's is sealed what comes later waits for the next.
pub async fn anchor(db: &Db, now: OffsetDateTime, deadline: Instant) -> Result<Ran, Problem> {
    let gathering = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::may_gather(tx, now.date()).await?)).await?;
    if !gathering {
        return Ok(Ran::Done);
    }
    let ran =
        reviews::run(db, JOB, deadline, async |changed: &Changed| gather(db, changed, now, deadline).await).await?;
    if ran == Ran::More || deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
        return Ok(Ran::More);
    }
    // Somebody's trouble is no reason that others wait: what is missing is tomorrow's.
    db.tx(async |tx: &mut Tx| seal(tx, now).await).await?;
    Ok(Ran::Done)
}

/// A revision of a transaction.
pub(super) struct Revision {
    pub id: Uuid,
    pub changed_seq: i64,
    pub date: time::Date,
    pub amount: rust_decimal::Decimal,
    pub currency: String,
    pub merchant_raw: String,
    pub category: String,
    pub note: Option<String>,
    pub is_deleted: bool,
    /// Whether a tree has it.
    pub is_anchored: bool,
}

/// What is hashed. All values are texts, in this order; a new form has a new `v`.
#[derive(Serialize)]
struct Content<'a> {
    v: &'static str,
    id: Uuid,
    revision: String,
    date: String,
    amount: Money,
    currency: &'a str,
    merchant_raw: &'a str,
    category: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    is_deleted: &'static str,
    salt: String,
}

impl Revision {
    /// The text of the leaf. Whoever has its hash alone cannot try contents: they would need the salt.
    fn leaf(&self) -> Result<String, Problem> {
        let content = Content {
            v: "1",
            id: self.id,
            revision: self.changed_seq.to_string(),
            date: self.date.to_string(),
            amount: Money::of(self.amount),
            currency: &self.currency,
            merchant_raw: &self.merchant_raw,
            category: &self.category,
            note: self.note.as_deref(),
            is_deleted: if self.is_deleted { "true" } else { "false" },
            salt: hex(&random::<16>()?),
        };
        serde_json::to_string(&content).map_err(Problem::internal)
    }
}

/// Gathers what of a user's no tree has, chunk by chunk. Each notes how far it came, so that nothing is looked at twice.
async fn gather(db: &Db, changed: &Changed, now: OffsetDateTime, deadline: Instant) -> Result<(), Problem> {
    let mut place = (changed.seen, Uuid::max());
    loop {
        if deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
            return Err(Problem::unavailable("no time for another chunk"));
        }
        let next = db.tx(async |tx: &mut Tx| gather_chunk(tx, changed, place, now).await).await?;
        let Some(next) = next else { return Ok(()) };
        place = next;
    }
}

/// Gathers a chunk, and says after which row the next begins; nothing if it was the last.
async fn gather_chunk(
    tx: &mut Tx,
    changed: &Changed,
    place: (i64, Uuid),
    now: OffsetDateTime,
) -> Result<Option<(i64, Uuid)>, Problem> {
    let (user_id, upto) = (changed.user_id, changed.changes);
    tx.by_index().await?;
    // The batch's lock comes first, so that two workers do not take the same rows.
    let mut batch = sql::lock_open(tx).await?;
    let mut rows = sql::revisions(tx, user_id, place, upto, CHUNK).await?;
    if batch.is_none() && !rows.iter().all(|row| row.is_anchored) {
        batch = Some(open_batch(tx, now).await?);
        rows = sql::revisions(tx, user_id, place, upto, CHUNK).await?;
    }
    let next = rows.last().filter(|_| count(&rows) == CHUNK).map(|row| (row.changed_seq, row.id));
    rows.retain(|row| !row.is_anchored);
    if count(&rows) > MANY {
        tx.plan_anew().await?;
    }
    if let Some(batch) = batch.filter(|_| !rows.is_empty()) {
        let leaves = rows.iter().map(Revision::leaf).collect::<Result<Vec<_>, _>>()?;
        let hashed: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(leaf.as_bytes())).collect();
        sql::insert_leaves(tx, user_id, &batch, &rows, &leaves).await?;
        sql::append(tx, &batch, &tiles(batch.leaves, &hashed)).await?;
        sql::set_leaves(tx, batch.id, batch.leaves.saturating_add(count(&rows))).await?;
    }
    let mut seen = changed.clone();
    if let Some((changed_seq, _)) = next {
        // More of the same change may follow.
        seen.changes = changed_seq.saturating_sub(1);
    }
    reviews::seen(tx, JOB, &seen, None).await?;
    Ok(next)
}

fn count<T>(rows: &[T]) -> i64 {
    i64::try_from(rows.len()).unwrap_or(i64::MAX)
}

/// A batch that is being gathered, locked.
pub(super) struct Batch {
    pub id: Uuid,
    /// Leaves so far.
    pub leaves: i64,
}

/// Opens the day's batch.
async fn open_batch(tx: &mut Tx, now: OffsetDateTime) -> Result<Batch, Problem> {
    sql::open(tx, Uuid::now_v7(), now).await?;
    // Another worker may have been faster, and may even have sealed it: then this waits for the next day.
    let batch = sql::lock_open(tx).await?;
    batch.ok_or_else(|| Problem::unavailable("the day's tree was sealed in the meantime"))
}

/// New leaves' hashes as they are appended to tiles.
pub(super) struct Piece {
    pub tile: i64,
    pub hashes: Vec<u8>,
}

/// Cuts hashes where tiles end, the first at the place `from`.
fn tiles(from: i64, mut hashes: &[Hash]) -> Vec<Piece> {
    let width = count(&[(); WIDTH]);
    let (mut pieces, mut tile) = (Vec::new(), from.div_euclid(width));
    let mut room = WIDTH.saturating_sub(usize::try_from(from.rem_euclid(width)).unwrap_or(0));
    while !hashes.is_empty() {
        let (now, rest) = hashes.split_at(room.min(hashes.len()));
        pieces.push(Piece { tile, hashes: now.concat() });
        (hashes, tile, room) = (rest, tile.saturating_add(1), WIDTH);
    }
    pieces
}

/// Computes the upper tiles and the root of the open batch, if there is one.
async fn seal(tx: &mut Tx, now: OffsetDateTime) -> Result<(), Problem> {
    let Some(batch) = sql::lock_open(tx).await? else { return Ok(()) };
    tx.by_index().await?;
    let (mut upper, mut next, mut leaves) = (Tiles::from(HEIGHT), 0, 0);
    loop {
        let page = sql::tiles(tx, batch.id, next, TILES).await?;
        let last = count(&page) < TILES;
        for (number, bytes) in (next..).zip(&page) {
            let whole = hashes(&bytes.hashes).filter(|_| bytes.tile == number);
            let hashes = whole.ok_or_else(|| Problem::internal("a tile of the day's tree is broken"))?;
            leaves = count(&hashes).saturating_add(leaves);
            if let Some(root) = root(&hashes) {
                upper.push(root);
            }
        }
        sql::insert_tiles(tx, batch.id, &upper.take()).await?;
        next = next.saturating_add(TILES);
        if last {
            break;
        }
    }
    let (root, rest) = upper.finish();
    sql::insert_tiles(tx, batch.id, &rest).await?;
    let root =
        root.filter(|_| leaves == batch.leaves).ok_or_else(|| Problem::internal("the day's tree is not whole"))?;
    Ok(sql::seal(tx, batch.id, &hex(&root), now).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_cut_where_tiles_end() {
        let cut = |from, count| {
            let pieces = tiles(from, &vec![[0; 32]; count]);
            pieces.iter().map(|piece| (piece.tile, piece.hashes.len() / 32)).collect::<Vec<_>>()
        };
        assert_eq!(cut(0, 1), [(0, 1)]);
        assert_eq!(cut(255, 2), [(0, 1), (1, 1)]);
        assert_eq!(cut(256, 256), [(1, 256)]);
        assert_eq!(cut(700, 400), [(2, 68), (3, 256), (4, 76)]);
        assert_eq!(cut(3, 0), []);
    }

    #[test]
    fn a_leaf_has_fixed_keys_texts_alone_and_a_salt_of_its_own() {
        let mut revision = Revision {
            id: Uuid::nil(),
            changed_seq: 7,
            date: time::macros::date!(2026 - 01 - 31),
            amount: rust_decimal::Decimal::new(1250, 2),
            currency: "EUR".into(),
            merchant_raw: "Café \"Zoë\"\n".into(),
            category: "Dining".into(),
            note: None,
            is_deleted: false,
            is_anchored: false,
        };
        let (one, two) = (revision.leaf().unwrap(), revision.leaf().unwrap());
        assert_ne!(one, two);
        let (content, salt) = one.rsplit_once(r#","salt":""#).unwrap();
        assert_eq!(salt.len(), 32 + 2, "128 bits in hexadecimal digits");
        let expected = concat!(
            r#"{"v":"1","id":"00000000-0000-0000-0000-000000000000","revision":"7","date":"2026-01-31","#,
            r#""amount":"12.50","currency":"EUR","merchant_raw":"Café \"Zoë\"\n","category":"Dining","is_deleted":"false""#
        );
        assert_eq!(content, expected);
        (revision.note, revision.is_deleted) = (Some("mine".into()), true);
        assert!(revision.leaf().unwrap().contains(r#","note":"mine","is_deleted":"true","#));
    }
}
