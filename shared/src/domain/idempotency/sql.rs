//! Statements on idempotency keys.

use crate::platform::{db::Tx, http::Reply};
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) struct Stored {
    pub request_hash: Vec<u8>,
    pub status: i32,
    pub body: String,
}

/// What was answered, if it has not expired; expired rows are only cleaned later.
pub(super) async fn find(
    tx: &mut Tx,
    user_id: Uuid,
    route: &str,
    key: &str,
    now: OffsetDateTime,
) -> Result<Option<Stored>, Error> {
    sqlx::query_as!(
        Stored,
        "SELECT request_hash, status, body FROM idempotency_keys
         WHERE user_id = $1 AND route = $2 AND key = $3 AND expires_at > $4",
        user_id,
        route,
        key,
        now,
    )
    .fetch_optional(tx)
    .await
}

#[expect(clippy::too_many_arguments, reason = "a row's columns")]
pub(super) async fn store(
    tx: &mut Tx,
    user_id: Uuid,
    route: &str,
    key: &str,
    hash: &[u8],
    reply: &Reply,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO idempotency_keys (user_id, route, key, request_hash, status, body, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (user_id, route, key) DO UPDATE
         SET request_hash = excluded.request_hash, status = excluded.status, body = excluded.body,
             created_at = excluded.created_at, expires_at = excluded.expires_at",
        user_id,
        route,
        key,
        hash,
        i32::from(reply.status),
        reply.body,
        now,
        expires_at,
    )
    .execute(tx)
    .await
    .map(drop)
}
