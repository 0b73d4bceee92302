//! Statements on schedules.

use crate::{domain::tasks::schedules::Schedule, platform::db::Tx};
use serde_json::Value;
use sqlx::Error;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

/// A schedule whose time has come.
pub struct Due {
    pub name: String,
    pub task: Value,
    pub cron: String,
    pub timezone: String,
    /// Never run, or never looked at, since it was made: only its next time is to be found.
    pub is_new: bool,
}

/// Schedules that are due, for whoever comes first.
pub async fn due(tx: &mut Tx, now: OffsetDateTime) -> Result<Vec<Due>, Error> {
    sqlx::query_as!(
        Due,
        r#"SELECT name, task, cron, timezone, NOT isfinite(next_at) AS "is_new!"
           FROM schedules WHERE is_enabled AND next_at <= $1 ORDER BY next_at, name FOR UPDATE SKIP LOCKED"#,
        now,
    )
    .fetch_all(tx)
    .await
}

/// What a clock in that zone shows.
pub async fn local(tx: &mut Tx, now: OffsetDateTime, timezone: &str) -> Result<PrimitiveDateTime, Error> {
    sqlx::query_scalar!(r#"SELECT $1::timestamptz AT TIME ZONE $2 AS "local!""#, now, timezone).fetch_one(tx).await
}

/// When a clock in that zone shows this; an hour that the zone leaves out comes with the one after it.
pub async fn instant(tx: &mut Tx, local: PrimitiveDateTime, timezone: &str) -> Result<OffsetDateTime, Error> {
    sqlx::query_scalar!(r#"SELECT $1::timestamp AT TIME ZONE $2 AS "instant!""#, local, timezone).fetch_one(tx).await
}

pub async fn set_next(tx: &mut Tx, name: &str, next: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!("UPDATE schedules SET next_at = $2 WHERE name = $1", name, next).execute(tx).await.map(drop)
}

pub async fn ran(tx: &mut Tx, name: &str, task_id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!("UPDATE schedules SET last_at = $3, last_task_id = $2 WHERE name = $1", name, task_id, now)
        .execute(tx)
        .await
        .map(drop)
}

pub async fn list(tx: &mut Tx) -> Result<Vec<Schedule>, Error> {
    sqlx::query_as!(
        Schedule,
        r#"SELECT s.name, s.description, s.task ->> 'kind' AS "kind!", s.cron, s.timezone, s.is_enabled,
                  CASE WHEN s.is_enabled AND isfinite(s.next_at) THEN s.next_at END AS next_at,
                  s.last_at, s.last_task_id, r.status AS "last_status?", s.revision
           FROM schedules s LEFT JOIN task_runs r ON r.id = s.last_task_id ORDER BY s.name"#,
    )
    .fetch_all(tx)
    .await
}

pub async fn get(tx: &mut Tx, name: &str) -> Result<Option<Schedule>, Error> {
    sqlx::query_as!(
        Schedule,
        r#"SELECT s.name, s.description, s.task ->> 'kind' AS "kind!", s.cron, s.timezone, s.is_enabled,
                  CASE WHEN s.is_enabled AND isfinite(s.next_at) THEN s.next_at END AS next_at,
                  s.last_at, s.last_task_id, r.status AS "last_status?", s.revision
           FROM schedules s LEFT JOIN task_runs r ON r.id = s.last_task_id WHERE s.name = $1"#,
        name,
    )
    .fetch_optional(tx)
    .await
}

/// What an administrator says about a schedule.
pub struct Wanted<'a> {
    pub name: &'a str,
    pub description: &'a str,
    pub task: &'a Value,
    pub cron: &'a str,
    pub timezone: &'a str,
    pub is_enabled: bool,
    pub next_at: OffsetDateTime,
}

pub async fn insert(tx: &mut Tx, new: &Wanted<'_>, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO schedules (name, description, task, cron, timezone, is_enabled, next_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        new.name,
        new.description,
        new.task,
        new.cron,
        new.timezone,
        new.is_enabled,
        new.next_at,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub async fn update(tx: &mut Tx, new: &Wanted<'_>, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE schedules
         SET description = $2, task = $3, cron = $4, timezone = $5, is_enabled = $6, next_at = $7,
             revision = revision + 1, updated_at = $8
         WHERE name = $1",
        new.name,
        new.description,
        new.task,
        new.cron,
        new.timezone,
        new.is_enabled,
        new.next_at,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub async fn delete(tx: &mut Tx, name: &str) -> Result<(), Error> {
    sqlx::query!("DELETE FROM schedules WHERE name = $1", name).execute(tx).await.map(drop)
}

/// Waits until nobody else changes the schedule.
pub async fn lock(tx: &mut Tx, name: &str) -> Result<(), Error> {
    sqlx::query!("SELECT name FROM schedules WHERE name = $1 FOR UPDATE", name).fetch_optional(tx).await.map(drop)
}
