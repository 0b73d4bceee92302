//! Statements on mails that wait to be sent.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub async fn insert(
    tx: &mut Tx,
    id: Uuid,
    kind: &str,
    email: &str,
    user_id: Option<Uuid>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO mails (id, kind, email, user_id, due_at, created_at) VALUES ($1, $2, $3, $4, $5, $5)",
        id,
        kind,
        email,
        user_id,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub struct Waiting {
    pub kind: String,
    pub email: String,
    pub user_id: Option<Uuid>,
}

/// A mail that is due, for whoever comes first.
pub async fn claim(
    tx: &mut Tx,
    id: Uuid,
    now: OffsetDateTime,
    again: OffsetDateTime,
) -> Result<Option<Waiting>, Error> {
    sqlx::query_as!(
        Waiting,
        "UPDATE mails SET due_at = $3, tries = tries + 1 WHERE id = $1 AND due_at <= $2
         RETURNING kind, email, user_id",
        id,
        now,
        again,
    )
    .fetch_optional(tx)
    .await
}

pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<(), Error> {
    sqlx::query!("DELETE FROM mails WHERE id = $1", id).execute(tx).await.map(drop)
}

/// Has the mail be due at once again.
pub async fn release(tx: &mut Tx, id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!("UPDATE mails SET due_at = $2 WHERE id = $1", id, now).execute(tx).await.map(drop)
}

pub async fn unsent(tx: &mut Tx, due_before: OffsetDateTime, tries: i32) -> Result<Vec<Uuid>, Error> {
    sqlx::query_scalar!(
        "SELECT id FROM mails WHERE due_at < $1 AND tries < $2 ORDER BY due_at LIMIT 100",
        due_before,
        tries,
    )
    .fetch_all(tx)
    .await
}
