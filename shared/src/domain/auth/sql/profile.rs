//! Statements on the user's own profile.

use crate::platform::db::Tx;
use serde_json::Value;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

#[derive(Clone)]
pub struct Row {
    pub id: Uuid,
    pub email: String,
    pub pending_email: Option<String>,
    pub full_name: String,
    pub phone: Option<String>,
    pub is_verified: bool,
    pub wallet_addresses: Value,
    pub preferences: Value,
    pub currency: String,
    pub timezone: String,
    pub created_at: OffsetDateTime,
    pub revision: i64,
}

pub async fn get(tx: &mut Tx, user_id: Uuid) -> Result<Row, Error> {
    sqlx::query_as!(
        Row,
        "SELECT id, email, pending_email, full_name, phone, is_verified, wallet_addresses, preferences, currency,
                timezone, created_at, revision
         FROM users WHERE id = $1",
        user_id,
    )
    .fetch_one(tx)
    .await
}

/// The profile, locked for a change.
pub async fn lock(tx: &mut Tx, user_id: Uuid) -> Result<Row, Error> {
    sqlx::query_as!(
        Row,
        "SELECT id, email, pending_email, full_name, phone, is_verified, wallet_addresses, preferences, currency,
                timezone, created_at, revision
         FROM users WHERE id = $1 FOR NO KEY UPDATE",
        user_id,
    )
    .fetch_one(tx)
    .await
}

pub async fn update(tx: &mut Tx, user_id: Uuid, row: &Row, now: OffsetDateTime) -> Result<Row, Error> {
    sqlx::query_as!(
        Row,
        "UPDATE users
         SET full_name = $2, phone = $3, preferences = $4, wallet_addresses = $5, pending_email = $6,
             revision = revision + 1, updated_at = $7
         WHERE id = $1
         RETURNING id, email, pending_email, full_name, phone, is_verified, wallet_addresses, preferences, currency,
                   timezone, created_at, revision",
        user_id,
        row.full_name,
        row.phone,
        row.preferences,
        row.wallet_addresses,
        row.pending_email,
        now,
    )
    .fetch_one(tx)
    .await
}

/// Whether Postgres can compute with a time zone of exactly this name. What it accepts besides, such as abbreviations and
/// anything that ends in a digit, is not asked: "Europe/Berln1" would be a zone an hour west.
pub async fn knows_timezone(tx: &mut Tx, name: &str) -> Result<bool, Error> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1) AS "known!""#, name)
        .fetch_one(tx)
        .await
}

pub async fn is_taken(tx: &mut Tx, email: &str) -> Result<bool, Error> {
    sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users WHERE lower(email) = lower($1)) AS "taken!""#, email)
        .fetch_one(tx)
        .await
}
