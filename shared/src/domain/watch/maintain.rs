//! The planner's statistics, whether VACUUM keeps up, and which statements are slow. Autovacuum does the work; this finds
//! where it does not.

use super::{
    Finding, Kind, Noted, Targets, note,
    sql::look::{self as sql, Slow, Table},
};
use crate::platform::{
    db::{Db, Tx},
    problem::Problem,
};
use serde::Serialize;
use std::time::{Duration as Span, Instant};
use time::{Duration, OffsetDateTime};

/// A table is not begun with less time than this left.
const TABLE: Span = Span::from_secs(8);

/// From when on something is done.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Statistics are stale once so many rows, and a fifth of the table, have changed.
    pub changed: i64,
    /// VACUUM does not keep up once so many rows, and a third of the table, are dead.
    pub dead: i64,
    /// Autovacuum freezes at 200 million transactions, and Postgres stops writing at two thousand million.
    pub age: i64,
    /// A statement is slow that takes so many milliseconds on average, …
    pub slow_ms: i64,
    /// … of at least so many times.
    pub slow_calls: i64,
}

/// As every deployment has them.
pub const LIMITS: Limits = Limits { changed: 1000, dead: 50_000, age: 500_000_000, slow_ms: 100, slow_calls: 100 };

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Maintained {
    /// Tables whose statistics were gathered.
    pub analyzed: Vec<String>,
    /// Tables that took too long, or that somebody held.
    pub not_analyzed: Vec<String>,
    /// Alerts that began and ended.
    #[serde(flatten)]
    pub alerts: Noted,
}

fn is_stale(table: &Table, limits: &Limits, now: OffsetDateTime) -> bool {
    // Autovacuum passes over a table of partitions: its own statistics are only ever gathered by hand.
    if table.is_partitioned {
        return table.analyzed_at.is_none_or(|at| now - at > Duration::hours(20));
    }
    table.changed > limits.changed && table.changed > table.live / 5
}

fn findings(table: &Table, limits: &Limits) -> Vec<Finding> {
    let mut found = Vec::new();
    if table.dead > limits.dead && table.dead > table.live / 3 {
        let detail = format!("{} rows are dead beside {} that live.", table.dead, table.live);
        found.push(Finding { kind: Kind::VacuumBehind, subject: table.name.clone(), detail });
    }
    if table.age > limits.age {
        let detail =
            format!("Its oldest row is {} transactions old; Postgres stops at two thousand million.", table.age);
        found.push(Finding { kind: Kind::WraparoundNear, subject: table.name.clone(), detail });
    }
    found
}

/// Counted since the server's statistics were last set back, so an alert goes on until that is done after mending.
fn slow(statement: &Slow) -> Finding {
    let Slow { id, calls, mean_ms, about } = statement;
    let detail = format!("{calls} times, {mean_ms} ms on average since its statistics were last set back: {about}");
    Finding { kind: Kind::StatementSlow, subject: id.to_string(), detail }
}

/// Gathers what is stale, table by table, and takes note of where VACUUM does not keep up. Twice, late or killed in the
/// middle does no harm; a table that takes too long is passed over.
pub async fn maintain(
    db: &Db,
    limits: &Limits,
    targets: &Targets,
    now: OffsetDateTime,
    deadline: Instant,
) -> Result<Maintained, Problem> {
    let tables = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::tables(tx).await?)).await?;
    let mut done = Maintained::default();
    for table in tables.iter().filter(|table| is_stale(table, limits, now)) {
        let enough = deadline.saturating_duration_since(Instant::now()) > TABLE;
        let analyze = async |tx: &mut Tx| Ok::<_, Problem>(sql::analyze(tx, &table.name).await?);
        match if enough { db.tx(analyze).await } else { Err(Problem::unavailable("no time left")) } {
            Ok(()) => done.analyzed.push(table.name.clone()),
            Err(problem) => {
                tracing::warn!(table = table.name, %problem, "its statistics were not gathered");
                done.not_analyzed.push(table.name.clone());
            }
        }
    }
    let mut found: Vec<_> = tables.iter().flat_map(|table| findings(table, limits)).collect();
    let kinds = [Kind::VacuumBehind, Kind::WraparoundNear, Kind::StatementSlow];
    done.alerts = db
        .tx(async |tx: &mut Tx| {
            found.extend(sql::slow_statements(tx, limits.slow_ms, limits.slow_calls).await?.iter().map(slow));
            note(tx, (&kinds, &found, Duration::ZERO), targets, now).await
        })
        .await?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn stale_dead_and_old_are_told_by_figures() {
        let table = |changed, live, dead, age| Table {
            name: "t".into(),
            is_partitioned: false,
            live,
            dead,
            changed,
            analyzed_at: None,
            age,
        };
        let now = datetime!(2026-03-15 12:00 UTC);
        let stale = |changed, live| is_stale(&table(changed, live, 0, 0), &LIMITS, now);
        assert!(stale(1001, 100) && stale(30_000, 100_000));
        assert!(!stale(1000, 100) && !stale(20_000, 100_000));
        let kinds = |table: &Table| findings(table, &LIMITS).iter().map(|one| one.kind).collect::<Vec<_>>();
        assert_eq!(kinds(&table(0, 100_000, 50_001, 0)), [Kind::VacuumBehind]);
        assert_eq!(kinds(&table(0, 1_000_000, 300_000, 0)), []);
        assert_eq!(kinds(&table(0, 10, 0, 500_000_001)), [Kind::WraparoundNear]);
        let parent = |at| Table { is_partitioned: true, analyzed_at: at, ..table(0, 0, 0, 0) };
        assert!(is_stale(&parent(None), &LIMITS, now) && is_stale(&parent(Some(now - Duration::DAY)), &LIMITS, now));
        assert!(!is_stale(&parent(Some(now - Duration::HOUR)), &LIMITS, now));
    }
}
