//! Statements on the log of frames.

use crate::platform::db::Tx;
use serde_json::Value;
use sqlx::{Error, types::Json};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) async fn take_turn(tx: &mut Tx, user_id: Uuid) -> Result<i64, Error> {
    sqlx::query_scalar!(
        "UPDATE user_seq SET changes = changes + 1, changed_at = now() WHERE user_id = $1 RETURNING changes",
        user_id,
    )
    .fetch_one(tx)
    .await
}

pub(super) async fn wait_for_turn(tx: &mut Tx, user_id: Uuid) -> Result<Option<i64>, Error> {
    sqlx::query_scalar!("SELECT changes FROM user_seq WHERE user_id = $1 FOR NO KEY UPDATE", user_id)
        .fetch_optional(tx)
        .await
}

pub(super) async fn append(
    tx: &mut Tx,
    user_id: Uuid,
    kinds: &[String],
    data: &[Value],
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH s AS (
             UPDATE user_seq SET seq = seq + cardinality($2::text[]) WHERE user_id = $1
             RETURNING seq - cardinality($2::text[]) AS base
         )
         INSERT INTO events (user_id, seq, type, data, created_at)
         SELECT $1, s.base + f.n, f.kind, f.data, $4
         FROM s, unnest($2::text[], $3::jsonb[]) WITH ORDINALITY AS f(kind, data, n)",
        user_id,
        kinds,
        data,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) async fn last_seq(tx: &mut Tx, user_id: Uuid) -> Result<i64, Error> {
    sqlx::query_scalar!("SELECT seq FROM user_seq WHERE user_id = $1", user_id).fetch_one(tx).await
}

pub(super) struct Stored {
    pub seq: i64,
    pub kind: String,
    pub data: Value,
    pub created_at: OffsetDateTime,
}

/// Frames after a number, in order. Numbers are committed in order, so none can appear behind the last one read.
pub(super) async fn after(tx: &mut Tx, user_id: Uuid, seq: i64, limit: i64) -> Result<Vec<Stored>, Error> {
    sqlx::query_as!(
        Stored,
        "SELECT seq, type AS kind, data, created_at FROM events WHERE user_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
        user_id,
        seq,
        limit,
    )
    .fetch_all(tx)
    .await
}

/// How far frames were handed over.
pub(super) struct Pushed {
    /// The number of the last.
    pub seq: i64,
    /// The number of the last of each type.
    pub types: Json<BTreeMap<String, i64>>,
}

pub(super) async fn pushed(tx: &mut Tx, user_id: Uuid) -> Result<Option<Pushed>, Error> {
    sqlx::query_as!(
        Pushed,
        r#"SELECT pushed_seq AS seq, pushed_types AS "types: _" FROM user_seq WHERE user_id = $1"#,
        user_id,
    )
    .fetch_optional(tx)
    .await
}

pub(super) async fn set_pushed(
    tx: &mut Tx,
    user_id: Uuid,
    seq: i64,
    types: &BTreeMap<String, i64>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE user_seq SET pushed_seq = $2, pushed_types = pushed_types || $3
         WHERE user_id = $1 AND pushed_seq < $2",
        user_id,
        seq,
        Json(types) as _,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Users with frames that were not handed over.
pub(super) async fn unpushed(tx: &mut Tx, limit: i64) -> Result<Vec<Uuid>, Error> {
    sqlx::query_scalar!("SELECT user_id FROM user_seq WHERE seq > pushed_seq LIMIT $1", limit).fetch_all(tx).await
}
