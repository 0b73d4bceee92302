//! Statements on users and sessions.

pub(super) mod links;
pub(super) mod profile;

use super::devices::Device;
use crate::platform::db::Tx;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub(super) struct Live {
    pub currency: String,
    pub today: Date,
    /// `last_active` is old enough to be written again.
    pub stale: bool,
    pub is_admin: bool,
    pub locked: bool,
}

pub(super) async fn live_session(
    tx: &mut Tx,
    user_id: Uuid,
    session_id: Uuid,
    now: OffsetDateTime,
    lock: Option<i64>,
) -> Result<Option<Live>, Error> {
    sqlx::query_as!(
        Live,
        r#"SELECT u.currency, ($3::timestamptz AT TIME ZONE u.timezone)::date AS "today!",
                  s.last_active < $3::timestamptz - interval '5 minutes' AS "stale!", u.is_admin,
                  CASE WHEN $4::bigint IS NULL THEN true ELSE pg_try_advisory_xact_lock($4) END AS "locked!"
           FROM sessions s JOIN users u ON u.id = s.user_id
           WHERE s.user_id = $1 AND s.id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3 AND u.is_active"#,
        user_id,
        session_id,
        now,
        lock,
    )
    .fetch_optional(tx)
    .await
}

pub(super) async fn touch_session(
    tx: &mut Tx,
    user_id: Uuid,
    session_id: Uuid,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!("UPDATE sessions SET last_active = $3 WHERE user_id = $1 AND id = $2", user_id, session_id, now)
        .execute(tx)
        .await
        .map(drop)
}

pub(super) struct NewUser<'a> {
    pub id: Uuid,
    pub email: &'a str,
    pub hashed_password: &'a str,
    pub full_name: &'a str,
    pub phone: Option<&'a str>,
}

/// The account and its counter of frames.
pub(super) async fn insert_user(tx: &mut Tx, user: &NewUser<'_>, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "WITH u AS (
             INSERT INTO users (id, email, hashed_password, full_name, phone, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $6) RETURNING id
         )
         INSERT INTO user_seq (user_id) SELECT id FROM u",
        user.id,
        user.email,
        user.hashed_password,
        user.full_name,
        user.phone,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) struct Account {
    pub id: Uuid,
    pub email: String,
    pub hashed_password: String,
}

/// The active account of an address.
pub(super) async fn account(tx: &mut Tx, email: &str) -> Result<Option<Account>, Error> {
    sqlx::query_as!(
        Account,
        "SELECT id, email, hashed_password FROM users WHERE lower(email) = lower($1) AND is_active",
        email,
    )
    .fetch_optional(tx)
    .await
}

pub(super) struct NewSession<'a> {
    pub user_id: Uuid,
    pub id: Uuid,
    pub token_hash: &'a [u8],
    pub user_agent: Option<&'a str>,
    pub ip: &'a str,
    pub now: OffsetDateTime,
    pub expires_at: OffsetDateTime,
}

/// Returns the user's tier.
pub(super) async fn insert_session(tx: &mut Tx, session: &NewSession<'_>) -> Result<String, Error> {
    sqlx::query_scalar!(
        r#"INSERT INTO sessions (user_id, id, token_hash, device_info, ip, last_active, rotated_at, created_at, expires_at)
           VALUES ($1, $2, $3, jsonb_strip_nulls(jsonb_build_object('user_agent', $4::text)), $5, $6, $6, $6, $7)
           RETURNING (SELECT tier FROM users WHERE id = $1) AS "tier!""#,
        session.user_id,
        session.id,
        session.token_hash,
        session.user_agent,
        session.ip,
        session.now,
        session.expires_at,
    )
    .fetch_one(tx)
    .await
}

pub(super) struct Rotation {
    pub token_hash: Vec<u8>,
    pub previous_hash: Option<Vec<u8>>,
    pub rotated_at: OffsetDateTime,
    pub expires_at: OffsetDateTime,
    pub tier: String,
}

/// A live session, locked: of refreshes at the same moment one rotates and the others see that it did.
pub(super) async fn lock_session(
    tx: &mut Tx,
    user_id: Uuid,
    session_id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<Rotation>, Error> {
    sqlx::query_as!(
        Rotation,
        r#"SELECT s.token_hash, s.previous_hash, coalesce(s.rotated_at, s.created_at) AS "rotated_at!", s.expires_at, u.tier
           FROM sessions s JOIN users u ON u.id = s.user_id
           WHERE s.user_id = $1 AND s.id = $2 AND s.revoked_at IS NULL AND s.expires_at > $3 AND u.is_active
           FOR UPDATE OF s"#,
        user_id,
        session_id,
        now,
    )
    .fetch_optional(tx)
    .await
}

pub(super) async fn rotate_session(
    tx: &mut Tx,
    user_id: Uuid,
    session_id: Uuid,
    token_hash: &[u8],
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE sessions SET previous_hash = token_hash, token_hash = $3, rotated_at = $4, last_active = $4
         WHERE user_id = $1 AND id = $2",
        user_id,
        session_id,
        token_hash,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Ends one session, or with no id all of the user's but the one that is kept; returns how many.
pub(super) async fn revoke_sessions(
    tx: &mut Tx,
    user_id: Uuid,
    session_id: Option<Uuid>,
    kept: Option<Uuid>,
    reason: &str,
    now: OffsetDateTime,
) -> Result<u64, Error> {
    sqlx::query!(
        "UPDATE sessions SET revoked_at = $4, revoked_reason = $3
         WHERE user_id = $1 AND ($2::uuid IS NULL OR id = $2) AND id IS DISTINCT FROM $5
           AND revoked_at IS NULL AND expires_at > $4",
        user_id,
        session_id,
        reason,
        now,
        kept,
    )
    .execute(tx)
    .await
    .map(|done| done.rows_affected())
}

/// From where an account was used, and since when.
pub(super) struct Seen {
    pub ip: Option<String>,
    pub device: Option<String>,
    pub first_at: OffsetDateTime,
}

/// From where sessions were begun, ended ones included; nothing of an account that was made after `since`.
pub(super) async fn seen(tx: &mut Tx, user_id: Uuid, since: OffsetDateTime) -> Result<Vec<Seen>, Error> {
    sqlx::query_as!(
        Seen,
        r#"SELECT s.ip, s.device_info ->> 'user_agent' AS device, min(s.created_at) AS "first_at!"
           FROM sessions s JOIN users u ON u.id = s.user_id AND u.created_at < $2
           WHERE s.user_id = $1 GROUP BY 1, 2"#,
        user_id,
        since,
    )
    .fetch_all(tx)
    .await
}

/// The sessions that stand, the last used first.
pub(super) async fn sessions(
    tx: &mut Tx,
    user_id: Uuid,
    current: Uuid,
    now: OffsetDateTime,
) -> Result<Vec<Device>, Error> {
    sqlx::query_as!(
        Device,
        r#"SELECT id, device_info ->> 'user_agent' AS device, ip, created_at, last_active, expires_at, id = $2 AS "current!"
           FROM sessions WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $3
           ORDER BY last_active DESC, id DESC LIMIT 100"#,
        user_id,
        current,
        now,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn password_hash(tx: &mut Tx, user_id: Uuid) -> Result<String, Error> {
    sqlx::query_scalar!("SELECT hashed_password FROM users WHERE id = $1", user_id).fetch_one(tx).await
}

/// The same password under a hash of today's cost.
pub(super) async fn rehash(tx: &mut Tx, user_id: Uuid, hashed_password: &str) -> Result<(), Error> {
    sqlx::query!("UPDATE users SET hashed_password = $2 WHERE id = $1", user_id, hashed_password)
        .execute(tx)
        .await
        .map(drop)
}
