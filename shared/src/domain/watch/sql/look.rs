//! Statements that find what goes wrong.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;

/// Tasks of a kind that were given up.
pub struct GivenUp {
    pub kind: String,
    pub dead: i64,
    pub failed: i64,
    pub error: String,
}

/// What did not succeed between these moments, by kind, with its last error.
pub async fn failures(tx: &mut Tx, since: OffsetDateTime, until: OffsetDateTime) -> Result<Vec<GivenUp>, Error> {
    sqlx::query_as!(
        GivenUp,
        r#"SELECT kind, count(*) FILTER (WHERE status = 'dead') AS "dead!",
                  count(*) FILTER (WHERE status = 'failed') AS "failed!",
                  coalesce((array_agg(error ORDER BY finished_at DESC) FILTER (WHERE error IS NOT NULL))[1], '') AS "error!"
           FROM task_runs WHERE finished_at >= $1 AND finished_at < $2 AND status IN ('dead', 'failed')
           GROUP BY kind ORDER BY kind"#,
        since,
        until,
    )
    .fetch_all(tx)
    .await
}

/// A queue as the clock saw it lately.
pub struct Lately {
    pub queue: String,
    pub waiting: i32,
    pub dead: i32,
    /// Times that it was looked at, and the fewest messages that waited to be begun with.
    pub looks: i64,
    pub fewest: i32,
    /// Whether a worker began with one of its tasks.
    pub began: bool,
    /// Whether its tasks are noted at all.
    pub is_noted: bool,
}

/// The queues since then.
pub async fn queues(tx: &mut Tx, since: OffsetDateTime) -> Result<Vec<Lately>, Error> {
    sqlx::query_as!(
        Lately,
        r#"SELECT queue, (array_agg(waiting ORDER BY at DESC))[1] AS "waiting!", (array_agg(dead ORDER BY at DESC))[1] AS "dead!",
                  count(*) AS "looks!", min(waiting - delayed) AS "fewest!",
                  EXISTS (SELECT FROM task_runs r WHERE r.queue = s.queue AND r.started_at >= $1) AS "began!",
                  EXISTS (SELECT FROM task_runs r WHERE r.queue = s.queue) AS "is_noted!"
           FROM queue_samples s WHERE at >= $1 GROUP BY queue ORDER BY queue"#,
        since,
    )
    .fetch_all(tx)
    .await
}

/// A table's statistics.
pub struct Table {
    pub name: String,
    pub is_partitioned: bool,
    pub live: i64,
    pub dead: i64,
    pub changed: i64,
    pub analyzed_at: Option<OffsetDateTime>,
    /// Transactions since its oldest row was frozen.
    pub age: i64,
}

pub async fn tables(tx: &mut Tx) -> Result<Vec<Table>, Error> {
    sqlx::query_as!(
        Table,
        r#"SELECT c.relname::text AS "name!", c.relkind = 'p' AS "is_partitioned!",
                  coalesce(s.n_live_tup, 0) AS "live!", coalesce(s.n_dead_tup, 0) AS "dead!",
                  coalesce(s.n_mod_since_analyze, 0) AS "changed!",
                  greatest(s.last_analyze, s.last_autoanalyze) AS analyzed_at,
                  CASE WHEN c.relkind = 'r' THEN age(c.relfrozenxid) ELSE 0 END::bigint AS "age!"
           FROM pg_class c LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
           WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
               AND c.relowner = 'tallybook_migrate'::regrole
           ORDER BY s.n_mod_since_analyze DESC NULLS LAST, c.relname"#,
    )
    .fetch_all(tx)
    .await
}

/// A statement that takes long.
pub struct Slow {
    pub id: i64,
    pub calls: i64,
    pub mean_ms: i64,
    /// How its text begins; values are bound and stand in no text.
    pub about: String,
}

/// The application's own statements that take that long on average; none where the server does not tell.
pub async fn slow_statements(tx: &mut Tx, at_least_ms: i64, at_least_calls: i64) -> Result<Vec<Slow>, Error> {
    sqlx::query_as!(
        Slow,
        r#"SELECT id AS "id!", calls AS "calls!", mean_ms AS "mean_ms!", about AS "about!" FROM slow_statements($1, $2)"#,
        at_least_ms,
        at_least_calls,
    )
    .fetch_all(tx)
    .await
}

pub async fn analyze(tx: &mut Tx, table: &str) -> Result<(), Error> {
    sqlx::query!("SELECT analyze_table($1)", table).execute(tx).await.map(drop)
}
