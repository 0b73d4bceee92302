//! Statements on service tokens. They are nobody's own: administrators see all, programs are found by their hash.

use super::Token;
use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) async fn insert(tx: &mut Tx, token: &Token, hash: &[u8]) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO service_tokens (id, name, token_hash, scopes, created_by, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        token.id,
        token.name,
        hash,
        &token.scopes,
        token.created_by,
        token.expires_at,
        token.created_at,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// The last made first.
pub(super) async fn list(tx: &mut Tx, after: Option<Uuid>, limit: i64, offset: i64) -> Result<Vec<Token>, Error> {
    sqlx::query_as!(
        Token,
        "SELECT id, name, scopes, created_by, created_at, expires_at, last_used_at, revoked_at
         FROM service_tokens WHERE $1::uuid IS NULL OR id < $1 ORDER BY id DESC LIMIT $2 OFFSET $3",
        after,
        limit,
        offset,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn count(tx: &mut Tx) -> Result<i64, Error> {
    sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM service_tokens"#).fetch_one(tx).await
}

/// Whether there was one to revoke.
pub(super) async fn revoke(tx: &mut Tx, id: Uuid, now: OffsetDateTime) -> Result<bool, Error> {
    let revoked =
        sqlx::query!("UPDATE service_tokens SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL", id, now);
    revoked.execute(tx).await.map(|done| done.rows_affected() == 1)
}

pub(super) async fn exists(tx: &mut Tx, id: Uuid) -> Result<bool, Error> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM service_tokens WHERE id = $1) AS "there!""#, id)
        .fetch_one(tx)
        .await
}

pub(super) struct Live {
    pub id: Uuid,
    pub scopes: Vec<String>,
    /// `last_used_at` is old enough to be written again.
    pub stale: bool,
}

pub(super) async fn live(tx: &mut Tx, hash: &[u8], now: OffsetDateTime) -> Result<Option<Live>, Error> {
    sqlx::query_as!(
        Live,
        r#"SELECT id, scopes,
                  coalesce(last_used_at < $2::timestamptz - interval '5 minutes', true) AS "stale!"
           FROM service_tokens
           WHERE token_hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"#,
        hash,
        now,
    )
    .fetch_optional(tx)
    .await
}

/// Notes the use. Passed over while another request of the same program does so: none waits for it.
pub(super) async fn touch(tx: &mut Tx, id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE service_tokens SET last_used_at = $2
         WHERE id = (SELECT id FROM service_tokens WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED)",
        id,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}
