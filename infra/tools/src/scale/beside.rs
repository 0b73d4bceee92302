//! What users have beside their transactions.

use anyhow::Result;
use sqlx::PgConnection;

/// An import for the rows that say they came with it, and three rows of each that could not be read.
const IMPORTS: &str = "
    WITH i AS (
        INSERT INTO imports (user_id, id, status, file_key, file_name, size_bytes, currency, rows_total, rows_imported,
            rows_failed, next_row, changed_seq, created_at, updated_at, finished_at)
        SELECT t.user_id, t.import_id, 'completed', 'imports/' || t.user_id || '/' || t.import_id, 'statement.csv',
               count(*) * 60, 'USD', count(*) + 3, count(*), 3, count(*) + 3, max(t.changed_seq), max(t.created_at),
               max(t.created_at), max(t.created_at)
        FROM transactions t JOIN seeded s ON s.id = t.user_id WHERE t.import_id IS NOT NULL GROUP BY 1, 2
        RETURNING user_id, id
    )
    INSERT INTO import_errors (user_id, import_id, line, column_name, code, detail)
    SELECT user_id, id, line * 7, 'Amount', 'bad_amount', 'Not an amount: n/a.' FROM i, generate_series(1, 3) AS line";

/// Monthly budgets in the categories that have the most transactions: a year of them for whoever has many. Too generous
/// to be exceeded, because an alert is another thing to measure.
const BUDGETS: &str = "
    WITH c AS (
        SELECT s.id AS user_id, c.category, s.rows
        FROM seeded s CROSS JOIN LATERAL (
            SELECT category FROM transaction_totals t WHERE t.user_id = s.id GROUP BY 1
            ORDER BY sum(count) DESC, 1 LIMIT CASE WHEN s.rows > 1000 THEN 10 ELSE 3 END
        ) AS c
    ), b AS (
        INSERT INTO budgets (user_id, id, category, currency, changed_seq)
        SELECT user_id, pg_temp.uuid_at(now(), user_id || '/budget/' || category), category, 'USD', 1 FROM c
        RETURNING user_id, id
    )
    INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount)
    SELECT b.user_id, b.id, start.day, (start.day + interval '1 month - 1 day')::date, 1000000
    FROM b JOIN seeded s ON s.id = b.user_id
    CROSS JOIN generate_series(0, CASE WHEN s.rows > 1000 THEN 11 ELSE 1 END) AS ago(months)
    CROSS JOIN LATERAL (SELECT (date_trunc('month', now()) - interval '1 month' * ago.months)::date AS day) AS start";

/// One transaction in two hundred was corrected; a training has taken all of that, or each request would begin one.
const CORRECTIONS: &str = "
    WITH c AS (
        INSERT INTO user_corrections (user_id, id, transaction_id, merchant_id, merchant_key, old_category, new_category,
            created_at, training_id)
        SELECT t.user_id, pg_temp.uuid_at(t.created_at, t.id || '/correction'), t.id, t.merchant_id, t.merchant_key,
               'Uncategorized', t.category, t.created_at, pg_temp.uuid_at(now(), 'training')
        FROM transactions t JOIN seeded s ON s.id = t.user_id
        WHERE NOT t.is_deleted AND t.merchant_id IS NOT NULL AND uuid_hash(t.id) % 200 = 0
        RETURNING created_at, training_id
    )
    INSERT INTO trainings (id, version, corrections, first_at, last_at, requested_at)
    SELECT training_id, (SELECT coalesce(max(version), 0) FROM trainings) + row_number() OVER (ORDER BY training_id), count(*),
           min(created_at), max(created_at), now()
    FROM c GROUP BY 1";

/// The newest transactions of one user: those at one merchant mean nearly the same.
const EMBEDDINGS: &str = "
    INSERT INTO embeddings (user_id, id, transaction_id, vector)
    SELECT t.user_id, pg_temp.uuid_at(t.created_at, t.id || '/embedding'), t.id, (
               SELECT array_agg(
                          ((hashint8extended(t.merchant_key, j) & 65535) / 32768.0 - 1
                           + ((uuid_hash_extended(t.id, j) & 65535) / 32768.0 - 1) * 0.3)::real ORDER BY j
                      )
               FROM generate_series(1, 384) AS j
           )::vector
    FROM (
        SELECT t.* FROM transactions t JOIN seeded s ON s.id = t.user_id
        WHERE s.rows = 100000 AND NOT t.is_deleted ORDER BY t.id DESC LIMIT 10000
    ) AS t";

/// The last day's frames of those who have many transactions, all handed over, and two saved mappings.
const EVENTS: &str = "
    INSERT INTO events (user_id, seq, type, data, created_at)
    SELECT s.id, n, 'transaction_update', jsonb_build_object('id', s.id), now() - interval '1 minute' * (1000 - n)
    FROM seeded s, generate_series(1, 1000) AS n WHERE s.rows > 1000;
    UPDATE user_seq u SET seq = 1000, pushed_seq = 1000 FROM seeded s WHERE u.user_id = s.id AND s.rows > 1000;
    INSERT INTO import_mappings (user_id, id, name, mapping)
    SELECT s.id, pg_temp.uuid_at(now(), s.id || name), name, jsonb_build_object('date', 'Date', 'amount', 'Amount')
    FROM seeded s, unnest(ARRAY['Savings bank', 'Credit card']) AS name;";

/// Holdings in two currencies, most of them valued: five hundred of whoever has many transactions.
const HOLDINGS: &str = "
    INSERT INTO portfolio_holdings (user_id, id, asset_type, identifier, units, cost_basis, last_valuation, valued_at,
        currency, changed_seq)
    SELECT s.id, pg_temp.uuid_at(now(), s.id || '/holding/' || n), (enum_range(NULL::asset_type))[1 + n % 7], 'ASSET' || n,
           n * 0.125, CASE WHEN n % 11 > 0 THEN n * 90.01 END, CASE WHEN n % 5 > 0 THEN n * 100.01 END,
           CASE WHEN n % 5 > 0 THEN now() - interval '6 hours' * (n % 50) END, CASE WHEN n % 4 > 0 THEN 'USD' ELSE 'EUR' END, 1
    FROM seeded s, generate_series(1, CASE WHEN s.rows > 1000 THEN 500 ELSE 5 END) AS n";

/// Fills the tables around the transactions of the users in `seeded`.
pub async fn fill(conn: &mut PgConnection) -> Result<()> {
    for sql in [IMPORTS, BUDGETS, CORRECTIONS, EMBEDDINGS, EVENTS, HOLDINGS] {
        sqlx::raw_sql(sql).execute(&mut *conn).await?;
    }
    Ok(())
}
