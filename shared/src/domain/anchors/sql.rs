//! Statements on Merkle trees. Batches and tiles are nobody's: what they hold says nothing of anybody.

use super::{
    Anchor,
    gather::{Batch, Piece, Revision},
    tree::Tile,
};
use crate::platform::db::Tx;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Whether there is a tree to go on with, or none of that day yet.
pub(super) async fn may_gather(tx: &mut Tx, today: Date) -> Result<bool, Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM merkle_batches WHERE root_hash IS NULL)
               OR NOT EXISTS (SELECT FROM merkle_batches WHERE batch_date = $1) AS "may!""#,
        today,
    )
    .fetch_one(tx)
    .await
}

/// The batch that is being gathered, locked.
pub(super) async fn lock_open(tx: &mut Tx) -> Result<Option<Batch>, Error> {
    sqlx::query_as!(
        Batch,
        r#"SELECT id, transaction_count::bigint AS "leaves!" FROM merkle_batches WHERE root_hash IS NULL FOR UPDATE"#,
    )
    .fetch_optional(tx)
    .await
}

/// Opens the batch of a day, unless the day has one or another is open.
pub(super) async fn open(tx: &mut Tx, id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO merkle_batches (id, batch_date, transaction_count, created_at) VALUES ($1, $2, 0, $3)
         ON CONFLICT DO NOTHING",
        id,
        now.date(),
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// A user's transactions that changed after a place, deleted rows among them: a deletion is a revision, too. Of an account
/// that was closed there are none. Whether a tree has them is asked row by row (LIMIT keeps it so): a join would read all
/// leaves that the user ever had.
pub(super) async fn revisions(
    tx: &mut Tx,
    user_id: Uuid,
    (changed_seq, id): (i64, Uuid),
    upto: i64,
    limit: i64,
) -> Result<Vec<Revision>, Error> {
    sqlx::query_as!(
        Revision,
        r#"WITH t AS MATERIALIZED (
               SELECT id, changed_seq, date, amount, currency, merchant_raw, category, note, is_deleted
               FROM transactions
               WHERE user_id = $1 AND (changed_seq, id) > ($2, $3) AND changed_seq <= $4
                 AND NOT EXISTS (SELECT FROM erasures WHERE user_id = $1)
               ORDER BY changed_seq, id LIMIT $5
           )
           SELECT t.id AS "id!", t.changed_seq AS "changed_seq!", t.date AS "date!", t.amount AS "amount!",
                  t.currency AS "currency!", t.merchant_raw AS "merchant_raw!", t.category AS "category!", t.note,
                  t.is_deleted AS "is_deleted!", l.there IS NOT NULL AS "is_anchored!"
           FROM t LEFT JOIN LATERAL (
               SELECT true AS there FROM merkle_leaves l
               WHERE l.user_id = $1 AND l.transaction_id = t.id AND l.revision = t.changed_seq LIMIT 1
           ) AS l ON true
           ORDER BY t.changed_seq, t.id"#,
        user_id,
        changed_seq,
        id,
        upto,
        limit,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn insert_leaves(
    tx: &mut Tx,
    user_id: Uuid,
    batch: &Batch,
    rows: &[Revision],
    leaves: &[String],
) -> Result<(), Error> {
    let (ids, revisions): (Vec<_>, Vec<_>) = rows.iter().map(|row| (row.id, row.changed_seq)).unzip();
    sqlx::query!(
        "INSERT INTO merkle_leaves (user_id, transaction_id, revision, batch_id, leaf_index, leaf)
         SELECT $1, r.id, r.revision, $2, $3::bigint + r.n - 1, r.leaf
         FROM unnest($4::uuid[], $5::bigint[], $6::text[]) WITH ORDINALITY AS r(id, revision, leaf, n)",
        user_id,
        batch.id,
        batch.leaves,
        &ids,
        &revisions,
        leaves,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Appends leaves' hashes to the lowest tiles.
pub(super) async fn append(tx: &mut Tx, batch: &Batch, pieces: &[Piece]) -> Result<(), Error> {
    let (tiles, hashes): (Vec<_>, Vec<_>) = pieces.iter().map(|piece| (piece.tile, piece.hashes.clone())).unzip();
    sqlx::query!(
        "INSERT INTO merkle_tiles (batch_id, level, tile, hashes)
         SELECT $1, 0, p.tile, p.hashes FROM unnest($2::bigint[], $3::bytea[]) AS p(tile, hashes)
         ON CONFLICT (batch_id, level, tile) DO UPDATE SET hashes = merkle_tiles.hashes || excluded.hashes",
        batch.id,
        &tiles,
        &hashes,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn set_leaves(tx: &mut Tx, batch_id: Uuid, leaves: i64) -> Result<(), Error> {
    sqlx::query!("UPDATE merkle_batches SET transaction_count = $2::bigint WHERE id = $1", batch_id, leaves)
        .execute(tx)
        .await
        .map(drop)
}

pub(super) struct Stored {
    pub tile: i64,
    pub hashes: Vec<u8>,
}

/// The lowest tiles from a place on.
pub(super) async fn tiles(tx: &mut Tx, batch_id: Uuid, from: i64, limit: i64) -> Result<Vec<Stored>, Error> {
    sqlx::query_as!(
        Stored,
        "SELECT tile, hashes FROM merkle_tiles WHERE batch_id = $1 AND level = 0 AND tile >= $2 ORDER BY tile LIMIT $3",
        batch_id,
        from,
        limit,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn insert_tiles(tx: &mut Tx, batch_id: Uuid, tiles: &[Tile]) -> Result<(), Error> {
    for tile in tiles {
        sqlx::query!(
            "INSERT INTO merkle_tiles (batch_id, level, tile, hashes) VALUES ($1, $2, $3, $4)",
            batch_id,
            tile.level,
            tile.number,
            tile.hashes.concat(),
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}

pub(super) async fn seal(tx: &mut Tx, batch_id: Uuid, root_hash: &str, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!("UPDATE merkle_batches SET root_hash = $2, sealed_at = $3 WHERE id = $1", batch_id, root_hash, now)
        .execute(tx)
        .await
        .map(drop)
}

/// Sealed batches, the newest first.
pub(super) async fn list(tx: &mut Tx, before: Option<Date>, limit: i64, offset: i64) -> Result<Vec<Anchor>, Error> {
    sqlx::query_as!(
        Anchor,
        r#"SELECT id, batch_date, root_hash AS "root_hash!", transaction_count, sealed_at AS "sealed_at!",
                  blockchain_tx_id, anchored_at
           FROM merkle_batches
           WHERE root_hash IS NOT NULL AND ($1::date IS NULL OR batch_date < $1)
           ORDER BY batch_date DESC LIMIT $2 OFFSET $3"#,
        before,
        limit,
        offset,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn count(tx: &mut Tx) -> Result<i64, Error> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM merkle_batches WHERE root_hash IS NOT NULL"#)
        .fetch_one(tx)
        .await
}

/// Sealed batches, the newest first; those that are anchored, or not, or both.
pub(super) async fn handed(
    tx: &mut Tx,
    anchored: Option<bool>,
    before: Option<Date>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Anchor>, Error> {
    sqlx::query_as!(
        Anchor,
        r#"SELECT id, batch_date, root_hash AS "root_hash!", transaction_count, sealed_at AS "sealed_at!",
                  blockchain_tx_id, anchored_at
           FROM merkle_batches
           WHERE root_hash IS NOT NULL AND ($1::bool IS NULL OR (blockchain_tx_id IS NOT NULL) = $1)
             AND ($2::date IS NULL OR batch_date < $2)
           ORDER BY batch_date DESC LIMIT $3 OFFSET $4"#,
        anchored,
        before,
        limit,
        offset,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn count_handed(tx: &mut Tx, anchored: Option<bool>) -> Result<i64, Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM merkle_batches
           WHERE root_hash IS NOT NULL AND ($1::bool IS NULL OR (blockchain_tx_id IS NOT NULL) = $1)"#,
        anchored,
    )
    .fetch_one(tx)
    .await
}

/// A transaction with its newest revision that is in a sealed tree, if there is one.
pub(super) struct Proven {
    pub changed_seq: i64,
    pub revision: Option<i64>,
    pub leaf: Option<String>,
    pub leaf_index: Option<i64>,
    pub batch_id: Option<Uuid>,
    pub batch_date: Option<Date>,
    pub root_hash: Option<String>,
    pub tree_size: Option<i64>,
    pub blockchain_tx_id: Option<String>,
    /// The tiles above the leaf, the lowest first.
    pub tiles: Option<Vec<Vec<u8>>>,
}

pub(super) async fn proven(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Proven>, Error> {
    sqlx::query_as!(
        Proven,
        r#"SELECT t.changed_seq, l.revision AS "revision?", l.leaf AS "leaf?", l.leaf_index AS "leaf_index?",
                  l.batch_id AS "batch_id?", l.batch_date AS "batch_date?", l.root_hash,
                  l.transaction_count::bigint AS tree_size, l.blockchain_tx_id,
                  (SELECT array_agg(m.hashes ORDER BY m.level)
                   FROM unnest('{0,8,16,24}'::smallint[]) AS height(level)
                   JOIN merkle_tiles m ON m.batch_id = l.batch_id AND m.level = height.level
                       AND m.tile = l.leaf_index >> (height.level + 8)) AS "tiles: Vec<Vec<u8>>"
           FROM transactions t LEFT JOIN LATERAL (
               SELECT l.revision, l.leaf, l.leaf_index, l.batch_id, b.batch_date, b.root_hash, b.transaction_count,
                      b.blockchain_tx_id
               FROM merkle_leaves l JOIN merkle_batches b ON b.id = l.batch_id
               WHERE l.user_id = $1 AND l.transaction_id = $2 AND b.root_hash IS NOT NULL
               ORDER BY l.revision DESC LIMIT 1
           ) AS l ON true
           WHERE t.user_id = $1 AND t.id = $2"#,
        user_id,
        id,
    )
    .fetch_optional(tx)
    .await
}

pub(super) struct Sealed {
    pub id: Uuid,
    pub blockchain_tx_id: Option<String>,
}

/// The sealed batch of a root, of a day, or of both, locked.
pub(super) async fn sealed(tx: &mut Tx, root_hash: Option<&str>, day: Option<Date>) -> Result<Option<Sealed>, Error> {
    sqlx::query_as!(
        Sealed,
        "SELECT id, blockchain_tx_id FROM merkle_batches
         WHERE root_hash IS NOT NULL AND (root_hash = $1 OR $1 IS NULL) AND (batch_date = $2 OR $2 IS NULL)
           AND ($1 IS NOT NULL OR $2 IS NOT NULL)
         FOR UPDATE",
        root_hash,
        day,
    )
    .fetch_optional(tx)
    .await
}

pub(super) async fn set_anchored(
    tx: &mut Tx,
    batch_id: Uuid,
    blockchain_tx_id: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE merkle_batches SET blockchain_tx_id = $2, anchored_at = $3 WHERE id = $1 AND blockchain_tx_id IS NULL",
        batch_id,
        blockchain_tx_id,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) struct Standing {
    pub id: Uuid,
    pub blockchain_hash: Option<String>,
    pub ipfs_cid: Option<String>,
}

/// What is known of transactions, deleted or not; of a closed account's nothing.
pub(super) async fn standing(tx: &mut Tx, user_id: Uuid, ids: &[Uuid]) -> Result<Vec<Standing>, Error> {
    sqlx::query_as!(
        Standing,
        "SELECT id, blockchain_hash, ipfs_cid FROM transactions
         WHERE user_id = $1 AND id = ANY($2) AND NOT EXISTS (SELECT FROM erasures WHERE user_id = $1)",
        user_id,
        ids,
    )
    .fetch_all(tx)
    .await
}

/// Writes what is known now; with a number if it is a change that the user sees.
pub(super) async fn mark(
    tx: &mut Tx,
    user_id: Uuid,
    now_known: &Standing,
    changed_seq: Option<i64>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE transactions
         SET blockchain_hash = $3, ipfs_cid = $4, changed_seq = coalesce($5, changed_seq),
             updated_at = CASE WHEN $5::bigint IS NULL THEN updated_at ELSE $6 END
         WHERE user_id = $1 AND id = $2",
        user_id,
        now_known.id,
        now_known.blockchain_hash,
        now_known.ipfs_cid,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}
