//! Migrations in the time of one invocation, cut off anywhere.

use crate::support::{Fresh, setting};
use shared::platform::{
    config::DbTls,
    db::{
        Credentials,
        migrations::{Access, MIGRATOR, Progress, apply},
    },
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, migrate::Migrator};
use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

/// Migrations of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn of(fresh: &Fresh, migrations: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(&fresh.name);
        fs::create_dir_all(&folder).unwrap();
        for (name, sql) in migrations {
            fs::write(folder.join(format!("{name}.up.sql")), sql).unwrap();
            fs::write(folder.join(format!("{name}.down.sql")), "SELECT 1").unwrap();
        }
        Self(folder)
    }

    async fn migrator(&self) -> Migrator {
        Migrator::new(self.0.as_path()).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

const TABLE: (&str, &str) = ("0001_t", "CREATE TABLE t AS SELECT n, n / 2 AS half FROM generate_series(1, 100) AS n");
const INDEX: (&str, &str) = ("0002_i", "-- no-transaction\nCREATE INDEX CONCURRENTLY t_n ON t (n)");

fn soon(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

async fn is_valid(conn: &mut PgConnection, index: &str) -> Option<bool> {
    let sql = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)";
    sqlx::query_scalar(sql).bind(index).fetch_optional(conn).await.unwrap()
}

/// The parts of `postgres://user:password@host:port/database`.
fn credentials(url: &str, dbname: &str) -> Credentials {
    let (user, place) = url.split_once("://").unwrap().1.rsplit_once('@').unwrap();
    let (username, password) = user.split_once(':').unwrap();
    let (host, port) = place.split_once('/').unwrap().0.split_once(':').unwrap();
    Credentials {
        host: host.into(),
        port: port.parse().unwrap(),
        dbname: dbname.into(),
        username: username.into(),
        password: password.into(),
    }
}

#[tokio::test]
async fn the_first_deployment_makes_database_roles_and_schema_and_the_next_has_nothing_to_do() {
    let fresh = Fresh::unmade();
    let of = |variable: &str| credentials(&setting(variable).expect("`cargo local test` sets it"), &fresh.name);
    let admin = of("DATABASE_URL");
    let access = Access {
        migrate: of("DATABASE_MIGRATE_URL"),
        write: of("DATABASE_WRITE_URL"),
        read: of("DATABASE_READ_URL"),
        tls: DbTls::Off,
        ca_file: String::new(),
    };
    assert!(!access.is_ready().await.unwrap(), "there is no such database");
    access.prepare(&admin.username, &admin.password, &MIGRATOR, soon(60)).await.unwrap();
    assert!(access.is_ready().await.unwrap(), "all three get in with their passwords");
    let progress = access.bring(&MIGRATOR, soon(60)).await.unwrap();
    let newest = MIGRATOR.iter().map(|migration| migration.version).max().unwrap();
    assert_eq!((progress.done, progress.version, progress.applied.first()), (true, newest, Some(&2)));

    // As every database of ours is made, and owned by nobody but its owner.
    let mut conn = fresh.admin().await;
    let sql = "SELECT format('%s %s %s', pg_encoding_to_char(encoding), datlocprovider, datlocale) FROM pg_database WHERE datname = $1";
    let made: String = sqlx::query_scalar(sql).bind(&fresh.name).fetch_one(&mut conn).await.unwrap();
    assert_eq!(made, "UTF8 b C.UTF-8");
    let sql = "SELECT DISTINCT tableowner::text FROM pg_tables WHERE schemaname = 'public'";
    let owners: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut conn).await.unwrap();
    assert_eq!(owners, ["tallybook_migrate"]);
    // Postgres keeps what it was sent: no password stands in a log.
    let sql = "SELECT rolpassword LIKE 'SCRAM-SHA-256$4096:%' FROM pg_authid WHERE rolname = 'tallybook_write'";
    assert!(sqlx::query_scalar::<_, bool>(sql).fetch_one(&mut conn).await.unwrap());

    let again = access.bring(&MIGRATOR, soon(60)).await.unwrap();
    assert_eq!(again, Progress { done: true, version: newest, applied: Vec::new(), working: None });
    access.prepare(&admin.username, &admin.password, &MIGRATOR, soon(60)).await.unwrap();
}

#[tokio::test]
async fn an_index_that_outlives_its_invocation_is_waited_for_and_not_built_twice() {
    let fresh = Fresh::empty().await;
    let folder = Folder::of(&fresh, &[TABLE, INDEX]);
    let migrator = folder.migrator().await;
    // Whoever writes holds the build back.
    let mut writer = fresh.admin().await;
    let first = Folder::of(&Fresh::unmade(), &[TABLE]);
    apply(fresh.admin().await, &first.migrator().await, soon(30)).await.unwrap();
    writer.execute("BEGIN; INSERT INTO t VALUES (0, 0)").await.unwrap();

    let begun = apply(fresh.admin().await, &migrator, soon(1)).await.unwrap();
    assert_eq!((begun.done, begun.version, begun.applied.len()), (false, 1, 0));
    assert!(begun.working.unwrap().contains("0002"));
    let waited = apply(fresh.admin().await, &migrator, soon(1)).await.unwrap();
    assert!(!waited.done);
    let working = waited.working.unwrap();
    assert!(working.starts_with("index t_n: waiting for"), "{working}");

    writer.execute("COMMIT").await.unwrap();
    let done = apply(fresh.admin().await, &migrator, soon(30)).await.unwrap();
    assert_eq!((done.done, done.version), (true, 2));
    assert_eq!(is_valid(&mut writer, "t_n").await, Some(true));
}

#[tokio::test]
async fn an_index_that_failed_half_way_is_built_again() {
    let fresh = Fresh::empty().await;
    let unique = ("0002_u", "-- no-transaction\nCREATE UNIQUE INDEX CONCURRENTLY t_half ON t (half)");
    let folder = Folder::of(&fresh, &[TABLE, unique]);
    let migrator = folder.migrator().await;
    let said = apply(fresh.admin().await, &migrator, soon(30)).await.unwrap_err();
    assert!(said.detail.starts_with("migration 0002 u: could not create unique index"), "{said:?}");
    assert_eq!(said.cause.as_deref(), Some("migration 0002 u: sqlstate 23505"), "no message stands in a log");
    assert!(!said.detail.contains("(half)=("), "what rows hold is not told: {said:?}");
    let mut conn = fresh.admin().await;
    assert_eq!(is_valid(&mut conn, "t_half").await, Some(false), "Postgres leaves it behind");

    conn.execute("DELETE FROM t WHERE n % 2 = 0").await.unwrap();
    let done = apply(fresh.admin().await, &migrator, soon(30)).await.unwrap();
    assert_eq!((done.done, done.applied), (true, vec![2]));
    assert_eq!(is_valid(&mut conn, "t_half").await, Some(true));
}

#[tokio::test]
async fn a_migration_that_waits_for_a_lock_lets_others_pass_and_comes_again() {
    let fresh = Fresh::empty().await;
    let folder = Folder::of(&fresh, &[TABLE, ("0002_c", "ALTER TABLE t ADD COLUMN more text")]);
    let migrator = folder.migrator().await;
    let first = Folder::of(&Fresh::unmade(), &[TABLE]);
    apply(fresh.admin().await, &first.migrator().await, soon(30)).await.unwrap();
    let (mut reader, mut other) = (fresh.admin().await, fresh.admin().await);
    reader.execute("BEGIN; SELECT FROM t").await.unwrap();
    let reading = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        // It queues behind the one that wants the lock, for as long as that waits.
        let begun = Instant::now();
        other.execute("SELECT FROM t").await.unwrap();
        let waited = begun.elapsed();
        tokio::time::sleep(Duration::from_secs(3)).await;
        reader.execute("COMMIT").await.unwrap();
        waited
    };
    let (done, waited) = tokio::join!(apply(fresh.admin().await, &migrator, soon(60)), reading);
    assert_eq!(done.unwrap().applied, [2]);
    assert!(waited < Duration::from_secs(4), "others were held up for {waited:?}");
}

#[tokio::test]
async fn a_migration_that_was_changed_afterwards_is_refused_and_one_of_a_later_release_is_not_missed() {
    let fresh = Fresh::empty().await;
    let both = Folder::of(&fresh, &[TABLE, ("0002_c", "ALTER TABLE t ADD COLUMN more text")]);
    apply(fresh.admin().await, &both.migrator().await, soon(30)).await.unwrap();
    // The release before is deployed again.
    let older = Folder::of(&Fresh::unmade(), &[TABLE]);
    let done = apply(fresh.admin().await, &older.migrator().await, soon(30)).await.unwrap();
    assert_eq!((done.done, done.version, done.applied.len()), (true, 2, 0));
    let changed = Folder::of(&Fresh::unmade(), &[("0001_t", "CREATE TABLE t (n int)")]);
    let said = apply(fresh.admin().await, &changed.migrator().await, soon(30)).await.unwrap_err();
    assert!(said.detail.starts_with("migration 0001 t was changed after it was applied"), "{said:?}");
    // Nobody's lock is left behind.
    let mut conn = fresh.admin().await;
    let sql = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let locks =
        async |conn: &mut PgConnection| sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql)).fetch_one(conn).await.unwrap();
    let until = soon(5);
    while locks(&mut conn).await != 0 {
        assert!(Instant::now() < until, "a lock is left behind");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    conn.close().await.unwrap();
}
