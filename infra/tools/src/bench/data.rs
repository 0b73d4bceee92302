//! A database of its own with users who have been at it for years.

use crate::migrate;
use anyhow::{Context, Result, anyhow};
use shared::{
    domain::merchants::import_csv,
    platform::{clock, db::Db},
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use std::{fs, time::Instant};
use uuid::Uuid;

const NAME: &str = "tallybook_bench";
const MERCHANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/merchants.csv");
/// Rows of the user that is asked about.
const ROWS: i64 = 100_000;
/// How many users have how many rows each.
const SOME: [(usize, i64); 3] = [(1, 4_500), (1, ROWS), (20, 5_000)];
const FULL: [(usize, i64); 4] = [(1, 4_500), (1, ROWS), (1, 1_000_000), (45, 19_900)];
/// Inserted at a time, so that there is progress to tell of.
const PART: i64 = 50_000;

/// Numbers `$2` to `$3` of user `$1`'s `$4` transactions: spread over five years up to today, in the order of time,
/// as imports and purchases bring them.
const TRANSACTIONS: &str = "
    WITH m AS MATERIALIZED (
        SELECT id, canonical_name, category, row_number() OVER (ORDER BY name_l) - 1 AS i, count(*) OVER () AS of
        FROM merchant_master
    )
    INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, merchant_id, category, source,
        note, confidence, changed_seq, created_at, updated_at)
    SELECT $1,
           -- A UUIDv7 of that time, also where the server cannot make one.
           (substr(at.hex, 1, 8) || '-' || substr(at.hex, 9, 4) || '-7' || substr(gen_random_uuid()::text, 16))::uuid,
           (CASE WHEN n.n % 40 = 0 THEN -1 ELSE 1 END) * round(((hashint8(n.n) & 2147483647) % 19900 + 100) / 100.0, 2),
           'USD', at.day, upper(m.canonical_name) || ' ' || n.n % 10000, hashtextextended(m.canonical_name, 0),
           CASE WHEN n.n % 8 > 0 THEN m.id END, CASE WHEN n.n % 8 > 0 THEN m.category ELSE 'Uncategorized' END,
           (CASE WHEN n.n % 20 = 0 THEN 'manual' ELSE 'csv' END)::transaction_source,
           CASE WHEN n.n % 20 = 0 THEN 'bought with friends' END, '{}', n.n / 1000 + 1, at.at, at.at
    FROM generate_series($2::bigint, $3::bigint) AS n(n)
    JOIN m ON m.i = (hashint8(-n.n) & 2147483647) % m.of
    CROSS JOIN LATERAL (SELECT now() - interval '1826 days' * (($4::bigint - n.n)::float8 / $4) AS at) AS t
    CROSS JOIN LATERAL (
        SELECT t.at, t.at::date AS day, lpad(to_hex((extract(epoch FROM t.at) * 1000)::bigint), 12, '0') AS hex
    ) AS at
    ORDER BY n.n";

/// A year of monthly budgets in the ten categories that have the most of user `$1`'s transactions; too generous to be
/// exceeded, because an alert is another thing to measure.
const BUDGETS: &str = "
    WITH c AS (
        SELECT category FROM transactions WHERE user_id = $1 AND NOT is_deleted GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 10
    ), b AS (
        INSERT INTO budgets (user_id, id, category, currency, changed_seq)
        SELECT $1, gen_random_uuid(), category, 'USD', 1 FROM c RETURNING id
    )
    INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount)
    SELECT $1, b.id, start.day, (start.day + interval '1 month - 1 day')::date, 1000000
    FROM b, generate_series(0, 11) AS ago(months),
         LATERAL (SELECT (date_trunc('month', now()) - interval '1 month' * ago.months)::date AS day) AS start";

/// The database and the users to measure by.
pub struct Data {
    server: PgConnectOptions,
    admin: PgConnectOptions,
    /// Whose requests are measured.
    pub user: User,
    /// The same requests of those with the shortest and the longest history: they should cost the same.
    pub others: Vec<User>,
    /// How many transactions there are in all.
    pub rows: i64,
}

/// Somebody with a session.
pub struct User {
    pub user_id: Uuid,
    pub session_id: Uuid,
    /// How many transactions are theirs.
    pub rows: i64,
    /// One of them, from the middle of the years.
    pub transaction_id: Uuid,
    /// A category with many.
    pub category: String,
}

impl Data {
    /// Makes the database anew. `full` has ten times the rows.
    pub async fn make(url: &str, full: bool) -> Result<Self> {
        let server: PgConnectOptions = url.parse().context("DATABASE_URL is no Postgres URL")?;
        let mut root = server.connect().await.context("cannot connect to DATABASE_URL")?;
        for sql in [
            format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"),
            // As the migrations expect it, whatever the cluster's own default is.
            format!(
                "CREATE DATABASE {NAME} ENCODING UTF8 LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' TEMPLATE template0"
            ),
        ] {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut root).await?;
        }
        root.close().await?;
        let admin = server.clone().database(NAME);
        migrate::run(admin.to_url_lossy().as_str(), None).await?;
        let merchants = fs::read_to_string(MERCHANTS).context(MERCHANTS)?;
        let report = import_csv(&Db::from_options(admin.clone()), &merchants, |_| {}).await;
        let report = report.map_err(|problem| anyhow!("the merchants were not imported: {problem}"))?;
        eprintln!("{} merchants", report.imported);
        fill(&mut admin.connect().await?, if full { &FULL } else { &SOME }).await?;
        Self::open(url).await
    }

    /// Finds the database that an earlier run kept.
    pub async fn open(url: &str) -> Result<Self> {
        let server: PgConnectOptions = url.parse().context("DATABASE_URL is no Postgres URL")?;
        let admin = server.clone().database(NAME);
        migrate::run(admin.to_url_lossy().as_str(), None).await?;
        let mut conn = admin.connect().await.context("there is no database of an earlier run: leave --reuse out")?;
        // Sizes stand where they were written when the users were made; counting them would take a while.
        let sizes: Vec<(Uuid, i64)> = sqlx::query_as("SELECT user_id, changes FROM user_seq ORDER BY changes, user_id")
            .fetch_all(&mut conn)
            .await?;
        let of = |rows: i64| sizes.iter().find(|(_, size)| (rows..rows.saturating_add(10_000)).contains(size));
        let user = User::of(&mut conn, of(ROWS).context("nobody has 100,000 transactions")?.0, ROWS).await?;
        let mut others = Vec::new();
        for edge in [sizes.first(), sizes.last()].into_iter().flatten().filter(|edge| edge.0 != user.user_id) {
            others.push(User::of(&mut conn, edge.0, edge.1).await?);
        }
        // What autovacuum does in its own time, and a checkpoint that would else come while the clock runs.
        for sql in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            sqlx::raw_sql(sql).execute(&mut conn).await?;
        }
        conn.close().await?;
        Ok(Self { server, admin, user, others, rows: sizes.iter().map(|(_, size)| size).sum() })
    }

    /// Where Postgres listens.
    pub fn server(&self) -> (&str, u16) {
        (self.admin.get_host(), self.admin.get_port())
    }

    pub fn admin(&self) -> PgConnectOptions {
        self.admin.clone()
    }

    pub fn name(&self) -> &str {
        self.admin.get_database().unwrap_or(NAME)
    }

    /// Removes it.
    pub async fn drop(self) -> Result<()> {
        let mut root = self.server.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(format!("DROP DATABASE {NAME} WITH (FORCE)"))).execute(&mut root).await?;
        Ok(root.close().await?)
    }
}

impl User {
    async fn of(conn: &mut PgConnection, user_id: Uuid, rows: i64) -> Result<Self> {
        let session_id = Uuid::now_v7();
        let sql = "INSERT INTO sessions (user_id, id, token_hash, last_active, expires_at)
                   VALUES ($1, $2, $3, now(), now() + interval '1 day')";
        let session = sqlx::query(sql).bind(user_id).bind(session_id).bind(session_id.as_bytes().as_slice());
        session.execute(&mut *conn).await?;
        let sql = "SELECT id, category FROM transactions WHERE user_id = $1 AND merchant_id IS NOT NULL
                   ORDER BY date, id OFFSET $2 LIMIT 1";
        let (transaction_id, category) = sqlx::query_as(sql).bind(user_id).bind(rows / 2).fetch_one(conn).await?;
        Ok(Self { user_id, session_id, rows, transaction_id, category })
    }

    /// What an access token of the session says.
    pub fn claims(&self) -> serde_json::Value {
        let now = clock::epoch();
        serde_json::json!({
            "iss": shared::platform::jwt::ISSUER, "aud": shared::platform::jwt::ISSUER,
            "sub": self.user_id, "sid": self.session_id, "jti": Uuid::now_v7(),
            "iat": now, "nbf": now, "exp": now.saturating_add(86_400), "type": "access",
        })
    }
}

/// Stores the transactions of so many users of so many rows each.
async fn fill(conn: &mut PgConnection, sizes: &[(usize, i64)]) -> Result<()> {
    let indexes = drop_indexes(conn).await?;
    let users: Vec<_> = sizes.iter().flat_map(|(count, size)| std::iter::repeat_n(*size, *count)).collect();
    let all: i64 = users.iter().sum();
    let (started, mut rows) = (Instant::now(), 0);
    for size in users {
        let user = Uuid::now_v7();
        add_user(conn, user, size).await?;
        for first in (1..=size).step_by(usize::try_from(PART)?) {
            let last = size.min(first.saturating_add(PART).saturating_sub(1));
            let part = sqlx::query(TRANSACTIONS).bind(user).bind(first).bind(last).bind(size);
            rows += i64::try_from(part.execute(&mut *conn).await?.rows_affected())?;
            if rows % PART == 0 {
                eprintln!("{rows} of {all} transactions after {} s", started.elapsed().as_secs());
            }
        }
        sqlx::query(BUDGETS).bind(user).execute(&mut *conn).await?;
    }
    for sql in indexes {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await?;
    }
    eprintln!("indexed after {} s", started.elapsed().as_secs());
    Ok(())
}

/// Drops the indexes that are no constraint's and returns what makes them again: rows go in ten times as fast without.
async fn drop_indexes(conn: &mut PgConnection) -> Result<Vec<String>> {
    let sql = "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i
               WHERE indrelid = 'transactions'::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)";
    let indexes: Vec<(String, String)> = sqlx::query_as(sql).fetch_all(&mut *conn).await?;
    let (names, definitions): (Vec<_>, Vec<_>) = indexes.into_iter().unzip();
    sqlx::raw_sql(AssertSqlSafe(format!("DROP INDEX {}", names.join(", ")))).execute(&mut *conn).await?;
    sqlx::raw_sql("SET maintenance_work_mem = '256MB'").execute(conn).await?;
    Ok(definitions)
}

async fn add_user(conn: &mut PgConnection, user: Uuid, rows: i64) -> Result<()> {
    let sql = "WITH u AS (INSERT INTO users (id, email, hashed_password) VALUES ($1, $1 || '@example.com', 'none') RETURNING id)
               INSERT INTO user_seq (user_id, changes) SELECT id, $2 FROM u";
    sqlx::query(sql).bind(user).bind(rows).execute(conn).await?;
    Ok(())
}
