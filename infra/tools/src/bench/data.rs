//! A database of its own, and the users in it that requests are measured by.

use crate::{migrate, scale};
use anyhow::{Context, Result, anyhow};
use shared::{
    domain::{auth::dummy_hash, merchants::import_csv},
    platform::{
        clock,
        db::Db,
        jwt::{ISSUER, sha256},
    },
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use std::fs;
use uuid::Uuid;

const NAME: &str = "tallybook_bench";
const MERCHANTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/merchants.csv");
/// Transactions of the user that is asked about, and of those with the shortest and the longest history.
const ROWS: i64 = 100_000;
const EDGES: [i64; 2] = [4_500, 1_000_000];
const SOME: scale::Ledgers = &[(1, 4_500), (1, ROWS), (100, 955)];
/// How many requests can each have something of their own to change.
pub const POOL: i64 = 400;

/// Live transactions that nothing else is asked of.
const LIVE: &str = "
    SELECT id FROM transactions
    WHERE user_id = $1 AND NOT is_deleted AND duplicate_of IS NULL AND NOT duplicate_kept AND import_id IS NOT NULL
    ORDER BY date DESC, id DESC LIMIT $2";

/// Budgets whose month is over: to be renewed, and then deleted.
const OVER: &str = "
    WITH b AS (
        INSERT INTO budgets (user_id, id, category, currency, changed_seq)
        SELECT $1, gen_random_uuid(), 'Bench ' || gen_random_uuid(), 'USD', 1 FROM generate_series(1, 120)
        RETURNING user_id, id
    ), p AS (
        INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount)
        SELECT user_id, id, (date_trunc('month', now()) - interval '1 month')::date, date_trunc('month', now())::date - 1, 100 FROM b
    )
    SELECT id FROM b";

/// Merges that can be undone: each of `$1` went into the one beside it in `$2`.
const MERGES: &str = "
    WITH p AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS p(gone, stays)
    ), names AS (
        UPDATE merchant_aliases a SET merchant_id = p.stays FROM p WHERE a.merchant_id = p.gone RETURNING p.gone, a.alias_key
    ), moved AS (
        UPDATE merchant_master m SET merged_into = p.stays FROM p WHERE m.id = p.gone
    )
    INSERT INTO merchant_merges (id, from_id, into_id, status, alias_keys)
    SELECT gen_random_uuid(), p.gone, p.stays, 'moved', ARRAY(SELECT alias_key FROM names n WHERE n.gone = p.gone) FROM p
    RETURNING id";

const HOLDINGS: &str = "SELECT id FROM portfolio_holdings WHERE user_id = $1 AND NOT is_deleted ORDER BY id LIMIT $2";

/// Forty charges that recur, or did, as a night finds them.
const SUBSCRIPTIONS: &str = "
    WITH made AS (
        INSERT INTO recurrences (user_id, id, merchant_key, currency, price, name, cadence, amount, amount_mean, period_days,
            next_expected_date, lapses_on, is_active, confidence, evidence, changed_seq)
        SELECT $1, gen_random_uuid(), n, 'USD', 0, 'Subscription ' || n, 'monthly', n, n, 30, now()::date + 30 - n, now()::date + 60 - n, n % 4 <> 0, 0.9,
               jsonb_build_object('charges', 12, 'first_date', now()::date - 360, 'last_date', now()::date - n, 'regularity', 1,
                   'steadiness', 1, 'price_change', NULL, 'recent', (
                       SELECT jsonb_agg(jsonb_build_object('transaction_id', gen_random_uuid(),
                           'date', now()::date - 30 * m, 'amount', '9.99')) FROM generate_series(1, 12) AS m)), 0
        FROM generate_series(1, 40) AS n
        ON CONFLICT DO NOTHING
    )
    SELECT";

const SUBSCRIBED: &str = "SELECT id FROM recurrences WHERE user_id = $1 ORDER BY id LIMIT $2";

/// A week of tasks, of which some failed.
const RUNS: &str = "WITH made AS (
    INSERT INTO task_runs (id, kind, queue, status, attempt, args, created_at, sent_at, started_at, finished_at)
    SELECT gen_random_uuid(), (ARRAY['sweep', 'mail', 'import'])[1 + n % 3], (ARRAY['scheduled', 'default', 'high'])[1 + n % 3],
           CASE WHEN n % 500 = 0 THEN 'dead' ELSE 'succeeded' END, 1, '{}', at, at, at + interval '20 ms', at + interval '90 ms'
    FROM generate_series(1, 30000) AS n, LATERAL (SELECT now() - n * interval '20 seconds') AS t(at)
    RETURNING id
)
SELECT id FROM made LIMIT $1";

/// Service tokens that open nothing, to be revoked.
const SERVICES: &str = "
    INSERT INTO service_tokens (id, name, token_hash, scopes)
    SELECT id, 'bench', sha256(id::text::bytea), ARRAY['anchors:write'] FROM (
        SELECT gen_random_uuid() AS id FROM generate_series(1, $1::bigint)
    ) AS new
    RETURNING id";

/// A tree of one leaf, of a transaction of the user's.
const TREE: &str = "
    WITH l AS (
        SELECT $2::uuid || ' ' || clock_timestamp() AS leaf
    ), b AS (
        INSERT INTO merkle_batches (id, batch_date, transaction_count, root_hash, sealed_at)
        SELECT gen_random_uuid(), coalesce(max(batch_date), '2000-01-01') + 1, 1,
               encode(sha256('\\x00'::bytea || convert_to((SELECT leaf FROM l), 'UTF8')), 'hex'), now()
        FROM merkle_batches
        RETURNING id, root_hash
    ), t AS (
        INSERT INTO merkle_tiles (batch_id, level, tile, hashes) SELECT id, 0, 0, decode(root_hash, 'hex') FROM b
    )
    INSERT INTO merkle_leaves (user_id, transaction_id, revision, batch_id, leaf_index, leaf)
    SELECT $1, $2::uuid, 0, id, 0, leaf FROM b, l";

/// What a program sends.
pub const SERVICE_TOKEN: &str = "tbs_bench";

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

/// Somebody with sessions and with things to ask for.
pub struct User {
    pub id: Uuid,
    /// One that stays, and then those that end.
    pub sessions: Vec<Uuid>,
    /// How many transactions are theirs.
    pub rows: i64,
    /// How many of them are not deleted.
    pub live_rows: i64,
    /// One of them, from the middle of the years.
    pub transaction_id: Uuid,
    /// A category with many.
    pub category: String,
    /// A merchant with some.
    pub merchant_id: Uuid,
    pub live: Vec<Uuid>,
    /// One that looks like another.
    pub lookalike: Uuid,
    pub import_id: Uuid,
    /// One that holds today.
    pub budget_id: Uuid,
    /// Some that are over.
    pub over: Vec<Uuid>,
    /// One with an embedding, if there are any.
    pub embedded: Option<Uuid>,
    /// Merchants to be merged, and merges to be undone; of the one who is an administrator.
    pub merchants: Vec<Uuid>,
    pub merges: Vec<Uuid>,
    /// Holdings to be changed and deleted.
    pub holdings: Vec<Uuid>,
    pub subscriptions: Vec<Uuid>,
    /// Service tokens to be revoked; of the one who is an administrator.
    pub services: Vec<Uuid>,
    /// Runs of tasks to be looked at; of the one who is an administrator.
    pub runs: Vec<Uuid>,
}

impl Data {
    /// Makes the database anew. `full` has ten times the rows and fifty times the merchants.
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
        let mut conn = admin.connect().await?;
        if full {
            scale::merchants(&mut conn, scale::MERCHANTS).await?;
        }
        scale::ledgers(&mut conn, if full { scale::FULL } else { SOME }, &dummy_hash()).await?;
        Self::open(url).await
    }

    /// Finds the database that an earlier run kept.
    pub async fn open(url: &str) -> Result<Self> {
        let server: PgConnectOptions = url.parse().context("DATABASE_URL is no Postgres URL")?;
        let admin = server.clone().database(NAME);
        migrate::run(admin.to_url_lossy().as_str(), None).await?;
        let mut conn = admin.connect().await.context("there is no database of an earlier run: leave --reuse out")?;
        let mut user = User::of(&mut conn, ROWS).await?.context("nobody has 100,000 transactions")?;
        user.administrate(&mut conn).await?;
        let mut others = Vec::new();
        for rows in EDGES {
            others.extend(User::of(&mut conn, rows).await?);
        }
        let all = "SELECT sum(transactions)::bigint FROM user_seq";
        let rows = sqlx::query_scalar(all).fetch_one(&mut conn).await?;
        // What autovacuum does in its own time, and a checkpoint that would else come while the clock runs.
        for sql in ["VACUUM (ANALYZE)", "CHECKPOINT"] {
            sqlx::raw_sql(sql).execute(&mut conn).await?;
        }
        conn.close().await?;
        Ok(Self { server, admin, user, others, rows })
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
    /// The one who has so many transactions.
    async fn of(conn: &mut PgConnection, rows: i64) -> Result<Option<Self>> {
        let found = sqlx::query_scalar("SELECT id FROM users WHERE email = $1").bind(scale::email(rows));
        let Some(id): Option<Uuid> = found.fetch_optional(&mut *conn).await? else { return Ok(None) };
        let sessions: Vec<_> = (0..=POOL).map(|_| Uuid::now_v7()).collect();
        let hashes: Vec<_> = sessions.iter().map(|session| sha256(session.to_string().as_bytes()).to_vec()).collect();
        sqlx::query(
            "INSERT INTO sessions (user_id, id, token_hash, last_active, expires_at)
             SELECT $1, id, hash, now(), now() + interval '1 day' FROM unnest($2::uuid[], $3::bytea[]) AS s(id, hash)",
        )
        .bind(id)
        .bind(&sessions)
        .bind(hashes)
        .execute(&mut *conn)
        .await?;
        let middle = "SELECT id, category, merchant_id FROM transactions
                      WHERE user_id = $1 AND merchant_id IS NOT NULL AND NOT is_deleted ORDER BY date, id OFFSET $2 LIMIT 1";
        let (transaction_id, category, merchant_id) =
            sqlx::query_as(middle).bind(id).bind(rows / 2).fetch_one(&mut *conn).await?;
        let one = async |conn: &mut PgConnection, sql: &'static str| -> Result<Option<Uuid>> {
            Ok(sqlx::query_scalar(sql).bind(id).fetch_optional(conn).await?)
        };
        sqlx::query(SUBSCRIPTIONS).bind(id).execute(&mut *conn).await?;
        let live = "SELECT transactions FROM user_seq WHERE user_id = $1";
        let live_rows = sqlx::query_scalar(live).bind(id).fetch_one(&mut *conn).await?;
        let lookalike = "SELECT id FROM transactions WHERE user_id = $1 AND duplicate_of IS NOT NULL AND NOT is_deleted
                         ORDER BY id LIMIT 1";
        let import = "SELECT id FROM imports WHERE user_id = $1 AND status = 'completed' ORDER BY id LIMIT 1";
        let budget = "SELECT b.id FROM budgets b JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id
                      WHERE b.user_id = $1 AND now()::date BETWEEN p.start_date AND p.end_date ORDER BY b.id LIMIT 1";
        let embedded = "SELECT transaction_id FROM embeddings WHERE user_id = $1 ORDER BY id LIMIT 1";
        Ok(Some(Self {
            id,
            sessions,
            rows,
            live_rows,
            transaction_id,
            category,
            merchant_id,
            live: sqlx::query_scalar(LIVE).bind(id).bind(POOL).fetch_all(&mut *conn).await?,
            lookalike: one(conn, lookalike).await?.context("nothing looks like another")?,
            import_id: one(conn, import).await?.context("there is no import left to revert: leave --reuse out")?,
            budget_id: one(conn, budget).await?.context("there is no budget for this month: leave --reuse out")?,
            over: Vec::new(),
            embedded: one(conn, embedded).await?,
            merchants: Vec::new(),
            merges: Vec::new(),
            holdings: sqlx::query_scalar(HOLDINGS).bind(id).bind(POOL).fetch_all(&mut *conn).await?,
            subscriptions: sqlx::query_scalar(SUBSCRIBED).bind(id).bind(POOL).fetch_all(&mut *conn).await?,
            services: Vec::new(),
            runs: Vec::new(),
        }))
    }

    /// Makes an administrator of them, with merchants to be merged, merges to be undone and budgets to be renewed.
    async fn administrate(&mut self, conn: &mut PgConnection) -> Result<()> {
        self.over = sqlx::query_scalar(OVER).bind(self.id).fetch_all(&mut *conn).await?;
        sqlx::query("UPDATE users SET is_admin = true WHERE id = $1").bind(self.id).execute(&mut *conn).await?;
        let apart = "SELECT id FROM merchant_master m WHERE merged_into IS NULL
                     AND NOT EXISTS (SELECT FROM merchant_merges g WHERE m.id IN (g.from_id, g.into_id))
                     ORDER BY created_at DESC, id DESC LIMIT $1";
        let mut all: Vec<Uuid> = sqlx::query_scalar(apart).bind(POOL * 2 + 2).fetch_all(&mut *conn).await?;
        let (into, last) = all.pop().zip(all.pop()).context("there are too few merchants left: leave --reuse out")?;
        self.merchants = all.split_off(all.len() / 2);
        self.merchants.push(into);
        let stays = vec![last; all.len()];
        self.merges = sqlx::query_scalar(MERGES).bind(all).bind(stays).fetch_all(&mut *conn).await?;
        self.runs = sqlx::query_scalar(RUNS).bind(POOL).fetch_all(&mut *conn).await?;
        sqlx::query("DELETE FROM merkle_leaves WHERE user_id = $1").bind(self.id).execute(&mut *conn).await?;
        sqlx::query(TREE).bind(self.id).bind(self.transaction_id).execute(&mut *conn).await?;
        self.services = sqlx::query_scalar(SERVICES).bind(POOL).fetch_all(&mut *conn).await?;
        sqlx::query(
            "INSERT INTO service_tokens (id, name, token_hash, scopes) VALUES ($1, 'bench', $2, ARRAY['corrections:read', 'anchors:write',
                 'transactions:write', 'anomalies:write', 'embeddings:write'])
             ON CONFLICT (token_hash) DO UPDATE SET scopes = excluded.scopes",
        )
        .bind(Uuid::now_v7())
        .bind(sha256(SERVICE_TOKEN.as_bytes()).as_slice())
        .execute(conn)
        .await?;
        Ok(())
    }

    /// What an access token of the session that stays says; or of one that ends.
    pub fn claims(&self, session: usize) -> serde_json::Value {
        let now = clock::epoch();
        serde_json::json!({
            "iss": ISSUER, "aud": ISSUER, "sub": self.id, "sid": self.sessions.get(session), "jti": Uuid::now_v7(),
            "iat": now, "nbf": now, "exp": now.saturating_add(86_400), "type": "access",
        })
    }

    /// What the first refresh token of a session says.
    pub fn refresh_claims(&self, session: usize) -> serde_json::Value {
        let mut claims = self.claims(session);
        if let (Some(claims), Some(id)) = (claims.as_object_mut(), self.sessions.get(session)) {
            claims.insert("type".into(), "refresh".into());
            claims.insert("jti".into(), id.to_string().into());
        }
        claims
    }
}
