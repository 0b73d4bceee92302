//! Statements on alerts.

use crate::{
    domain::watch::{AlertTarget, OperationsAlert},
    platform::db::Tx,
};
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// Begins an alert, or counts one that lasts; answers with its id.
pub async fn seen(
    tx: &mut Tx,
    id: Uuid,
    (kind, subject, detail): (&str, &str, &str),
    now: OffsetDateTime,
) -> Result<Uuid, Error> {
    sqlx::query_scalar!(
        "INSERT INTO alerts AS a (id, kind, subject, detail, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $5)
         ON CONFLICT (kind, subject) WHERE resolved_at IS NULL DO UPDATE
         SET count = a.count + 1, detail = excluded.detail, last_seen_at = greatest(a.last_seen_at, excluded.last_seen_at)
         RETURNING id",
        id,
        kind,
        subject,
        detail,
        now,
    )
    .fetch_one(tx)
    .await
}

/// An alert that is over.
pub struct Over {
    pub id: Uuid,
    pub kind: String,
    pub subject: String,
    pub first_seen_at: OffsetDateTime,
    pub last_seen_at: OffsetDateTime,
}

/// Ends the alerts of these kinds that were not seen now, nor since then.
pub async fn resolve(
    tx: &mut Tx,
    kinds: &[String],
    now: OffsetDateTime,
    quiet_since: OffsetDateTime,
) -> Result<Vec<Over>, Error> {
    sqlx::query_as!(
        Over,
        "UPDATE alerts SET resolved_at = $2
         WHERE resolved_at IS NULL AND kind = ANY ($1) AND last_seen_at < $2 AND last_seen_at <= $3
         RETURNING id, kind, subject, first_seen_at, last_seen_at",
        kinds,
        now,
        quiet_since,
    )
    .fetch_all(tx)
    .await
}

pub async fn list(tx: &mut Tx) -> Result<Vec<OperationsAlert>, Error> {
    sqlx::query_as!(
        OperationsAlert,
        r#"(SELECT id AS "id!", kind AS "kind!", subject AS "subject!", detail AS "detail!", count AS "count!", first_seen_at AS "first_seen_at!",
                   last_seen_at AS "last_seen_at!", resolved_at, told_at
            FROM alerts WHERE resolved_at IS NULL ORDER BY first_seen_at LIMIT 200)
           UNION ALL
           (SELECT id, kind, subject, detail, count, first_seen_at, last_seen_at, resolved_at, told_at
            FROM alerts WHERE resolved_at IS NOT NULL ORDER BY last_seen_at DESC LIMIT 200)"#,
    )
    .fetch_all(tx)
    .await
}

pub async fn targets(tx: &mut Tx) -> Result<Vec<AlertTarget>, Error> {
    sqlx::query_as!(
        AlertTarget,
        r#"SELECT channel, is_set, told_at, failed_at, error,
                  (SELECT count(*) FROM notices WHERE notices.channel = t.channel) AS "waiting!"
           FROM alert_targets t ORDER BY channel"#,
    )
    .fetch_all(tx)
    .await
}

/// Notes which targets there are.
pub async fn set_targets(tx: &mut Tx, mail: bool, webhook: bool) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE alert_targets AS t SET is_set = said.is_set
         FROM (VALUES ('mail', $1::boolean), ('webhook', $2::boolean)) AS said (channel, is_set)
         WHERE t.channel = said.channel AND t.is_set <> said.is_set",
        mail,
        webhook,
    )
    .execute(tx)
    .await
    .map(drop)
}
