//! Statements on imports.

mod mappings;
mod revert;

use super::{Import, RowProblem, Stalled};
use crate::platform::db::Tx;
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub(super) use mappings::{mapping, mappings, save_mapping};
pub(super) use revert::{advance_revert, ask_revert, take_back};

pub(super) struct NewImport<'a> {
    pub id: Uuid,
    pub file_key: &'a str,
    pub size: i64,
    pub on_duplicate: &'a str,
    pub mapping_id: Option<Uuid>,
    /// How the file is read, whole.
    pub mapping: &'a Value,
    pub currency: &'a str,
    pub changed_seq: i64,
    pub now: OffsetDateTime,
}

pub(super) async fn insert(tx: &mut Tx, user_id: Uuid, new: &NewImport<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO imports (user_id, id, file_key, size_bytes, on_duplicate, mapping_id, mapping, currency, changed_seq,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)",
        user_id,
        new.id,
        new.file_key,
        new.size,
        new.on_duplicate,
        new.mapping_id,
        new.mapping,
        new.currency,
        new.changed_seq,
        new.now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn get(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Import>, Error> {
    sqlx::query_as!(
        Import,
        r#"SELECT id, status::text AS "status!", on_duplicate, size_bytes, rows_total, rows_imported, rows_duplicate, rows_failed,
                  rows_reverted, error_code, error_detail, created_at, finished_at
           FROM imports WHERE user_id = $1 AND id = $2"#,
        user_id,
        id,
    )
    .fetch_optional(tx)
    .await
}

pub(super) async fn errors(tx: &mut Tx, user_id: Uuid, import_id: Uuid, limit: i64) -> Result<Vec<RowProblem>, Error> {
    sqlx::query_as!(
        RowProblem,
        r#"SELECT line, nullif(column_name, '') AS "column", code, detail
           FROM import_errors WHERE user_id = $1 AND import_id = $2 ORDER BY line, column_name, code LIMIT $3"#,
        user_id,
        import_id,
        limit,
    )
    .fetch_all(tx)
    .await
}

/// A page by id, newest first: ids grow with time. With the count, which is small for any person.
pub(super) async fn list(
    tx: &mut Tx,
    user_id: Uuid,
    after: Option<Uuid>,
    limit: i64,
    offset: i64,
) -> Result<(Vec<Import>, i64), Error> {
    let page = sqlx::query_as!(
        Import,
        r#"SELECT id, status::text AS "status!", on_duplicate, size_bytes, rows_total, rows_imported, rows_duplicate, rows_failed,
                  rows_reverted, error_code, error_detail, created_at, finished_at
           FROM imports WHERE user_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3 OFFSET $4"#,
        user_id,
        after,
        limit,
        offset,
    )
    .fetch_all(&mut *tx)
    .await?;
    let total = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM imports WHERE user_id = $1"#, user_id)
        .fetch_one(tx)
        .await?;
    Ok((page, total))
}

/// What a worker needs to go on.
pub(super) struct Job {
    pub file_key: String,
    pub on_duplicate: String,
    pub mapping: Option<Value>,
    /// For rows that name none.
    pub currency: String,
    pub next_row: i32,
}

/// Nothing if there is nothing left to do.
pub(super) async fn job(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Job>, Error> {
    sqlx::query_as!(
        Job,
        r#"SELECT i.file_key, i.on_duplicate, i.mapping, coalesce(i.currency, u.currency) AS "currency!", i.next_row
           FROM imports i JOIN users u ON u.id = i.user_id AND u.is_active
           WHERE i.user_id = $1 AND i.id = $2 AND i.status IN ('queued', 'running') AND i.revert_asked_at IS NULL"#,
        user_id,
        id,
    )
    .fetch_optional(tx)
    .await
}

/// How far an import or its revert is, and the user's date.
pub(super) struct Progress {
    pub open: bool,
    pub reverting: bool,
    pub reverted_to: Option<Uuid>,
    pub reverted: i32,
    pub next_row: i32,
    pub imported: i32,
    pub duplicate: i32,
    pub failed: i32,
    pub today: Date,
}

/// Under the user's turn, so that of two workers on one import the second sees what the first did.
pub(super) async fn progress(
    tx: &mut Tx,
    user_id: Uuid,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Progress>, Error> {
    sqlx::query_as!(
        Progress,
        r#"SELECT i.status IN ('queued', 'running') AND i.revert_asked_at IS NULL AS "open!",
                  i.status = 'running' AND i.revert_asked_at IS NOT NULL AS "reverting!", i.reverted_to,
                  i.rows_reverted AS reverted, i.next_row, i.rows_imported AS imported,
                  i.rows_duplicate AS duplicate, i.rows_failed AS failed,
                  ($3::timestamptz AT TIME ZONE u.timezone)::date AS "today!"
           FROM imports i JOIN users u ON u.id = i.user_id WHERE i.user_id = $1 AND i.id = $2"#,
        user_id,
        id,
        now,
    )
    .fetch_optional(tx)
    .await
}

pub(super) async fn advance(
    tx: &mut Tx,
    user_id: Uuid,
    id: Uuid,
    progress: &Progress,
    ended: bool,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE imports
         SET status = CASE WHEN $7 THEN 'completed' ELSE 'running' END::import_status, next_row = $3, rows_imported = $4,
             rows_duplicate = $5, rows_failed = $6, rows_total = CASE WHEN $7 THEN $3 ELSE rows_total END,
             finished_at = CASE WHEN $7 THEN $9::timestamptz END, changed_seq = $8, updated_at = $9
         WHERE user_id = $1 AND id = $2",
        user_id,
        id,
        progress.next_row,
        progress.imported,
        progress.duplicate,
        progress.failed,
        ended,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn fail(
    tx: &mut Tx,
    user_id: Uuid,
    id: Uuid,
    code: &str,
    detail: &str,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE imports
         SET status = 'failed', error_code = $3, error_detail = $4, changed_seq = $5, updated_at = $6, finished_at = $6
         WHERE user_id = $1 AND id = $2",
        user_id,
        id,
        code,
        detail,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Rows that could not be read, by column.
#[derive(Default)]
pub(super) struct Faults {
    pub lines: Vec<i32>,
    pub columns: Vec<String>,
    pub codes: Vec<String>,
    pub details: Vec<String>,
}

pub(super) async fn insert_errors(tx: &mut Tx, user_id: Uuid, import_id: Uuid, faults: &Faults) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO import_errors (user_id, import_id, line, column_name, code, detail)
         SELECT $1, $2, f.line, left(f.col, 255), f.code, left(f.detail, 500)
         FROM unnest($3::int[], $4::text[], $5::text[], $6::text[]) AS f(line, col, code, detail)
         ON CONFLICT DO NOTHING",
        user_id,
        import_id,
        &faults.lines,
        &faults.columns,
        &faults.codes,
        &faults.details,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Transactions that were there before this import and look the same.
pub(super) struct Like {
    pub date: Date,
    pub amount: Decimal,
    pub currency: String,
    pub key: i64,
    pub ids: Vec<Uuid>,
    /// Those without an id of the bank's.
    pub unnamed: Vec<Uuid>,
}

/// The user's transactions on these dates with these merchants. One stretch of an index a date, however many rows share
/// it; `IS TRUE` keeps the keys out of the index conditions, or the planner may multiply the two lists, and in a hash
/// whether or not the plan is a kept one.
pub(super) async fn alike(
    tx: &mut Tx,
    user_id: Uuid,
    import_id: Uuid,
    dates: &[Date],
    keys: &[i64],
) -> Result<Vec<Like>, Error> {
    sqlx::query_as!(
        Like,
        r#"SELECT t.date, t.amount, t.currency, t.merchant_key AS key, array_agg(t.id ORDER BY t.id) AS "ids!",
                  coalesce(array_agg(t.id ORDER BY t.id) FILTER (WHERE t.external_id IS NULL), '{}') AS "unnamed!"
           FROM transactions t
           WHERE t.user_id = $1 AND NOT t.is_deleted AND t.import_id IS DISTINCT FROM $2
             AND t.date = ANY($3) AND (t.merchant_key IN (SELECT unnest($4::bigint[]))) IS TRUE
           GROUP BY t.date, t.amount, t.currency, t.merchant_key"#,
        user_id,
        import_id,
        dates,
        keys,
    )
    .fetch_all(tx)
    .await
}

/// Which of the bank's ids are known, deleted transactions included: they are unique over both.
pub(super) async fn known_external(tx: &mut Tx, user_id: Uuid, ids: &[String]) -> Result<Vec<String>, Error> {
    sqlx::query_scalar!(
        r#"SELECT external_id AS "id!" FROM transactions WHERE user_id = $1 AND source = 'csv' AND external_id = ANY($2)"#,
        user_id,
        ids,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn stalled(tx: &mut Tx, before: OffsetDateTime) -> Result<Vec<Stalled>, Error> {
    sqlx::query_as!(
        Stalled,
        r#"SELECT user_id, id, revert_asked_at IS NOT NULL AS "reverting!", created_at < $1::timestamptz - interval '1 day' AS "old!"
           FROM imports WHERE status IN ('queued', 'running') AND updated_at < $1 ORDER BY updated_at LIMIT 100"#,
        before,
    )
    .fetch_all(tx)
    .await
}
