use super::{NOW, TODAY, patiently};
use shared::{
    domain::auth::Me,
    platform::{
        db::{Db, ReadDb, Tx},
        jwt::sha256,
    },
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};
use std::{fmt::Write, path::Path};
use time::Duration;
use uuid::Uuid;

/// As every database of ours is made.
const MADE: &str = "ENCODING 'UTF8' LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' TEMPLATE template0";
/// Advisory lock: held alone to make the template, shared to clone it.
const LOCK: i64 = 0x7461_6c6c_7962;

#[expect(clippy::disallowed_methods, reason = "where the test server is, and nothing else")]
pub fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn url(name: &str) -> Option<PgConnectOptions> {
    setting(name).map(|url| url.parse().unwrap())
}

fn server() -> PgConnectOptions {
    url("DATABASE_URL")
        .expect("DATABASE_URL must name a server and a role that may create databases: run `cargo local test`")
}

async fn run(conn: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(conn).await.unwrap();
}

/// The migrations as they lie in the repository now.
pub async fn migrator() -> Migrator {
    Migrator::new(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations"))).await.unwrap()
}

/// A database that nobody else uses; dropped with this.
pub struct Fresh {
    pub name: String,
}

impl Fresh {
    /// A migrated one.
    pub async fn new() -> Self {
        let mut conn = server().connect().await.unwrap();
        let template = template(&mut conn).await;
        let fresh = Self::named();
        run(&mut conn, format!("SELECT pg_advisory_lock_shared({LOCK})")).await;
        run(&mut conn, format!("CREATE DATABASE {} TEMPLATE {template}", fresh.name)).await;
        conn.close().await.unwrap();
        fresh
    }

    /// One without any table.
    pub async fn empty() -> Self {
        let mut conn = server().connect().await.unwrap();
        let fresh = Self::named();
        run(&mut conn, format!("CREATE DATABASE {} {MADE}", fresh.name)).await;
        conn.close().await.unwrap();
        fresh
    }

    /// A name for one that somebody else makes.
    pub fn unmade() -> Self {
        Self::named()
    }

    fn named() -> Self {
        Self { name: format!("tallybook_test_{}", Uuid::now_v7().simple()) }
    }

    /// How the role that owns the server gets in.
    pub fn admin_options(&self) -> PgConnectOptions {
        server().database(&self.name)
    }

    /// How a role of ours gets in: with its password where the server wants one.
    pub fn options(&self, role: &str) -> PgConnectOptions {
        let known = match role {
            "tallybook_write" => url("DATABASE_WRITE_URL"),
            "tallybook_read" => url("DATABASE_READ_URL"),
            _ => None,
        };
        known.unwrap_or_else(|| server().username(role)).database(&self.name)
    }

    /// A connection that may do anything.
    pub async fn admin(&self) -> PgConnection {
        self.admin_options().connect().await.unwrap()
    }

    /// A connection of a role of ours.
    pub async fn connect(&self, role: &str) -> PgConnection {
        self.options(role).connect().await.unwrap()
    }

    /// As functions that write have it.
    pub fn db(&self) -> Db {
        Db::from_options(self.options("tallybook_write"))
    }

    /// So many functions that write, warm: none is late to a race because it still connects.
    pub async fn warm<const N: usize>(&self) -> [Db; N] {
        let all = std::array::from_fn(|_| self.db());
        for db in &all {
            patiently(async || db.tx(async |_: &mut Tx| Ok(())).await).await;
        }
        all
    }

    /// As functions that read have it.
    pub fn read_db(&self) -> ReadDb {
        ReadDb::from_options(self.options("tallybook_read"))
    }

    /// A user with a session.
    pub async fn user(&self) -> Me {
        let me =
            Me { user_id: Uuid::now_v7(), session_id: Uuid::now_v7(), currency: "USD".into(), today: TODAY, now: NOW };
        let mut conn = self.admin().await;
        sqlx::query("INSERT INTO users (id, email, hashed_password) VALUES ($1, $2, 'none')")
            .bind(me.user_id)
            .bind(format!("{}@example.com", me.user_id))
            .execute(&mut conn)
            .await
            .unwrap();
        sqlx::query("INSERT INTO user_seq (user_id) VALUES ($1)").bind(me.user_id).execute(&mut conn).await.unwrap();
        sqlx::query("INSERT INTO sessions (user_id, id, token_hash, last_active, created_at, expires_at) VALUES ($1, $2, $3, $4, $4, $5)")
            .bind(me.user_id)
            .bind(me.session_id)
            .bind(sha256(me.session_id.as_bytes()).as_slice())
            .bind(NOW)
            .bind(NOW + Duration::days(30))
            .execute(&mut conn)
            .await
            .unwrap();
        conn.close().await.unwrap();
        me
    }
}

impl Drop for Fresh {
    /// On a thread of its own, because the test's runtime is being left, perhaps by a panic.
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime
                .block_on(async { sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut server().connect().await?).await })?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(())
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("{} was not dropped: the next run that makes a template will", self.name);
        }
    }
}

/// The migrated database that all are cloned from, named by what the migrations say.
async fn template(conn: &mut PgConnection) -> String {
    let migrator = migrator().await;
    let all: Vec<u8> = migrator.iter().flat_map(|migration| migration.checksum.iter().copied()).collect();
    let hash = sha256(&all).iter().take(6).fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    let name = format!("tallybook_template_{hash}");
    if exists(conn, &name).await {
        return name;
    }
    run(conn, format!("SELECT pg_advisory_lock({LOCK})")).await;
    if !exists(conn, &name).await {
        sweep(conn).await;
        // Under another name until it is whole: a run may be killed in the middle.
        run(conn, format!("DROP DATABASE IF EXISTS {name}_part WITH (FORCE)")).await;
        run(conn, format!("CREATE DATABASE {name}_part {MADE}")).await;
        let mut inside = server().database(&format!("{name}_part")).connect().await.unwrap();
        migrator.run(&mut inside).await.unwrap();
        inside.close().await.unwrap();
        run(conn, format!("ALTER DATABASE {name}_part RENAME TO {name}")).await;
    }
    run(conn, format!("SELECT pg_advisory_unlock({LOCK})")).await;
    name
}

async fn exists(conn: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(conn)
        .await
        .unwrap()
}

/// Drops what killed runs left behind, and templates of other migrations.
async fn sweep(conn: &mut PgConnection) {
    let left: Vec<String> = sqlx::query_scalar(
        r"SELECT datname FROM pg_database
          WHERE (datname LIKE 'tallybook\_test\_%' OR datname LIKE 'tallybook\_template\_%')
            AND (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification < now() - interval '1 hour'",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    for name in left {
        // Another checkout may be at the same work, or still at its test.
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name}"))).execute(&mut *conn).await.ok();
    }
}
