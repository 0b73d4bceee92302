//! Statements that take an account away.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// Blanks what names a person and frees the address. The row stays until all that refers to it is gone.
pub(super) async fn blank(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE users
         SET email = id || '@erased.invalid', hashed_password = '-', full_name = '', phone = NULL, pending_email = NULL,
             wallet_addresses = '[]', preferences = '{}', is_active = false, is_verified = false, is_admin = false,
             revision = revision + 1, updated_at = $2
         WHERE id = $1",
        user_id,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Sessions, mailed links and mails: all that leads into the account, and where it was used from.
pub(super) async fn forget_access(tx: &mut Tx, user_id: Uuid) -> Result<(), Error> {
    sqlx::query!("DELETE FROM sessions WHERE user_id = $1", user_id).execute(&mut *tx).await?;
    sqlx::query!("DELETE FROM single_use_tokens WHERE user_id = $1", user_id).execute(&mut *tx).await?;
    sqlx::query!("DELETE FROM mails WHERE user_id = $1", user_id).execute(tx).await.map(drop)
}

/// Whether there is an account that is not being erased; nobody else may close it meanwhile.
pub(super) async fn is_back(tx: &mut Tx, user_id: Uuid) -> Result<bool, Error> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 AND NOT EXISTS (SELECT FROM erasures WHERE user_id = $1) FOR UPDATE",
        user_id,
    );
    found.fetch_optional(tx).await.map(|found| found.is_some())
}

/// By no request: an operator does it, with the restored database in hand.
pub(super) async fn note_closed_again(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO audit_log (at, actor_id, action) VALUES ($1, $2, 'auth.account_closed_again')",
        now,
        user_id,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn end_imports(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE imports SET status = 'failed', error_code = 'account_closed', updated_at = $2, finished_at = $2
         WHERE user_id = $1 AND status IN ('queued', 'running')",
        user_id,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn insert(
    tx: &mut Tx,
    user_id: Uuid,
    now: OffsetDateTime,
    due_at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!("INSERT INTO erasures (user_id, closed_at, due_at) VALUES ($1, $2, $3)", user_id, now, due_at,)
        .execute(tx)
        .await
        .map(drop)
}

/// When the account was closed, if it was; nobody else need look until `again`.
pub(super) async fn take(tx: &mut Tx, user_id: Uuid, again: OffsetDateTime) -> Result<Option<OffsetDateTime>, Error> {
    sqlx::query_scalar!("UPDATE erasures SET due_at = $2 WHERE user_id = $1 RETURNING closed_at", user_id, again)
        .fetch_optional(tx)
        .await
}

pub(super) async fn due(tx: &mut Tx, now: OffsetDateTime) -> Result<Vec<Uuid>, Error> {
    sqlx::query_scalar!("SELECT user_id FROM erasures WHERE due_at <= $1 ORDER BY due_at LIMIT 100", now)
        .fetch_all(tx)
        .await
}

pub(super) async fn postpone(tx: &mut Tx, user_id: Uuid, due_at: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!("UPDATE erasures SET due_at = $2 WHERE user_id = $1", user_id, due_at).execute(tx).await.map(drop)
}

/// Deletes the account itself; what few rows still refer to it go along.
pub(super) async fn finish(tx: &mut Tx, user_id: Uuid) -> Result<(), Error> {
    sqlx::query!("DELETE FROM users WHERE id = $1 AND EXISTS (SELECT FROM erasures WHERE user_id = $1)", user_id,)
        .execute(tx)
        .await
        .map(drop)
}

/// Tables of which one user may have many rows. What refers to another of them comes before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Corrections,
    Embeddings,
    Moves,
    Leaves,
    Transactions,
    ImportErrors,
    Imports,
    Events,
    Idempotency,
    Runs,
    Audit,
}

pub(super) const STEPS: [Step; 11] = [
    Step::Corrections,
    Step::Embeddings,
    Step::Moves,
    Step::Leaves,
    Step::Transactions,
    Step::ImportErrors,
    Step::Imports,
    Step::Events,
    Step::Idempotency,
    Step::Runs,
    Step::Audit,
];

/// Deletes up to `most` rows, in the order of the key: what was deleted before is passed over at the index's beginning.
pub(super) async fn delete(tx: &mut Tx, step: Step, user_id: Uuid, most: i64) -> Result<i64, Error> {
    let query = match step {
        Step::Corrections => sqlx::query!(
            "DELETE FROM user_corrections WHERE user_id = $1 AND id IN (
                 SELECT id FROM user_corrections WHERE user_id = $1 ORDER BY id LIMIT $2)",
            user_id,
            most,
        ),
        Step::Embeddings => sqlx::query!(
            "DELETE FROM embeddings WHERE user_id = $1 AND id IN (
                 SELECT id FROM embeddings WHERE user_id = $1 ORDER BY id LIMIT $2)",
            user_id,
            most,
        ),
        Step::Moves => sqlx::query!(
            "DELETE FROM merchant_moves WHERE (user_id, merge_id, kind, row_id) IN (
                 SELECT user_id, merge_id, kind, row_id FROM merchant_moves
                 WHERE user_id = $1 ORDER BY merge_id, kind, row_id LIMIT $2)",
            user_id,
            most,
        ),
        Step::Leaves => sqlx::query!(
            "DELETE FROM merkle_leaves WHERE (user_id, transaction_id, revision) IN (
                 SELECT user_id, transaction_id, revision FROM merkle_leaves
                 WHERE user_id = $1 ORDER BY transaction_id, revision LIMIT $2)",
            user_id,
            most,
        ),
        Step::Transactions => sqlx::query!(
            "DELETE FROM transactions WHERE user_id = $1 AND id IN (
                 SELECT id FROM transactions WHERE user_id = $1 ORDER BY id LIMIT $2)",
            user_id,
            most,
        ),
        Step::ImportErrors => sqlx::query!(
            "DELETE FROM import_errors WHERE (user_id, import_id, line, column_name, code) IN (
                 SELECT user_id, import_id, line, column_name, code FROM import_errors
                 WHERE user_id = $1 ORDER BY import_id, line, column_name, code LIMIT $2)",
            user_id,
            most,
        ),
        Step::Imports => sqlx::query!(
            "DELETE FROM imports WHERE user_id = $1 AND id IN (
                 SELECT id FROM imports WHERE user_id = $1 ORDER BY id LIMIT $2)",
            user_id,
            most,
        ),
        Step::Events => sqlx::query!(
            "DELETE FROM events WHERE user_id = $1 AND seq IN (
                 SELECT seq FROM events WHERE user_id = $1 ORDER BY seq LIMIT $2)",
            user_id,
            most,
        ),
        Step::Idempotency => sqlx::query!(
            "DELETE FROM idempotency_keys WHERE (user_id, route, key) IN (
                 SELECT user_id, route, key FROM idempotency_keys WHERE user_id = $1 ORDER BY route, key LIMIT $2)",
            user_id,
            most,
        ),
        Step::Runs => sqlx::query!(
            "DELETE FROM task_runs WHERE id IN (SELECT id FROM task_runs WHERE user_id = $1 LIMIT $2)",
            user_id,
            most,
        ),
        Step::Audit => {
            let most = i32::try_from(most).unwrap_or(i32::MAX);
            return sqlx::query_scalar!(r#"SELECT audit_log_forget($1, $2) AS "gone!""#, user_id, most)
                .fetch_one(tx)
                .await;
        }
    };
    query.execute(tx).await.map(|done| i64::try_from(done.rows_affected()).unwrap_or(i64::MAX))
}
