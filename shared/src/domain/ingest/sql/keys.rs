//! Statements on the idempotency keys of programs.

use crate::platform::{db::Tx, http::Reply};
use sqlx::Error;
use time::OffsetDateTime;

/// A request that asks to be done once.
pub struct Claim<'a> {
    /// The hash of the token that it came with.
    pub service: &'a [u8],
    pub route: &'a str,
    pub key: &'a str,
    pub request_hash: &'a [u8],
    pub until: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub now: OffsetDateTime,
}

/// Whether the request is this one's to do: nobody came with the key before, or it has expired, or whoever did was killed.
pub async fn claim(tx: &mut Tx, claim: &Claim<'_>) -> Result<bool, Error> {
    let claimed = sqlx::query!(
        "INSERT INTO service_idempotency_keys AS k
             (token_id, route, key, request_hash, claimed_until, created_at, expires_at)
         SELECT id, $2, $3, $4, $5, $7, $6 FROM service_tokens WHERE token_hash = $1
         ON CONFLICT (token_id, route, key) DO UPDATE
         SET request_hash = excluded.request_hash, claimed_until = excluded.claimed_until, status = NULL, body = NULL,
             created_at = excluded.created_at, expires_at = excluded.expires_at
         WHERE k.expires_at <= $7
            OR (k.status IS NULL AND k.claimed_until <= $7 AND k.request_hash = excluded.request_hash)",
        claim.service,
        claim.route,
        claim.key,
        claim.request_hash,
        claim.until,
        claim.expires_at,
        claim.now,
    )
    .execute(tx)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

pub struct Stored {
    pub request_hash: Vec<u8>,
    pub status: Option<i32>,
    pub body: Option<String>,
}

pub async fn find(tx: &mut Tx, claim: &Claim<'_>) -> Result<Option<Stored>, Error> {
    sqlx::query_as!(
        Stored,
        "SELECT request_hash, status, body FROM service_idempotency_keys
         WHERE token_id = (SELECT id FROM service_tokens WHERE token_hash = $1) AND route = $2 AND key = $3",
        claim.service,
        claim.route,
        claim.key,
    )
    .fetch_optional(tx)
    .await
}

/// Only of this very claim: another may have taken over.
pub async fn answer(tx: &mut Tx, claim: &Claim<'_>, reply: &Reply) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE service_idempotency_keys SET status = $5, body = $6
         WHERE token_id = (SELECT id FROM service_tokens WHERE token_hash = $1) AND route = $2 AND key = $3
           AND claimed_until = $4 AND status IS NULL",
        claim.service,
        claim.route,
        claim.key,
        claim.until,
        i32::from(reply.status),
        reply.body,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub async fn release(tx: &mut Tx, claim: &Claim<'_>) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM service_idempotency_keys
         WHERE token_id = (SELECT id FROM service_tokens WHERE token_hash = $1) AND route = $2 AND key = $3
           AND claimed_until = $4 AND status IS NULL",
        claim.service,
        claim.route,
        claim.key,
        claim.until,
    )
    .execute(tx)
    .await
    .map(drop)
}
