//! The table of transactions as it is, and cut into partitions by the hash of its users: what lists, points, sums and inserts
//! take, how many indexes a list touches, and how fast both are filled. Without triggers and foreign keys, which are the
//! same work for either.

use super::figures::Sample;
use crate::migrate;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use sqlx::{AssertSqlSafe, ConnectOptions, PgConnection, postgres::PgConnectOptions};
use std::time::{Duration, Instant};
use uuid::Uuid;

const NAME: &str = "tallybook_partitions";
const PARTITIONS: u32 = 64;
/// Transactions of most users, and of one.
const EACH: i64 = 1000;
const LARGE: i64 = 100_000;
/// Filled at a time.
const CHUNK: i64 = 100_000;
const TIMES: i64 = 400;

/// Numbers `$1` to `$2`; `$3` users take turns, as in life, and every so often it is the large one's.
const FILL: &str = "
    INSERT INTO <table> (user_id, id, amount, currency, date, merchant_raw, merchant_key, category, source, confidence, changed_seq)
    SELECT md5('user ' || CASE WHEN n % $4 = 0 THEN 0 ELSE 1 + n % $3 END)::uuid, md5('row ' || n)::uuid,
           (n % 19900 + 100) / 100.0, 'USD', '2026-01-01'::date - (1826 - n * 1826 / $5)::int, 'MERCHANT ' || n % 2000,
           n % 2000, 'Category ' || n % 20, 'csv', '{}', n / 1000 + 1
    FROM generate_series($1::bigint, $2::bigint) AS n";

/// Those of the real table, unnamed.
const INDEXES: &str = r"
    SELECT regexp_replace(indexdef, 'INDEX \S+ ON public\.transactions', 'INDEX ON public.' || $1)
    FROM pg_indexes WHERE schemaname = 'public' AND tablename = 'transactions' ORDER BY indexname";
const SIZE: &str = "
    SELECT coalesce((SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree($1::regclass)), 0)::bigint
        + CASE WHEN (SELECT relkind FROM pg_class WHERE oid = $1::regclass) = 'r' THEN pg_total_relation_size($1::regclass) ELSE 0 END";

const LIST: &str = "SELECT id, date, amount, category, source, merchant_raw FROM <table>
    WHERE user_id = $1 AND NOT is_deleted ORDER BY date DESC, id DESC LIMIT 50";
const POINT: &str =
    "SELECT * FROM <table> WHERE user_id = $1 AND id = (SELECT id FROM <table> WHERE user_id = $1 ORDER BY id LIMIT 1)";
const SUMS: &str = "SELECT category, sum(amount) FROM <table>
    WHERE user_id = $1 AND NOT is_deleted AND date >= '2025-12-01' GROUP BY category";
const INSERT: &str = "
    INSERT INTO <table> (user_id, id, amount, currency, date, merchant_raw, merchant_key, category, source, changed_seq)
    VALUES ($1, gen_random_uuid(), 12.50, 'USD', '2026-01-02', 'MERCHANT 1', 1, 'Category 1', 'manual', 9999)";

const ASKED: [(&str, &str); 4] =
    [("list of 50", LIST), ("one, by its key", POINT), ("a month's sums", SUMS), ("insert of one", INSERT)];

fn of(sql: &str, table: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.replace("<table>", table))
}

pub async fn run(url: &str, rows: i64) -> Result<()> {
    ensure!(rows >= 10 * LARGE, "fewer than {} rows tell nothing", 10 * LARGE);
    let server: PgConnectOptions = url.parse().context("DATABASE_URL is no Postgres URL")?;
    let mut root = server.connect().await.context("cannot connect to DATABASE_URL")?;
    let drop = format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)");
    sqlx::raw_sql(AssertSqlSafe(drop.clone())).execute(&mut root).await?;
    let create = format!(
        "CREATE DATABASE {NAME} ENCODING UTF8 LOCALE 'C' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' TEMPLATE template0"
    );
    sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut root).await?;
    let own = server.clone().database(NAME);
    migrate::run(own.to_url_lossy().as_str(), None).await?;
    let result = compare(&mut own.connect().await?, rows).await;
    sqlx::raw_sql(AssertSqlSafe(drop)).execute(&mut root).await?;
    result
}

async fn compare(conn: &mut PgConnection, rows: i64) -> Result<()> {
    let part =
        |n| format!("CREATE TABLE parts_{n} PARTITION OF parts FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {n});");
    let parts = (0..PARTITIONS).map(part).collect::<Vec<_>>().concat();
    println!("{rows} transactions of {} users; one of them has {LARGE}\n", rows / EACH);
    println!("{:<26}{:>10}{:>10}{:>10}", "ms", "p50", "p95", "p99");
    // One after the other, so that the disk has to hold one at a time.
    for (table, make) in [
        ("plain", "CREATE TABLE plain (LIKE transactions INCLUDING ALL EXCLUDING INDEXES)".to_owned()),
        (
            "parts",
            format!(
                "CREATE TABLE parts (LIKE transactions INCLUDING ALL EXCLUDING INDEXES) PARTITION BY HASH (user_id); {parts}"
            ),
        ),
    ] {
        sqlx::raw_sql(AssertSqlSafe(make)).execute(&mut *conn).await?;
        measure(conn, table, rows).await?;
        sqlx::raw_sql(of("DROP TABLE <table>", table)).execute(&mut *conn).await?;
    }
    Ok(())
}

async fn measure(conn: &mut PgConnection, table: &str, rows: i64) -> Result<()> {
    let begun = Instant::now();
    let mut from = 1;
    while from <= rows {
        let to = (from + CHUNK - 1).min(rows);
        let fill = sqlx::query(of(FILL, table)).bind(from).bind(to).bind(rows / EACH).bind(rows / LARGE).bind(rows);
        fill.execute(&mut *conn).await?;
        if to % (10 * CHUNK) == 0 {
            eprintln!("{table}: {to} of {rows} rows after {} s", begun.elapsed().as_secs());
        }
        from = to + 1;
    }
    let filled = begun.elapsed();
    // Afterwards: with them in place filling takes five times as long, and tells nothing more.
    let begun = Instant::now();
    let indexes: Vec<String> = sqlx::query_scalar(INDEXES).bind(table).fetch_all(&mut *conn).await?;
    for (n, index) in (1..).zip(&indexes) {
        sqlx::raw_sql(AssertSqlSafe(index.clone())).execute(&mut *conn).await?;
        eprintln!("{table}: {n} of {} indexes after {} s", indexes.len(), begun.elapsed().as_secs());
    }
    let built = begun.elapsed();
    sqlx::raw_sql(of("VACUUM (ANALYZE) <table>", table)).execute(&mut *conn).await?;
    sqlx::raw_sql("CHECKPOINT").execute(&mut *conn).await?;
    let size: i64 = sqlx::query_scalar(SIZE).bind(table).fetch_one(&mut *conn).await?;
    let (filled, built) = (filled.as_secs(), built.as_secs());
    println!("{table}: {} MB, {} bytes a row with all indexes", size >> 20, size / rows);
    println!("  filled in {filled} s, indexes in {built} s");
    let large = user(conn, 0).await?;
    for (what, sql) in ASKED {
        let mut took = Vec::new();
        for n in 0..TIMES {
            let who = user(conn, 1 + n * 7919 % (rows / EACH)).await?;
            let begun = Instant::now();
            sqlx::query(of(sql, table)).bind(who).execute(&mut *conn).await?;
            took.push(begun.elapsed());
        }
        told(&format!("  {what}"), took);
    }
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let begun = Instant::now();
        sqlx::query(of(LIST, table)).bind(large).execute(&mut *conn).await?;
        took.push(begun.elapsed());
    }
    told("  list, of the large user", took);
    let explain = sqlx::query_scalar(of(&format!("EXPLAIN (ANALYZE, FORMAT JSON) {LIST}"), table)).bind(large);
    let plan: Value = explain.fetch_one(&mut *conn).await?;
    let mut indexes = Vec::new();
    touched(&plan, &mut indexes);
    println!("  a list reads of {}", indexes.join(", "));
    Ok(())
}

async fn user(conn: &mut PgConnection, n: i64) -> Result<Uuid> {
    Ok(sqlx::query_scalar("SELECT md5('user ' || $1)::uuid").bind(n).fetch_one(conn).await?)
}

fn told(what: &str, took: Vec<Duration>) {
    println!("{what:<26}{}", Sample::new(took).columns());
}

/// The indexes that a plan really went into.
fn touched(plan: &Value, found: &mut Vec<String>) {
    match plan {
        Value::Array(all) => all.iter().for_each(|one| touched(one, found)),
        Value::Object(node) => {
            let ran = node.get("Actual Loops").and_then(Value::as_f64).is_some_and(|loops| loops > 0.0);
            if let Some(name) = node.get("Index Name").and_then(Value::as_str).filter(|_| ran) {
                found.push(name.to_owned());
            }
            node.values().for_each(|value| touched(value, found));
        }
        _ => {}
    }
}
