//! Statements on data sets.

use super::TrainingSet;
use crate::platform::db::Tx;
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// The newest first.
pub(super) async fn list(tx: &mut Tx, before: Option<i64>, limit: i64) -> Result<Vec<TrainingSet>, Error> {
    sqlx::query_as!(
        TrainingSet,
        "SELECT version, status, revision, corrections, rows, first_at, last_at, requested_at, written_at, size_bytes, sha256
         FROM trainings WHERE $1::bigint IS NULL OR version < $1 ORDER BY version DESC LIMIT $2",
        before,
        limit,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn get(tx: &mut Tx, version: i64) -> Result<Option<TrainingSet>, Error> {
    sqlx::query_as!(
        TrainingSet,
        "SELECT version, status, revision, corrections, rows, first_at, last_at, requested_at, written_at, size_bytes, sha256
         FROM trainings WHERE version = $1",
        version,
    )
    .fetch_optional(tx)
    .await
}

/// A set whose file is not written.
pub(super) struct Open {
    pub id: Uuid,
    pub version: i64,
    pub revision: i32,
    pub salt: Uuid,
}

pub(super) async fn open(tx: &mut Tx) -> Result<Option<Open>, Error> {
    sqlx::query_as!(
        Open,
        "SELECT id, version, revision, salt FROM trainings WHERE status = 'gathering' ORDER BY version LIMIT 1"
    )
    .fetch_optional(tx)
    .await
}

/// What a line is made of.
pub(super) struct Row {
    pub user_id: Uuid,
    pub merchant_raw: String,
    pub merchant_key: i64,
    pub merchant: Option<String>,
    pub amount: Decimal,
    pub currency: String,
    pub date: Date,
    pub source: String,
    pub old_category: String,
    pub new_category: String,
    pub created_at: OffsetDateTime,
}

/// The corrections of a set, at most those of one training; without those of accounts that are closed.
pub(super) async fn rows(tx: &mut Tx, training_id: Uuid) -> Result<Vec<Row>, Error> {
    sqlx::query_as!(
        Row,
        r#"SELECT c.user_id, t.merchant_raw, c.merchant_key, m.canonical_name AS "merchant?", t.amount, t.currency, t.date,
                  t.source::text AS "source!", c.old_category, c.new_category, c.created_at
           FROM user_corrections c
           JOIN transactions t ON t.user_id = c.user_id AND t.id = c.transaction_id
           LEFT JOIN merchant_master m ON m.id = c.merchant_id
           WHERE c.training_id = $1 AND NOT EXISTS (SELECT FROM erasures e WHERE e.user_id = c.user_id)
           ORDER BY c.created_at, c.id"#,
        training_id,
    )
    .fetch_all(tx)
    .await
}

/// Says that a set's file is there, unless the set is another by now. Whether it was this one's to say.
pub(super) async fn ready(
    tx: &mut Tx,
    open: &Open,
    rows: i32,
    size: i64,
    hash: &str,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE trainings SET status = 'ready', rows = $3, size_bytes = $4, sha256 = $5, written_at = $6
         WHERE id = $1 AND revision = $2 AND status = 'gathering'",
        open.id,
        open.revision,
        rows,
        size,
        hash,
        now,
    )
    .execute(tx)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the sets that hold a user's corrections ones that are to be written, and says which.
pub(super) async fn reopen(tx: &mut Tx, user_id: Uuid) -> Result<Vec<i64>, Error> {
    sqlx::query_scalar!(
        "UPDATE trainings
         SET status = 'gathering', revision = revision + 1, rows = NULL, size_bytes = NULL, sha256 = NULL, written_at = NULL
         WHERE id IN (SELECT training_id FROM user_corrections WHERE user_id = $1 AND training_id IS NOT NULL)
         RETURNING version",
        user_id,
    )
    .fetch_all(tx)
    .await
}
