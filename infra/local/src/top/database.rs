//! What Postgres says of itself.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    path::PathBuf,
};

use anyhow::Result;
use serde::Deserialize;

use crate::address::Address;

pub struct Database {
    pub address: Address,
    pub bin: PathBuf,
}

const LOOK: &str = "SELECT json_build_object(
    'connections', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
    'most', current_setting('max_connections')::int,
    'at_work', (SELECT count(*) FROM pg_stat_activity
                WHERE backend_type = 'client backend' AND state = 'active' AND pid <> pg_backend_pid()),
    'idle_inside', (SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'),
    'longest_s', (SELECT coalesce(max(extract(epoch FROM now() - xact_start))::int, 0) FROM pg_stat_activity
                  WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
    'mb', pg_database_size(current_database()) / 1048576,
    'from_memory', (SELECT coalesce(round(100.0 * blks_hit / nullif(blks_hit + blks_read, 0), 1), 100)::text
                    FROM pg_stat_database WHERE datname = current_database()),
    'tick_s', (SELECT extract(epoch FROM now() - max(at))::int FROM queue_samples),
    'oldest', (SELECT coalesce(json_object_agg(queue, greatest(age, 0)), '{}') FROM (
        SELECT queue, extract(epoch FROM now() - min(created_at))::int AS age
        FROM task_runs WHERE status = 'queued' GROUP BY queue
        UNION ALL
        SELECT 'relay', extract(epoch FROM now() - min(changed_at))::int
        FROM user_seq WHERE seq > pushed_seq HAVING count(*) > 0) AS waiting))";

/// The application's own, by how long they take on average. Another database's are somebody else's.
const STATEMENTS: &str = "SELECT coalesce(json_agg(row_to_json(s)), '[]') FROM (
    SELECT round(mean_exec_time::numeric, 1)::text AS mean, calls, regexp_replace(query, '\\s+', ' ', 'g') AS text
    FROM pg_stat_statements
    WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND userid IN ('tallybook_read'::regrole, 'tallybook_write'::regrole) AND calls >= 5
        AND query ~* '^\\s*(select|insert|update|delete|with|merge)'
    ORDER BY mean_exec_time DESC LIMIT 5) AS s";

/// Where `pg_stat_statements` is not loaded: what runs at this moment.
const RUNNING: &str = "SELECT coalesce(json_agg(row_to_json(s)), '[]') FROM (
    SELECT (extract(epoch FROM now() - query_start) * 1000)::int::text AS mean, 1 AS calls,
        regexp_replace(query, '\\s+', ' ', 'g') AS text
    FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND datname = current_database()
    ORDER BY query_start LIMIT 5) AS s";

#[derive(Deserialize)]
pub struct Look {
    connections: u64,
    most: u64,
    at_work: u64,
    idle_inside: u64,
    longest_s: u64,
    mb: u64,
    from_memory: String,
    /// Since the clock's last tick; none when it never ticked.
    tick_s: Option<i64>,
    /// By queue, in seconds.
    pub oldest: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
struct Statement {
    mean: String,
    calls: u64,
    text: String,
}

impl Database {
    pub fn look(&self) -> Result<Look> {
        Ok(serde_json::from_str(&self.address.query(&self.bin, LOOK)?)?)
    }

    pub fn write_statements(&self, out: &mut String) -> fmt::Result {
        let ask =
            |sql: &str| -> Result<Vec<Statement>> { Ok(serde_json::from_str(&self.address.query(&self.bin, sql)?)?) };
        let (title, found) = match ask(STATEMENTS) {
            Ok(found) => ("slowest statements, on average since statistics were set back", found),
            Err(_) => ("running statements (pg_stat_statements is not loaded)", ask(RUNNING).unwrap_or_default()),
        };
        writeln!(out, "\n{title}\n{:>9} {:>8}  statement", "ms", "calls")?;
        for Statement { mean, calls, text } in found {
            let text: String = text.chars().take(90).collect();
            writeln!(out, "{mean:>9} {calls:>8}  {text}")?;
        }
        Ok(())
    }
}

impl Look {
    pub fn write(&self, out: &mut String) -> fmt::Result {
        let Self { connections, most, at_work, idle_inside, longest_s, mb, from_memory, tick_s, .. } = self;
        writeln!(
            out,
            "\ndatabase    {connections} of {most} connections, {at_work} at work, {idle_inside} idle in a transaction, \
             the longest for {longest_s} s; {mb} MB, {from_memory} % read from memory"
        )?;
        match tick_s {
            Some(ago) => writeln!(out, "clock       ticked {ago} s ago"),
            None => writeln!(out, "clock       has not ticked yet"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_says_becomes_two_lines() {
        let said = r#"{"connections": 34, "most": 400, "at_work": 1, "idle_inside": 0, "longest_s": 0, "mb": 63,
            "from_memory": "99.8", "tick_s": 12, "oldest": {"low": 3}}"#;
        let look: Look = serde_json::from_str(said).unwrap();
        let mut text = String::new();
        look.write(&mut text).unwrap();
        assert!(text.contains("34 of 400 connections, 1 at work") && text.contains("ticked 12 s ago"), "{text}");
        assert_eq!(look.oldest.get("low"), Some(&3));
    }
}
