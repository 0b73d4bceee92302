//! Statements of the watch.

pub(super) mod alerts;
pub(super) mod look;
pub(super) mod notices;
pub(super) mod pins;

use crate::platform::db::Tx;
use serde_json::Value;
use sqlx::Error;

/// What a watch noted, which nobody else changes until this transaction is over.
pub(super) async fn noted(tx: &mut Tx, name: &str) -> Result<Value, Error> {
    sqlx::query_scalar!("SELECT note FROM watch_notes WHERE name = $1 FOR UPDATE", name).fetch_one(tx).await
}

pub(super) async fn note(tx: &mut Tx, name: &str, note: &Value) -> Result<(), Error> {
    sqlx::query!("UPDATE watch_notes SET note = $2 WHERE name = $1", name, note).execute(tx).await.map(drop)
}
