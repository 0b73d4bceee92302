//! Statements on mails that wait to be sent, on whom they reach, and on how they are switched off.

pub(super) mod budgets;
pub(super) mod figures;
pub(super) mod summaries;

use crate::platform::db::Tx;
use serde_json::Value;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub struct New<'a> {
    pub id: Uuid,
    pub kind: &'a str,
    pub email: &'a str,
    pub user_id: Option<Uuid>,
    pub about: &'a Value,
    pub due_at: OffsetDateTime,
    pub now: OffsetDateTime,
}

pub async fn insert(tx: &mut Tx, new: &New<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO mails (id, kind, email, user_id, about, due_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new.id,
        new.kind,
        new.email,
        new.user_id,
        new.about,
        new.due_at,
        new.now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub struct Waiting {
    pub kind: String,
    pub email: String,
    pub user_id: Option<Uuid>,
    pub about: Value,
    pub created_at: OffsetDateTime,
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
         RETURNING kind, email, user_id, about, created_at",
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
        "SELECT id FROM mails WHERE due_at < $1 AND tries < $2 ORDER BY due_at LIMIT 500",
        due_before,
        tries,
    )
    .fetch_all(tx)
    .await
}

/// Moves a user's mark on, unless it is past `before` already: of any number at the same moment one does.
pub async fn mark(
    tx: &mut Tx,
    user_id: Uuid,
    kind: &str,
    mark: OffsetDateTime,
    before: OffsetDateTime,
) -> Result<bool, Error> {
    sqlx::query!(
        "INSERT INTO mail_marks AS m (user_id, kind, mark) VALUES ($1, $2, $3)
         ON CONFLICT (user_id, kind) DO UPDATE SET mark = excluded.mark WHERE m.mark <= $4",
        user_id,
        kind,
        mark,
        before,
    )
    .execute(tx)
    .await
    .map(|done| done.rows_affected() == 1)
}

/// The active account of an address.
pub async fn account(tx: &mut Tx, email: &str) -> Result<Option<Uuid>, Error> {
    sqlx::query_scalar!("SELECT id FROM users WHERE lower(email) = lower($1) AND is_active", email)
        .fetch_optional(tx)
        .await
}

pub struct User {
    pub email: String,
    pub pending_email: Option<String>,
    pub is_verified: bool,
}

/// An active user, locked against other changes of the account.
pub async fn lock_user(tx: &mut Tx, user_id: Uuid) -> Result<Option<User>, Error> {
    sqlx::query_as!(
        User,
        "SELECT email, pending_email, is_verified FROM users WHERE id = $1 AND is_active FOR NO KEY UPDATE",
        user_id,
    )
    .fetch_optional(tx)
    .await
}

/// Who reads figures.
pub struct Reader {
    pub email: String,
    /// What comes first among several.
    pub currency: String,
    pub today: Date,
}

/// A user who wants such mails, at an address that was proven. Switches of mails are off unless they were switched on.
pub async fn reader(tx: &mut Tx, user_id: Uuid, switch: &str, now: OffsetDateTime) -> Result<Option<Reader>, Error> {
    sqlx::query_as!(
        Reader,
        r#"SELECT email, currency, ($3::timestamptz AT TIME ZONE timezone)::date AS "today!"
           FROM users
           WHERE id = $1 AND is_active AND is_verified AND preferences -> 'notifications' -> $2 = 'true'"#,
        user_id,
        switch,
        now,
    )
    .fetch_optional(tx)
    .await
}

pub async fn insert_token(
    tx: &mut Tx,
    user_id: Uuid,
    hash: &[u8],
    kind: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO unsubscribe_tokens (user_id, token_hash, kind, created_at) VALUES ($1, $2, $3, $4)",
        user_id,
        hash,
        kind,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// The user and the kind of mail of a token, which names its user: so it takes none.
pub async fn find_token(tx: &mut Tx, hash: &[u8]) -> Result<Option<(Uuid, String)>, Error> {
    let found = sqlx::query!(
        "SELECT t.user_id, t.kind FROM unsubscribe_tokens t JOIN users u ON u.id = t.user_id AND u.is_active
         WHERE t.token_hash = $1",
        hash,
    )
    .fetch_optional(tx)
    .await?;
    Ok(found.map(|row| (row.user_id, row.kind)))
}

/// Whether it was on.
pub async fn switch_off(tx: &mut Tx, user_id: Uuid, switch: &str, now: OffsetDateTime) -> Result<bool, Error> {
    sqlx::query!(
        "UPDATE users
         SET preferences = jsonb_set(preferences, '{notifications}', (preferences -> 'notifications') - $2),
             revision = revision + 1, updated_at = $3
         WHERE id = $1 AND is_active AND preferences -> 'notifications' -> $2 = 'true'",
        user_id,
        switch,
        now,
    )
    .execute(tx)
    .await
    .map(|done| done.rows_affected() == 1)
}
