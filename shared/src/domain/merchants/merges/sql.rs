//! Statements on merges.

use crate::{domain::merchants::Merchant, platform::db::Tx};
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// A merchant, locked, and where it went if it was merged.
pub(super) struct Locked {
    pub id: Uuid,
    survivor_id: Option<Uuid>,
    survivor_name: Option<String>,
    survivor_category: Option<String>,
    /// Whether rows are still moving to it or from it.
    pub open: bool,
}

impl Locked {
    pub fn survivor(&self) -> Option<Merchant> {
        let (canonical_name, category) = (self.survivor_name.clone()?, self.survivor_category.clone()?);
        Some(Merchant { id: self.survivor_id?, canonical_name, category })
    }
}

/// Locks merchants in the order of their ids, whatever order they were named in. New transactions may go on pointing at
/// them meanwhile.
pub(super) async fn lock(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Locked>, Error> {
    sqlx::query_scalar!("SELECT id FROM merchant_master WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE", ids)
        .fetch_all(&mut *tx)
        .await?;
    // Another statement, which sees what was committed while this one waited.
    sqlx::query_as!(
        Locked,
        r#"SELECT m.id AS "id!", s.id AS "survivor_id?", s.canonical_name AS "survivor_name?", s.category AS "survivor_category?",
                  EXISTS (SELECT FROM merchant_merges g WHERE g.status IN ('moving', 'undoing')
                                                         AND (g.from_id = m.id OR g.into_id = m.id)) AS "open!"
           FROM merchant_master m LEFT JOIN merchant_master s ON s.id = m.merged_into WHERE m.id = ANY($1)"#,
        ids,
    )
    .fetch_all(tx)
    .await
}

/// Records a merge and has the names lead to the other merchant.
pub(super) async fn start(
    tx: &mut Tx,
    id: Uuid,
    from_id: Uuid,
    into_id: Uuid,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH names AS (
             UPDATE merchant_aliases SET merchant_id = $3 WHERE merchant_id = $2 RETURNING alias_key
         ), gone AS (
             UPDATE merchant_master SET merged_into = $3, updated_at = $4 WHERE id = $2
         )
         INSERT INTO merchant_merges (id, from_id, into_id, alias_keys, created_at, updated_at)
         SELECT $1, $2, $3, coalesce(array_agg(alias_key ORDER BY alias_key), '{}'), $4, $4 FROM names",
        id,
        from_id,
        into_id,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// A merge as it stood when it was looked at.
pub(super) struct Standing {
    pub id: Uuid,
    pub from_id: Uuid,
    pub into_id: Uuid,
    pub status: String,
}

pub(super) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Standing>, Error> {
    sqlx::query_as!(Standing, "SELECT id, from_id, into_id, status FROM merchant_merges WHERE id = $1", id)
        .fetch_optional(tx)
        .await
}

/// Gives the names back that the merge took; false if that was done before.
pub(super) async fn start_undo(tx: &mut Tx, merge: &Standing, now: OffsetDateTime) -> Result<bool, Error> {
    let done = sqlx::query!(
        "WITH g AS (
             UPDATE merchant_merges SET status = 'undoing', updated_at = $4
             WHERE id = $1 AND status IN ('moving', 'moved') RETURNING alias_keys
         ), names AS (
             UPDATE merchant_aliases a SET merchant_id = $2 FROM g WHERE a.alias_key = ANY(g.alias_keys) AND a.merchant_id = $3
         )
         UPDATE merchant_master SET merged_into = NULL, updated_at = $4 FROM g WHERE id = $2",
        merge.id,
        merge.from_id,
        merge.into_id,
        now,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The next user, in the order of ids, of whom something is to be moved.
pub(super) async fn next_user(tx: &mut Tx, merge: &Standing, after: Uuid) -> Result<Option<Uuid>, Error> {
    sqlx::query_scalar!(
        r#"SELECT user_id FROM (
               (SELECT user_id FROM transactions
                WHERE $1 = 'moving' AND merchant_id = $3 AND user_id > $4 ORDER BY user_id LIMIT 1)
               UNION ALL
               (SELECT user_id FROM user_corrections
                WHERE $1 = 'moving' AND merchant_id = $3 AND user_id > $4 ORDER BY user_id LIMIT 1)
               UNION ALL
               (SELECT user_id FROM recurrences
                WHERE $1 = 'moving' AND merchant_id = $3 AND user_id > $4 ORDER BY user_id LIMIT 1)
               UNION ALL
               (SELECT user_id FROM merchant_moves
                WHERE $1 = 'undoing' AND merge_id = $2 AND user_id > $4 ORDER BY user_id LIMIT 1)
           ) AS next ORDER BY user_id LIMIT 1"#,
        merge.status,
        merge.id,
        merge.from_id,
        after,
    )
    .fetch_optional(tx)
    .await
    .map(Option::flatten)
}

/// Whether the merge is at what it was, which it then stays until the transaction ends.
pub(super) async fn still(tx: &mut Tx, merge: &Standing) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM merchant_merges WHERE id = $1 AND status = $2 FOR SHARE",
        merge.id,
        merge.status,
    )
    .fetch_optional(tx)
    .await?;
    Ok(found.is_some())
}

/// Moves a user's rows to the other merchant and notes them. Transactions come from two indexes: deleted ones are in
/// neither of the live ones', and the one over all users would show everybody's.
pub(super) async fn move_on(
    tx: &mut Tx,
    user_id: Uuid,
    merge: &Standing,
    changed_seq: i64,
    now: OffsetDateTime,
    limit: i64,
) -> Result<i64, Error> {
    sqlx::query_scalar!(
        r#"WITH ids AS MATERIALIZED (
               (SELECT id FROM transactions WHERE user_id = $1 AND merchant_id = $3 AND NOT is_deleted LIMIT $7)
               UNION ALL
               (SELECT id FROM transactions WHERE user_id = $1 AND merchant_id = $3 AND is_deleted LIMIT $7)
           ), t AS (
               UPDATE transactions SET merchant_id = $4, changed_seq = $5, updated_at = $6
               WHERE user_id = $1 AND id IN (SELECT id FROM ids) AND merchant_id = $3 RETURNING id, merchant_key
           ), c AS (
               UPDATE user_corrections SET merchant_id = $4 WHERE user_id = $1 AND id IN (
                   SELECT id FROM user_corrections WHERE user_id = $1 AND merchant_id = $3 LIMIT $7
               ) RETURNING id, merchant_key
           ), r AS (
               UPDATE recurrences SET merchant_id = $4, changed_seq = $5, updated_at = $6 WHERE user_id = $1 AND id IN (
                   SELECT id FROM recurrences WHERE user_id = $1 AND merchant_id = $3 LIMIT $7
               ) RETURNING id, merchant_key
           ), noted AS (
               INSERT INTO merchant_moves (user_id, merge_id, kind, row_id, merchant_key)
               SELECT $1, $2::uuid, 'transaction', id, merchant_key FROM t
               UNION ALL SELECT $1, $2, 'correction', id, merchant_key FROM c
               UNION ALL SELECT $1, $2, 'recurrence', id, merchant_key FROM r
               ON CONFLICT (user_id, merge_id, kind, row_id) DO UPDATE SET merchant_key = excluded.merchant_key
           )
           SELECT greatest((SELECT count(*) FROM t), (SELECT count(*) FROM c), (SELECT count(*) FROM r)) AS "most!""#,
        user_id,
        merge.id,
        merge.from_id,
        merge.into_id,
        changed_seq,
        now,
        limit,
    )
    .fetch_one(tx)
    .await
}

/// Puts back what was noted, unless it has another merchant or another text since, and forgets the notes.
pub(super) async fn move_back(
    tx: &mut Tx,
    user_id: Uuid,
    merge: &Standing,
    changed_seq: i64,
    now: OffsetDateTime,
    limit: i64,
) -> Result<i64, Error> {
    sqlx::query_scalar!(
        r#"WITH n AS (
               DELETE FROM merchant_moves WHERE user_id = $1 AND merge_id = $2 AND (kind, row_id) IN (
                   SELECT kind, row_id FROM merchant_moves WHERE user_id = $1 AND merge_id = $2 LIMIT $7
               ) RETURNING kind, row_id, merchant_key
           ), t AS (
               UPDATE transactions x SET merchant_id = $3, changed_seq = $5, updated_at = $6 FROM n
               WHERE n.kind = 'transaction' AND x.user_id = $1 AND x.id = n.row_id
                 AND x.merchant_id = $4 AND x.merchant_key = n.merchant_key
           ), c AS (
               UPDATE user_corrections x SET merchant_id = $3 FROM n
               WHERE n.kind = 'correction' AND x.user_id = $1 AND x.id = n.row_id
                 AND x.merchant_id = $4 AND x.merchant_key = n.merchant_key
           ), r AS (
               UPDATE recurrences x SET merchant_id = $3, changed_seq = $5, updated_at = $6 FROM n
               WHERE n.kind = 'recurrence' AND x.user_id = $1 AND x.id = n.row_id
                 AND x.merchant_id = $4 AND x.merchant_key = n.merchant_key
           )
           SELECT count(*) AS "n!" FROM n"#,
        user_id,
        merge.id,
        merge.from_id,
        merge.into_id,
        changed_seq,
        now,
        limit,
    )
    .fetch_one(tx)
    .await
}

/// Ends a merge that began before `settled`, or an undoing.
pub(super) async fn finish(
    tx: &mut Tx,
    merge: &Standing,
    settled: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE merchant_merges
         SET status = CASE status WHEN 'moving' THEN 'moved' ELSE 'undone' END, updated_at = $4
         WHERE id = $1 AND status = $2 AND (status = 'undoing' OR (status = 'moving' AND created_at < $3))",
        merge.id,
        merge.status,
        settled,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn open(tx: &mut Tx) -> Result<Vec<Uuid>, Error> {
    sqlx::query_scalar!(
        "SELECT id FROM merchant_merges WHERE status IN ('moving', 'undoing') ORDER BY created_at LIMIT 100",
    )
    .fetch_all(tx)
    .await
}
