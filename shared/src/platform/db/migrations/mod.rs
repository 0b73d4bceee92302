//! Bringing the database to the schema of this release, as the function `tasks.migrate` does: in the time that one
//! invocation has, killed at any point, and without making the release that still serves wait.

mod door;

pub use door::{Access, Migrations};

use crate::platform::problem::Problem;
use serde::Serialize;
use sqlx::{
    AssertSqlSafe, Connection, PgConnection,
    migrate::{Migrate, MigrateError, Migration, Migrator},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout_at};

/// All of ours.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// One migrates at a time. Not sqlx's own lock: who waits for that one holds a snapshot, which an index that is built
/// concurrently waits for in turn.
const TURN: &str = "SELECT pg_try_advisory_lock(7461626173)";
/// Between two looks at who else migrates.
const PAUSE: Duration = Duration::from_millis(500);
/// How often a migration tries to get its locks.
const TRIES: u32 = 10;

/// Behind a migration that waits for a lock everybody else waits, too: so it does not wait for long, but comes again. What
/// takes longer than a minute in one transaction is two migrations, or a task.
const BRIEF: &str = "SET lock_timeout = '3s'; SET statement_timeout = '60s'";
/// An index that is built concurrently locks nobody out, and goes on when its client has gone.
const LONG: &str = "SET lock_timeout = 0; SET statement_timeout = 0; SET client_connection_check_interval = 0";

/// How far it got.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Nothing is missing any more.
    pub done: bool,
    /// The newest migration that is applied.
    pub version: i64,
    /// What was applied just now.
    pub applied: Vec<i64>,
    /// What is under way on the server, or with somebody else: ask again.
    pub working: Option<String>,
}

impl Progress {
    fn working(mut self, what: String) -> Self {
        self.working = Some(what);
        self
    }
}

/// Applies what is missing until this moment. The connection is given up: what it may still do on the server is met by the
/// next call.
pub async fn apply(mut conn: PgConnection, migrator: &Migrator, until: Instant) -> Result<Progress, Problem> {
    let mut progress = Progress::default();
    if let Some(other) = others(&mut conn, until).await? {
        return Ok(progress.working(other));
    }
    let table = migrator.table_name.as_ref();
    conn.ensure_migrations_table(table).await.map_err(|error| failed(None, &error))?;
    let applied = conn.list_applied_migrations(table).await.map_err(|error| failed(None, &error))?;
    let applied: BTreeMap<_, _> = applied.into_iter().map(|one| (one.version, one.checksum)).collect();
    progress.version = applied.keys().next_back().copied().unwrap_or_default();
    for migration in migrator.iter().filter(|migration| migration.migration_type.is_up_migration()) {
        if let Some(checksum) = applied.get(&migration.version) {
            if *checksum != migration.checksum {
                let name = name(migration);
                let said = format!("{name} was changed after it was applied: put it back, and add another migration");
                return Err(told(said, format!("{name} was changed")));
            }
            continue;
        }
        if !one(&mut conn, table, migration, until).await? {
            return Ok(progress.working(format!("{} is under way", name(migration))));
        }
        progress.version = migration.version;
        progress.applied.push(migration.version);
    }
    progress.done = true;
    // The lock ends with the session.
    conn.close().await.ok();
    Ok(progress)
}

/// Waits for whoever else migrates. The last invocation may have been ended in the middle of an index: the server goes on
/// with it, and the lock is free when it is there. Says what is going on when time runs out.
async fn others(conn: &mut PgConnection, until: Instant) -> Result<Option<String>, Problem> {
    while !sqlx::query_scalar::<_, bool>(TURN).fetch_one(&mut *conn).await? {
        if Instant::now() + PAUSE > until {
            let sql = "SELECT format('index %s: %s, %s of %s blocks', index_relid::regclass, phase, blocks_done, blocks_total)
                       FROM pg_stat_progress_create_index WHERE datname = current_database()";
            let index: Option<String> = sqlx::query_scalar(sql).fetch_optional(&mut *conn).await?;
            return Ok(Some(index.unwrap_or_else(|| "another migration is under way".into())));
        }
        sleep(PAUSE).await;
    }
    Ok(None)
}

/// Applies one; false when the time is over before it is done.
async fn one(conn: &mut PgConnection, table: &str, migration: &Migration, until: Instant) -> Result<bool, Problem> {
    let work = async {
        if migration.no_tx {
            alone(conn, table, migration).await
        } else {
            patiently(conn, table, migration, until).await
        }
    };
    timeout_at(until.into(), work).await.unwrap_or(Ok(false))
}

/// In a transaction of its own.
async fn patiently(
    conn: &mut PgConnection,
    table: &str,
    migration: &Migration,
    until: Instant,
) -> Result<bool, Problem> {
    sqlx::raw_sql(BRIEF).execute(&mut *conn).await?;
    for attempt in 1.. {
        match conn.apply(table, migration).await {
            Ok(_) => break,
            Err(error) if attempt < TRIES && code(&error).as_deref() == Some("55P03") => {
                sleep(Duration::from_millis(500).saturating_mul(attempt)).await;
                if Instant::now() > until {
                    return Ok(false);
                }
            }
            Err(error) => return Err(failed(Some(migration), &error)),
        }
    }
    Ok(true)
}

/// Outside of transactions: the one statement that such a migration is may have been cut off before.
async fn alone(conn: &mut PgConnection, table: &str, migration: &Migration) -> Result<bool, Problem> {
    sqlx::raw_sql(LONG).execute(&mut *conn).await?;
    if let Some(index) = index(migration.sql.as_str()) {
        let sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)";
        let valid: Option<bool> = sqlx::query_scalar(sql).bind(index).fetch_optional(&mut *conn).await?;
        match valid {
            Some(true) => {
                return conn.skip(table, migration).await.map(|()| true).map_err(|e| failed(Some(migration), &e));
            }
            Some(false) => {
                let drop = format!("DROP INDEX CONCURRENTLY {index}");
                sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut *conn).await?;
            }
            None => {}
        }
    }
    conn.apply(table, migration).await.map(|_| true).map_err(|error| failed(Some(migration), &error))
}

/// The name in `CREATE INDEX CONCURRENTLY name ON …`. The guard of migrations lets no other form through.
fn index(sql: &str) -> Option<&str> {
    let code = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let mut words = code.flat_map(str::split_whitespace).skip_while(|word| !word.eq_ignore_ascii_case("create"));
    let mut words = words.by_ref().skip_while(|word| !word.eq_ignore_ascii_case("concurrently")).skip(1);
    words.find(|word| !["if", "not", "exists"].iter().any(|other| word.eq_ignore_ascii_case(other)))
}

fn name(migration: &Migration) -> String {
    format!("migration {:04} {}", migration.version, migration.description)
}

fn database(error: &MigrateError) -> Option<&sqlx::Error> {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => Some(error),
        _ => None,
    }
}

fn code(error: &MigrateError) -> Option<String> {
    Some(database(error)?.as_database_error()?.code()?.into_owned())
}

/// Postgres's message is told to whoever deploys and stands in no log: it may quote a value. Its detail, which quotes rows, is not told.
fn failed(migration: Option<&Migration>, error: &MigrateError) -> Problem {
    let what = migration.map_or_else(|| "the list of migrations".to_owned(), name);
    let (said, logged) = match database(error) {
        Some(sqlx::Error::Database(error)) => {
            let code = error.code().unwrap_or_default();
            (format!("{} ({code})", error.message()), format!("sqlstate {code}"))
        }
        Some(error) => (super::tx::describe(error), super::tx::describe(error)),
        None => (error.to_string(), "no error of the database".to_owned()),
    };
    let next = match code(error).as_deref() {
        Some("55P03") => ": it got no lock beside what is running; deploy again when less goes on",
        Some("57014") => ": more than a minute in one transaction; make it two migrations, or a task",
        _ => "",
    };
    told(format!("{what}: {said}{next}"), format!("{what}: {logged}"))
}

fn told(detail: String, logged: String) -> Problem {
    let mut problem = Problem::internal(logged);
    problem.detail = detail.into();
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_of_a_migration_is_read_from_its_statement() {
        let of = |sql| index(sql);
        assert_eq!(of("-- no-transaction\n-- why\nCREATE INDEX CONCURRENTLY a_b ON a (b);"), Some("a_b"));
        assert_eq!(of("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_b\n ON a (b)"), Some("a_b"));
        assert_eq!(of("-- CREATE INDEX CONCURRENTLY x\nDROP INDEX CONCURRENTLY IF EXISTS a_b;"), None);
    }
}
