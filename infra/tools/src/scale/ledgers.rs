//! Users who have been at it for years: accounts, transactions, and what is kept about both.

use super::beside;
use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Instant;
use uuid::Uuid;

/// How many users have how many transactions each.
pub type Ledgers = &'static [(usize, i64)];

/// Inserted at a time, so that there is progress to tell of.
const PART: i64 = 100_000;

/// A `UUIDv7` of a moment, the same for the same text; and the merchants in a fixed order, those of the file first.
const PREPARED: &str = "
    CREATE FUNCTION pg_temp.uuid_at(at timestamptz, salt text) RETURNS uuid LANGUAGE sql AS $$
        SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || left(md5(salt), 3) || '8'
                || right(md5(salt), 15))::uuid
    $$;
    CREATE TEMP TABLE numbered ON COMMIT DROP AS
        SELECT row_number() OVER (ORDER BY created_at, id) - 1 AS i, id, canonical_name, category FROM merchant_master;
    CREATE TEMP TABLE seeded (id uuid PRIMARY KEY, rows bigint NOT NULL) ON COMMIT DROP;
    ANALYZE numbered;";

/// `$1` users of `$2` transactions with the password of `$3`.
const USERS: &str = "
    WITH new AS (
        SELECT pg_temp.uuid_at(now(), n || '/' || $2) AS id,
               'scale-' || $2 || CASE WHEN $1 > 1 THEN '-' || n ELSE '' END || '@example.com' AS email
        FROM generate_series(1, $1::bigint) AS n
    ), u AS (
        INSERT INTO users (id, email, hashed_password, full_name) SELECT id, email, $3, 'Scale ' || $2 FROM new
    ), s AS (
        INSERT INTO user_seq (user_id, changes) SELECT id, $2::bigint / 1000 + 1 FROM new
    ), kept AS (
        INSERT INTO seeded (id, rows) SELECT id, $2 FROM new
    )
    SELECT id FROM new ORDER BY id";

/// Numbers `$2` to `$3` of the `$4` transactions that each of the users `$1` has: spread over five years up to today, in
/// the order of time, as imports and purchases bring them. Three of four are at one of some two thousand merchants, a few
/// of them far more often than the rest. Every five hundredth looks like the one before it.
const TRANSACTIONS: &str = "
    INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, merchant_id, category, source,
        note, confidence, import_id, duplicate_of, is_deleted, deleted_at, changed_seq, created_at, updated_at)
    SELECT u.id, pg_temp.uuid_at(at.own, u.id || '/' || n.n),
           (CASE WHEN k.n % 40 = 0 THEN -1 ELSE 1 END) * round((k.h % 19900 + 100) / 100.0, 2),
           'USD', at.like::date, upper(m.canonical_name) || ' ' || k.n % 10000, hashtextextended(m.canonical_name, 0),
           CASE WHEN k.n % 8 > 0 THEN m.id END, CASE WHEN k.n % 8 > 0 THEN m.category ELSE 'Uncategorized' END,
           (CASE WHEN n.n % 20 = 0 THEN 'manual' ELSE 'csv' END)::transaction_source,
           CASE WHEN n.n % 20 = 0 THEN 'bought with friends' END, '{}',
           CASE WHEN n.n % 20 > 0 THEN pg_temp.uuid_at(at.imported, u.id || '/import/' || (n.n - 1) / 5000) END,
           CASE WHEN n.n > k.n THEN pg_temp.uuid_at(at.like, u.id || '/' || k.n) END,
           n.n % 200 = 13, CASE WHEN n.n % 200 = 13 THEN at.own END, n.n / 1000 + 1, at.own, at.own
    FROM unnest($1::uuid[]) AS u(id)
    CROSS JOIN generate_series($2::bigint, $3::bigint) AS n(n)
    CROSS JOIN LATERAL (
        SELECT l.n, hashint8extended(l.n, 7) & 2147483647 AS h,
               (hashint8extended(l.n, 8) & 1048575) / 1048576.0::float8 AS share
        FROM (SELECT n.n - (n.n % 500 = 0)::int AS n) AS l
    ) AS k
    CROSS JOIN LATERAL (
        SELECT now() - interval '1826 days' * (($4::bigint - n.n)::float8 / $4) AS own,
               now() - interval '1826 days' * (($4::bigint - k.n)::float8 / $4) AS like,
               now() - interval '1826 days'
                   * (($4::bigint - least($4, ((n.n - 1) / 5000 + 1) * 5000))::float8 / $4) AS imported
    ) AS at
    JOIN numbered m ON m.i = CASE WHEN k.n % 4 > 0 THEN floor(least($5::bigint, 2000) * k.share ^ 2)::bigint
                                  ELSE floor($5 * k.share)::bigint END
    ORDER BY 1, n.n";

/// What the triggers would have kept, of everybody at once.
const TOTALS: &str = "
    INSERT INTO transaction_totals (user_id, category, currency, month, count, total)
    SELECT user_id, category, currency, date_trunc('month', date)::date, count(*), sum(amount)
    FROM transactions JOIN seeded s ON s.id = user_id WHERE NOT is_deleted GROUP BY 1, 2, 3, 4;
    UPDATE user_seq s SET transactions = d.count
    FROM (SELECT user_id, sum(count) AS count FROM transaction_totals GROUP BY 1) AS d, seeded
    WHERE s.user_id = d.user_id AND s.user_id = seeded.id;";

/// The indexes that are no constraint's, and what makes them again: rows go in ten times as fast without.
const INDEXES: &str = "
    SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i
    WHERE indrelid IN ('transactions'::regclass, 'embeddings'::regclass)
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid)";

/// The address of the one user who has so many transactions.
pub fn email(rows: i64) -> String {
    format!("scale-{rows}@example.com")
}

/// Adds users with their transactions, budgets, imports and the rest. A superuser must run it, because triggers are off
/// meanwhile; all or nothing is done. False if they are there already.
pub async fn ledgers(conn: &mut PgConnection, ledgers: Ledgers, hash: &str) -> Result<bool> {
    let mut tx = conn.begin().await?;
    let there = "SELECT EXISTS (SELECT FROM users WHERE email LIKE 'scale-%@example.com')";
    if sqlx::query_scalar(there).fetch_one(&mut *tx).await? {
        return Ok(false);
    }
    let started = Instant::now();
    // What takes minutes here would be undone by the timeouts that keep a request from it.
    for sql in ["SET LOCAL session_replication_role = replica", "SET LOCAL maintenance_work_mem = '256MB'", PREPARED] {
        sqlx::raw_sql(sql).execute(&mut *tx).await.context("only a superuser may fill the database")?;
    }
    let indexes: Vec<(String, String)> = sqlx::query_as(INDEXES).fetch_all(&mut *tx).await?;
    for (name, _) in &indexes {
        sqlx::raw_sql(AssertSqlSafe(format!("DROP INDEX {name}"))).execute(&mut *tx).await?;
    }
    let merchants: i64 = sqlx::query_scalar("SELECT count(*) FROM numbered").fetch_one(&mut *tx).await?;
    let all: i64 = ledgers.iter().map(|(count, rows)| i64::try_from(*count).unwrap_or(0).saturating_mul(*rows)).sum();
    let mut done = 0;
    for (count, rows) in ledgers {
        let new = sqlx::query_scalar(USERS).bind(i64::try_from(*count)?).bind(rows).bind(hash);
        let users: Vec<Uuid> = new.fetch_all(&mut *tx).await?;
        for some in users.chunks(usize::try_from(PART / rows)?.max(1)) {
            for first in (1..=*rows).step_by(usize::try_from(PART)?) {
                let last = first.saturating_add(PART).saturating_sub(1).min(*rows);
                let part = sqlx::query(TRANSACTIONS).bind(some).bind(first).bind(last).bind(rows).bind(merchants);
                done += i64::try_from(part.execute(&mut *tx).await?.rows_affected())?;
                eprintln!("{done} of {all} transactions after {} s", started.elapsed().as_secs());
            }
        }
    }
    sqlx::raw_sql(TOTALS).execute(&mut *tx).await?;
    beside::fill(&mut tx).await?;
    eprintln!("totals, budgets and imports after {} s", started.elapsed().as_secs());
    for (_, definition) in indexes {
        sqlx::raw_sql(AssertSqlSafe(definition)).execute(&mut *tx).await?;
    }
    tx.commit().await?;
    eprintln!("indexes after {} s", started.elapsed().as_secs());
    sqlx::raw_sql("VACUUM (ANALYZE)").execute(conn).await?;
    eprintln!("done after {} s", started.elapsed().as_secs());
    Ok(true)
}
