//! Statements on the runs of tasks.

use crate::{
    domain::tasks::{Run, runs::Filter},
    platform::db::Tx,
};
use serde_json::Value;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// A run to begin.
pub struct Begun<'a> {
    pub id: Uuid,
    pub kind: &'a str,
    pub queue: &'a str,
    pub args: &'a Value,
    pub user_id: Option<Uuid>,
    pub sent_at: OffsetDateTime,
    pub now: OffsetDateTime,
}

/// Counts a try; none for a task that is done. One that was given up and sent back begins anew. A user who is gone takes
/// nothing with it but the name.
pub async fn begin(tx: &mut Tx, run: &Begun<'_>) -> Result<Option<i32>, Error> {
    sqlx::query_scalar!(
        "INSERT INTO task_runs AS r (id, kind, queue, status, attempt, args, user_id, created_at, sent_at, started_at)
         VALUES ($1, $2, $3, 'running', 1, $4, (SELECT id FROM users WHERE id = $5), $6, $6, $7)
         ON CONFLICT (id) DO UPDATE
         SET status = 'running', attempt = CASE WHEN r.status = 'dead' THEN 1 ELSE r.attempt + 1 END,
             started_at = $7, finished_at = NULL, sent_at = coalesce(r.sent_at, $6)
         WHERE r.status <> 'succeeded'
         RETURNING attempt",
        run.id,
        run.kind,
        run.queue,
        run.args,
        run.user_id,
        run.sent_at,
        run.now,
    )
    .fetch_optional(tx)
    .await
}

/// Notes how a try ended.
pub async fn end(
    tx: &mut Tx,
    id: Uuid,
    status: &str,
    error: Option<&str>,
    result: Option<&Value>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE task_runs SET status = $2, error = $3, result = $4, finished_at = $5
         WHERE id = $1 AND status <> 'succeeded'",
        id,
        status,
        error,
        result,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Writes a task down that is to be sent, unless one of the same key waits or works.
pub async fn insert(
    tx: &mut Tx,
    id: Uuid,
    (kind, queue): (&str, &str),
    args: &Value,
    schedule: Option<&str>,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let inserted = sqlx::query!(
        "INSERT INTO task_runs (id, kind, queue, args, schedule, dedup_key, created_at)
         VALUES ($1, $2, $3, $4, $5, $5, $6)
         ON CONFLICT (kind, dedup_key) WHERE dedup_key IS NOT NULL AND status IN ('queued', 'running') DO NOTHING",
        id,
        kind,
        queue,
        args,
        schedule,
        now,
    );
    inserted.execute(tx).await.map(|done| done.rows_affected() == 1)
}

/// Notes that the queue took a task.
pub async fn sent(tx: &mut Tx, id: Uuid, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!("UPDATE task_runs SET sent_at = $2 WHERE id = $1 AND sent_at IS NULL", id, now)
        .execute(tx)
        .await
        .map(drop)
}

/// Tasks that were written down and that no queue took, as they travel.
pub async fn unsent(tx: &mut Tx, before: OffsetDateTime) -> Result<Vec<Value>, Error> {
    sqlx::query_scalar!(
        r#"SELECT args || jsonb_build_object('v', 1, 'id', id, 'kind', kind) AS "task!" FROM task_runs
           WHERE status = 'queued' AND sent_at IS NULL AND created_at < $1 ORDER BY created_at LIMIT 100"#,
        before,
    )
    .fetch_all(tx)
    .await
}

/// Gives up runs whose worker never came back. If their message does, it counts again.
pub async fn give_up(tx: &mut Tx, before: OffsetDateTime, now: OffsetDateTime) -> Result<u64, Error> {
    sqlx::query!(
        "UPDATE task_runs SET status = 'failed', error = 'worker_died', finished_at = $2
         WHERE status = 'running' AND started_at < $1",
        before,
        now,
    )
    .execute(tx)
    .await
    .map(|done| done.rows_affected())
}

pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Option<Run>, Error> {
    sqlx::query_as!(
        Run,
        r#"SELECT id, kind, queue, status, attempt, schedule, user_id, args, result, error, created_at AS queued_at,
                  started_at, finished_at,
                  (extract(epoch FROM finished_at - started_at) * 1000)::bigint AS duration_ms
           FROM task_runs WHERE id = $1"#,
        id,
    )
    .fetch_optional(tx)
    .await
}

/// The newest first.
pub async fn list(
    tx: &mut Tx,
    filter: &Filter,
    after: Option<Uuid>,
    limit: i64,
    offset: i64,
) -> Result<Vec<Run>, Error> {
    sqlx::query_as!(
        Run,
        r#"SELECT id, kind, queue, status, attempt, schedule, user_id, args, result, error, created_at AS queued_at,
                  started_at, finished_at,
                  (extract(epoch FROM finished_at - started_at) * 1000)::bigint AS duration_ms
           FROM task_runs
           WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR queue = $2)
             AND ($3::text IS NULL OR status = $3) AND ($4::uuid IS NULL OR user_id = $4)
             AND ($5::timestamptz IS NULL OR created_at >= $5) AND ($6::timestamptz IS NULL OR created_at < $6)
             AND ($7::text IS NULL OR schedule = $7)
             AND ($8::uuid IS NULL OR id < $8)
           ORDER BY id DESC LIMIT $9 OFFSET $10"#,
        filter.kind,
        filter.queue,
        filter.status,
        filter.user_id,
        filter.since,
        filter.until,
        filter.schedule,
        after,
        limit,
        offset,
    )
    .fetch_all(tx)
    .await
}

/// How many there are, up to a number.
pub async fn count(tx: &mut Tx, filter: &Filter, most: i64) -> Result<i64, Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM (
               SELECT FROM task_runs
               WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR queue = $2)
                 AND ($3::text IS NULL OR status = $3) AND ($4::uuid IS NULL OR user_id = $4)
                 AND ($5::timestamptz IS NULL OR created_at >= $5) AND ($6::timestamptz IS NULL OR created_at < $6)
                 AND ($7::text IS NULL OR schedule = $7)
               LIMIT $8
           ) AS found"#,
        filter.kind,
        filter.queue,
        filter.status,
        filter.user_id,
        filter.since,
        filter.until,
        filter.schedule,
        most,
    )
    .fetch_one(tx)
    .await
}

/// A kind's runs in a stretch of time.
pub struct Stretch {
    pub kind: String,
    pub from: OffsetDateTime,
    pub runs: i64,
    pub failed: i64,
    pub dead: i64,
    pub p50_ms: Option<i64>,
    pub p95_ms: Option<i64>,
    pub longest_ms: Option<i64>,
    pub waited_p95_ms: Option<i64>,
}

/// What ran since then, by kind and hour or day.
pub async fn statistics(
    tx: &mut Tx,
    since: OffsetDateTime,
    unit: &str,
    kind: Option<&str>,
) -> Result<Vec<Stretch>, Error> {
    sqlx::query_as!(
        Stretch,
        r#"SELECT kind, date_trunc($2, finished_at, 'UTC') AS "from!", count(*) AS "runs!",
                  count(*) FILTER (WHERE status = 'failed') AS "failed!", count(*) FILTER (WHERE status = 'dead') AS "dead!",
                  (percentile_disc(0.5) WITHIN GROUP (ORDER BY took))::bigint AS p50_ms,
                  (percentile_disc(0.95) WITHIN GROUP (ORDER BY took))::bigint AS p95_ms,
                  max(took)::bigint AS longest_ms,
                  (percentile_disc(0.95) WITHIN GROUP (ORDER BY waited))::bigint AS waited_p95_ms
           FROM (
               SELECT kind, finished_at, status, extract(epoch FROM finished_at - started_at) * 1000 AS took,
                      greatest(extract(epoch FROM started_at - coalesce(sent_at, created_at)) * 1000, 0) AS waited
               FROM task_runs WHERE finished_at >= $1 AND ($3::text IS NULL OR kind = $3)
           ) AS done
           GROUP BY 1, 2 ORDER BY 1, 2"#,
        since,
        unit,
        kind,
    )
    .fetch_all(tx)
    .await
}
