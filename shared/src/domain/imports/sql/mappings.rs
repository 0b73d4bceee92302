//! Statements on saved mappings.

use crate::{domain::imports::SavedMapping, platform::db::Tx};
use serde_json::Value;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub(in crate::domain::imports) async fn mapping(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Value>, Error> {
    sqlx::query_scalar!("SELECT mapping FROM import_mappings WHERE user_id = $1 AND id = $2", user_id, id)
        .fetch_optional(tx)
        .await
}

pub(in crate::domain::imports) async fn mappings(
    tx: &mut Tx,
    user_id: Uuid,
    most: i64,
) -> Result<Vec<SavedMapping>, Error> {
    sqlx::query_as!(
        SavedMapping,
        "SELECT id, name, mapping, created_at, updated_at FROM import_mappings WHERE user_id = $1 ORDER BY name LIMIT $2",
        user_id,
        most,
    )
    .fetch_all(tx)
    .await
}

/// Nothing if it would be one too many.
pub(in crate::domain::imports) async fn save_mapping(
    tx: &mut Tx,
    user_id: Uuid,
    name: &str,
    mapping: &Value,
    now: OffsetDateTime,
    most: i64,
) -> Result<Option<SavedMapping>, Error> {
    sqlx::query_as!(
        SavedMapping,
        "INSERT INTO import_mappings (user_id, id, name, mapping, created_at, updated_at)
         SELECT $1, $2, $3, $4, $5, $5
         WHERE (SELECT count(*) FROM import_mappings WHERE user_id = $1 AND name <> $3) < $6
         ON CONFLICT (user_id, name) DO UPDATE SET mapping = excluded.mapping, updated_at = excluded.updated_at
         RETURNING id, name, mapping, created_at, updated_at",
        user_id,
        Uuid::now_v7(),
        name,
        mapping,
        now,
        most,
    )
    .fetch_optional(tx)
    .await
}
