//! Statements on single-use tokens. A token names its user, so those that look one up take no user.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub async fn issued(tx: &mut Tx, user_id: Uuid, purpose: &str, since: OffsetDateTime) -> Result<i64, Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM single_use_tokens WHERE user_id = $1 AND purpose = $2 AND created_at > $3"#,
        user_id,
        purpose,
        since,
    )
    .fetch_one(tx)
    .await
}

pub struct NewToken<'a> {
    pub user_id: Uuid,
    pub purpose: &'a str,
    pub hash: &'a [u8],
    pub email: &'a str,
    pub now: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

pub async fn insert(tx: &mut Tx, token: &NewToken<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO single_use_tokens (user_id, id, purpose, token_hash, email, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        token.user_id,
        Uuid::now_v7(),
        token.purpose,
        token.hash,
        token.email,
        token.now,
        token.expires_at,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub struct Found {
    pub user_id: Uuid,
    pub id: Uuid,
    pub purpose: String,
    pub email: String,
}

/// A token that was neither used nor made void, and has time left.
pub async fn find(tx: &mut Tx, hash: &[u8], now: OffsetDateTime) -> Result<Option<Found>, Error> {
    sqlx::query_as!(
        Found,
        "SELECT user_id, id, purpose, email FROM single_use_tokens
         WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2",
        hash,
        now,
    )
    .fetch_optional(tx)
    .await
}

pub struct User {
    pub email: String,
    pub pending_email: Option<String>,
}

/// An active user, locked against other changes of the account.
pub async fn lock_user(tx: &mut Tx, user_id: Uuid) -> Result<Option<User>, Error> {
    sqlx::query_as!(
        User,
        "SELECT email, pending_email FROM users WHERE id = $1 AND is_active FOR NO KEY UPDATE",
        user_id,
    )
    .fetch_optional(tx)
    .await
}

pub async fn use_up(tx: &mut Tx, user_id: Uuid, id: Uuid, now: OffsetDateTime) -> Result<bool, Error> {
    sqlx::query!(
        "UPDATE single_use_tokens SET used_at = $3 WHERE user_id = $1 AND id = $2 AND used_at IS NULL AND expires_at > $3",
        user_id,
        id,
        now,
    )
    .execute(tx)
    .await
    .map(|done| done.rows_affected() == 1)
}

pub async fn void(tx: &mut Tx, user_id: Uuid, purposes: &[String], now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE single_use_tokens SET used_at = $3 WHERE user_id = $1 AND purpose = ANY($2) AND used_at IS NULL",
        user_id,
        purposes,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub async fn forget(tx: &mut Tx, ended_before: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM single_use_tokens WHERE (user_id, id) IN (
             SELECT user_id, id FROM single_use_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT 1000)",
        ended_before,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Makes a proven address the user's.
pub async fn verify(tx: &mut Tx, user_id: Uuid, email: &str, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE users
         SET email = $2, is_verified = true, pending_email = CASE WHEN email = $2 THEN pending_email END,
             revision = revision + 1, updated_at = $3
         WHERE id = $1",
        user_id,
        email,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Sets a password, and gives up a change of address that whoever knew the old one may have begun. A password set by a
/// mailed link proves the address, too. Returns the address.
pub async fn set_password(
    tx: &mut Tx,
    user_id: Uuid,
    hashed_password: &str,
    by_link: bool,
    now: OffsetDateTime,
) -> Result<String, Error> {
    sqlx::query_scalar!(
        "UPDATE users
         SET hashed_password = $2, is_verified = is_verified OR $3, pending_email = NULL, revision = revision + 1,
             updated_at = $4
         WHERE id = $1 RETURNING email",
        user_id,
        hashed_password,
        by_link,
        now,
    )
    .fetch_one(tx)
    .await
}
