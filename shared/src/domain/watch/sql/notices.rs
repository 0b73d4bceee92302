//! Statements on news that wait to be told.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

pub async fn insert(
    tx: &mut Tx,
    channel: &str,
    alert_id: Option<Uuid>,
    (subject, body): (&str, &str),
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO notices (id, channel, alert_id, subject, body, due_at, created_at) VALUES ($1, $2, $3, $4, $5, $6, $6)",
        Uuid::now_v7(),
        channel,
        alert_id,
        subject,
        body,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// News for a target.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Its id.
    pub id: Uuid,
    /// `mail` or `webhook`.
    pub channel: String,
    /// The alert that it is about.
    pub alert_id: Option<Uuid>,
    /// What it is about.
    pub subject: String,
    /// What it says.
    pub body: String,
    /// This try included.
    pub tries: i32,
}

/// Gives up what no target has taken until now.
pub async fn give_up(tx: &mut Tx, before: OffsetDateTime) -> Result<u64, Error> {
    let deleted = sqlx::query!("DELETE FROM notices WHERE created_at < $1", before).execute(tx).await;
    deleted.map(|done| done.rows_affected())
}

/// The oldest that is due, for whoever comes first.
pub async fn claim(tx: &mut Tx, now: OffsetDateTime, again: OffsetDateTime) -> Result<Option<Notice>, Error> {
    sqlx::query_as!(
        Notice,
        "UPDATE notices SET due_at = $2, tries = tries + 1
         WHERE id = (SELECT id FROM notices WHERE due_at <= $1 ORDER BY due_at, id FOR UPDATE SKIP LOCKED LIMIT 1)
         RETURNING id, channel, alert_id, subject, body, tries",
        now,
        again,
    )
    .fetch_optional(tx)
    .await
}

/// Notes that the target has taken it.
pub async fn told(tx: &mut Tx, notice: &Notice, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "WITH gone AS (DELETE FROM notices WHERE id = $1),
              target AS (UPDATE alert_targets SET told_at = $3, failed_at = NULL, error = NULL WHERE channel = $2)
         UPDATE alerts SET told_at = $3 WHERE id = $4 AND told_at IS NULL",
        notice.id,
        notice.channel,
        now,
        notice.alert_id,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Notes that the target has not, and when it is tried again.
pub async fn failed(
    tx: &mut Tx,
    notice: &Notice,
    error: &str,
    now: OffsetDateTime,
    again: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH target AS (UPDATE alert_targets SET failed_at = $3, error = $4 WHERE channel = $2)
         UPDATE notices SET due_at = $5 WHERE id = $1",
        notice.id,
        notice.channel,
        now,
        error,
        again,
    )
    .execute(tx)
    .await
    .map(drop)
}
