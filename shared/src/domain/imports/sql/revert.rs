//! Statements that take an import back.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// Marks an import to be taken back, unless it is. Its status, or nothing if there is no such import.
pub(in crate::domain::imports) async fn ask_revert(
    tx: &mut Tx,
    user_id: Uuid,
    id: Uuid,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<Option<String>, Error> {
    sqlx::query_scalar!(
        r#"WITH asked AS (
               UPDATE imports
               SET status = 'running', revert_asked_at = $4, finished_at = NULL, changed_seq = $3, updated_at = $4
               WHERE user_id = $1 AND id = $2 AND revert_asked_at IS NULL
               RETURNING status
           )
           SELECT coalesce(asked.status, i.status)::text AS "status!"
           FROM imports i LEFT JOIN asked ON true WHERE i.user_id = $1 AND i.id = $2"#,
        user_id,
        id,
        changed_seq,
        now,
    )
    .fetch_optional(tx)
    .await
}

/// What went.
pub(in crate::domain::imports) struct Back {
    pub last: Option<Uuid>,
    /// Rows looked at.
    pub seen: i64,
    /// Rows that were live.
    pub taken: i32,
    /// Whose sums fell, with `currencies`.
    pub categories: Vec<String>,
    pub currencies: Vec<String>,
}

/// Takes the import's rows after an id back. They stay as tombstones, for clients that sync, but give up the bank's ids:
/// the same file may come again. That holds for those the user deleted, too. By a list of ids rather than by a join: a
/// plan kept from a time when the table was small would look at all pairs.
pub(in crate::domain::imports) async fn take_back(
    tx: &mut Tx,
    user_id: Uuid,
    import_id: Uuid,
    after: Uuid,
    limit: i64,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<Back, Error> {
    sqlx::query_as!(
        Back,
        r#"WITH part AS MATERIALIZED (
               SELECT id, NOT is_deleted OR external_id IS NOT NULL AS stands FROM transactions
               WHERE user_id = $1 AND import_id = $2 AND id > $3 ORDER BY id LIMIT $4
           ), back AS (
               UPDATE transactions
               SET is_deleted = true, deleted_at = coalesce(deleted_at, $6), external_id = NULL, changed_seq = $5, updated_at = $6
               WHERE user_id = $1 AND id = ANY(ARRAY(SELECT id FROM part WHERE stands))
               RETURNING category, currency, deleted_at = $6 AS taken
           ), changed AS (
               SELECT DISTINCT category, currency FROM back WHERE taken ORDER BY 1, 2
           )
           SELECT (SELECT id FROM part ORDER BY id DESC LIMIT 1) AS last,
                  (SELECT count(*) FROM part) AS "seen!",
                  (SELECT count(*) FROM back WHERE taken)::int AS "taken!",
                  ARRAY(SELECT category FROM changed) AS "categories!",
                  ARRAY(SELECT currency FROM changed) AS "currencies!""#,
        user_id,
        import_id,
        after,
        limit,
        changed_seq,
        now,
    )
    .fetch_one(tx)
    .await
}

#[expect(clippy::too_many_arguments, reason = "a row's key and its new values")]
pub(in crate::domain::imports) async fn advance_revert(
    tx: &mut Tx,
    user_id: Uuid,
    id: Uuid,
    last: Option<Uuid>,
    reverted: i32,
    ended: bool,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE imports
         SET status = CASE WHEN $5 THEN 'reverted' ELSE 'running' END::import_status, rows_reverted = $4,
             reverted_to = coalesce($3, reverted_to), finished_at = CASE WHEN $5 THEN $7::timestamptz END,
             changed_seq = $6, updated_at = $7
         WHERE user_id = $1 AND id = $2",
        user_id,
        id,
        last,
        reverted,
        ended,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}
