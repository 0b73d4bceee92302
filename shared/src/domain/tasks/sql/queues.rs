//! Statements on how full the queues were.

use crate::platform::{db::Tx, queue::Depth};
use sqlx::Error;
use time::OffsetDateTime;

/// What is known of a queue.
pub struct Seen {
    /// When it was last seen empty.
    pub empty_at: Option<OffsetDateTime>,
    /// When the last task taken from it had been sent.
    pub last_sent_at: Option<OffsetDateTime>,
    pub last_started_at: Option<OffsetDateTime>,
    pub history: Vec<i32>,
}

pub async fn seen(tx: &mut Tx, queue: &str, since: OffsetDateTime) -> Result<Seen, Error> {
    sqlx::query_as!(
        Seen,
        r#"SELECT (SELECT max(at) FROM queue_samples WHERE queue = $1 AND waiting = 0) AS empty_at,
                  r.created_at AS "last_sent_at?", r.started_at AS "last_started_at?",
                  ARRAY(SELECT waiting FROM queue_samples WHERE queue = $1 AND at >= $2 ORDER BY at) AS "history!"
           FROM (SELECT) AS one LEFT JOIN LATERAL (
               SELECT created_at, started_at FROM task_runs WHERE queue = $1 AND status <> 'queued'
               ORDER BY created_at DESC LIMIT 1
           ) AS r ON true"#,
        queue,
        since,
    )
    .fetch_one(tx)
    .await
}

pub async fn sample(tx: &mut Tx, depth: &Depth, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO queue_samples (queue, at, waiting, in_flight, dead, delayed)
         VALUES ($1, date_trunc('minute', $2::timestamptz), $3, $4, $5, $6)
         ON CONFLICT (queue, at) DO UPDATE
         SET waiting = excluded.waiting, in_flight = excluded.in_flight, dead = excluded.dead, delayed = excluded.delayed",
        depth.queue,
        now,
        depth.waiting,
        depth.in_flight,
        depth.dead,
        depth.delayed,
    )
    .execute(tx)
    .await
    .map(drop)
}
