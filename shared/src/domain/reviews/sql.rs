//! Statements on how far nightly jobs have looked.

use super::Changed;
use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// Everybody who has not changed since then was reviewed.
pub(super) async fn reviewed_to(tx: &mut Tx, job: &str) -> Result<OffsetDateTime, Error> {
    let to = sqlx::query_scalar!("SELECT reviewed_to FROM review_jobs WHERE job = $1", job).fetch_optional(tx).await?;
    Ok(to.unwrap_or(OffsetDateTime::UNIX_EPOCH))
}

pub(super) async fn set_reviewed_to(tx: &mut Tx, job: &str, to: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO review_jobs (job, reviewed_to) VALUES ($1, $2)
         ON CONFLICT (job) DO UPDATE SET reviewed_to = greatest(review_jobs.reviewed_to, excluded.reviewed_to)",
        job,
        to,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Users who changed after a place and whom the job has not seen since, in the order of their changes.
pub(super) async fn changed(
    tx: &mut Tx,
    job: &str,
    (at, user_id): (OffsetDateTime, Uuid),
    limit: i64,
) -> Result<Vec<Changed>, Error> {
    sqlx::query_as!(
        Changed,
        r#"SELECT u.user_id, u.changes, coalesce(r.changes, 0) AS "seen!", u.changed_at AS at
           FROM user_seq u LEFT JOIN reviews r ON r.user_id = u.user_id AND r.job = $1
           WHERE (u.changed_at, u.user_id) > ($2, $3) AND u.changes > coalesce(r.changes, 0)
           ORDER BY u.changed_at, u.user_id LIMIT $4"#,
        job,
        at,
        user_id,
        limit,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn set_seen(tx: &mut Tx, job: &str, user_id: Uuid, changes: i64) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO reviews (user_id, job, changes) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, job) DO UPDATE SET changes = greatest(reviews.changes, excluded.changes)",
        user_id,
        job,
        changes,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// The user's last `changed_seq`.
pub(super) async fn changes(tx: &mut Tx, user_id: Uuid) -> Result<Option<i64>, Error> {
    sqlx::query_scalar!("SELECT changes FROM user_seq WHERE user_id = $1", user_id).fetch_optional(tx).await
}
