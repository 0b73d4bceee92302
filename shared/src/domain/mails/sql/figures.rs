//! Statements that gather a summary's figures: from the totals by month, or from a range of dates. What moves between the
//! user's own accounts is left out.

use crate::platform::db::Tx;
use rust_decimal::Decimal;
use sqlx::Error;
use time::Date;
use uuid::Uuid;

/// What a category cost in one of the periods: in the one that is summed up (0), the one before (1), and so on.
#[derive(Clone, Debug)]
pub struct Net {
    pub currency: String,
    pub category: String,
    pub slot: i32,
    pub total: Decimal,
    pub count: i64,
}

/// By week, from a Monday's and back.
pub async fn weeks(tx: &mut Tx, user_id: Uuid, monday: Date, before: i32) -> Result<Vec<Net>, Error> {
    sqlx::query_as!(
        Net,
        r#"SELECT t.currency, t.category, ($2::date + 6 - t.date) / 7 AS "slot!", sum(t.amount) AS "total!",
                  count(*) AS "count!"
           FROM transactions t
           WHERE t.user_id = $1 AND NOT t.is_deleted AND t.date >= $2::date - 7 * $3::integer AND t.date <= $2::date + 6
             AND t.category NOT IN (SELECT name FROM categories WHERE kind = 'transfer')
           GROUP BY 1, 2, 3"#,
        user_id,
        monday,
        before,
    )
    .fetch_all(tx)
    .await
}

/// By month, from one given by its first day and back.
pub async fn months(tx: &mut Tx, user_id: Uuid, month: Date, before: i32) -> Result<Vec<Net>, Error> {
    sqlx::query_as!(
        Net,
        r#"SELECT currency, category,
                  ((extract(year FROM $2::date) - extract(year FROM month)) * 12
                   + extract(month FROM $2::date) - extract(month FROM month))::integer AS "slot!",
                  total, count::bigint AS "count!"
           FROM transaction_totals
           WHERE user_id = $1 AND month <= $2 AND month >= $2::date - make_interval(months => $3) AND count > 0
             AND category NOT IN (SELECT name FROM categories WHERE kind = 'transfer')"#,
        user_id,
        month,
        before,
    )
    .fetch_all(tx)
    .await
}

/// A merchant, and what was spent there.
pub struct Merchant {
    pub currency: String,
    pub name: String,
    pub total: Decimal,
    pub times: i64,
}

/// Where most was spent in some days, a few by currency.
pub async fn merchants(tx: &mut Tx, user_id: Uuid, first: Date, last: Date, most: i64) -> Result<Vec<Merchant>, Error> {
    sqlx::query_as!(
        Merchant,
        r#"SELECT currency AS "currency!", name AS "name!", total AS "total!", times AS "times!"
           FROM (
               SELECT t.currency, coalesce(m.canonical_name, min(t.merchant_raw)) AS name, sum(t.amount) AS total,
                      count(*) AS times,
                      row_number() OVER (
                          PARTITION BY t.currency ORDER BY sum(t.amount) DESC, coalesce(m.canonical_name, min(t.merchant_raw))
                      ) AS place
               FROM transactions t LEFT JOIN merchant_master m ON m.id = t.merchant_id
               WHERE t.user_id = $1 AND NOT t.is_deleted AND t.date >= $2 AND t.date <= $3
                 AND t.category NOT IN (SELECT name FROM categories WHERE kind = 'transfer')
               GROUP BY t.currency, t.merchant_id, m.canonical_name, CASE WHEN t.merchant_id IS NULL THEN t.merchant_key END
               HAVING sum(t.amount) > 0
           ) AS ranked
           WHERE place <= $4 ORDER BY currency, place"#,
        user_id,
        first,
        last,
        most,
    )
    .fetch_all(tx)
    .await
}

/// A transaction.
pub struct Large {
    pub currency: String,
    pub name: String,
    pub category: String,
    pub amount: Decimal,
    pub date: Date,
}

/// The largest of some days, a few by currency. Found in the index; the rows themselves are read of those alone, one by one
/// (`OFFSET 0`): Postgres takes a third of a month for what is left of it, and would read the whole table to join that.
pub async fn largest(tx: &mut Tx, user_id: Uuid, first: Date, last: Date, most: i64) -> Result<Vec<Large>, Error> {
    sqlx::query_as!(
        Large,
        r#"WITH found AS MATERIALIZED (
               SELECT id, place FROM (
                   SELECT t.id, row_number() OVER (PARTITION BY t.currency ORDER BY t.amount DESC, t.date DESC, t.id DESC) AS place
                   FROM transactions t
                   WHERE t.user_id = $1 AND NOT t.is_deleted AND t.date >= $2 AND t.date <= $3 AND t.amount > 0
                     AND t.category NOT IN (SELECT name FROM categories WHERE kind = 'transfer')
               ) AS ranked WHERE place <= $4
           )
           SELECT t.currency, coalesce(m.canonical_name, t.merchant_raw) AS "name!", t.category, t.amount, t.date
           FROM found
           CROSS JOIN LATERAL (SELECT * FROM transactions o WHERE o.user_id = $1 AND o.id = found.id OFFSET 0) AS t
           LEFT JOIN merchant_master m ON m.id = t.merchant_id
           ORDER BY t.currency, found.place"#,
        user_id,
        first,
        last,
        most,
    )
    .fetch_all(tx)
    .await
}

/// A charge that is expected.
pub struct Charge {
    pub name: String,
    pub currency: String,
    pub amount: Decimal,
    pub date: Date,
}

/// Charges that are expected on some days. One whose merchant nobody knows goes by its category.
pub async fn upcoming(tx: &mut Tx, user_id: Uuid, first: Date, last: Date, most: i64) -> Result<Vec<Charge>, Error> {
    sqlx::query_as!(
        Charge,
        r#"SELECT coalesce(m.canonical_name, r.name) AS "name!", r.currency, r.amount,
                  r.next_expected_date AS date
           FROM recurrences r LEFT JOIN merchant_master m ON m.id = r.merchant_id
           WHERE r.user_id = $1 AND r.is_active
             AND r.next_expected_date >= $2 AND r.next_expected_date <= $3
           ORDER BY r.next_expected_date, 1, r.id LIMIT $4"#,
        user_id,
        first,
        last,
        most,
    )
    .fetch_all(tx)
    .await
}

/// A merchant that came or went.
pub struct Changed {
    pub name: String,
    pub is_new: bool,
}

/// Merchants of a month, given by its first day, that there were none of before; and those of each of the three months
/// before that are not in it. A few of both.
pub async fn changed_merchants(tx: &mut Tx, user_id: Uuid, month: Date, most: i64) -> Result<Vec<Changed>, Error> {
    sqlx::query_as!(
        Changed,
        r#"WITH seen AS MATERIALIZED (
               SELECT t.merchant_id, count(*) FILTER (WHERE t.date >= $2) AS times, count(*) AS all_times,
                      count(DISTINCT date_trunc('month', t.date)) FILTER (WHERE t.date < $2) AS months
               FROM transactions t
               WHERE t.user_id = $1 AND NOT t.is_deleted AND t.merchant_id IS NOT NULL
                 AND t.date >= $2::date - interval '3 months' AND t.date < $2::date + interval '1 month'
                 AND t.category NOT IN (SELECT name FROM categories WHERE kind = 'transfer')
               GROUP BY t.merchant_id
           ), changed AS (
               SELECT merchant_id, times > 0 AS is_new,
                      row_number() OVER (PARTITION BY times > 0 ORDER BY all_times DESC, merchant_id) AS place
               FROM seen
               WHERE times = 0 AND months = 3
                  OR months = 0 AND NOT EXISTS (
                      SELECT FROM transactions o
                      WHERE o.user_id = $1 AND o.merchant_id = seen.merchant_id AND NOT o.is_deleted
                        AND o.date < $2::date - interval '3 months')
           )
           SELECT m.canonical_name AS name, c.is_new AS "is_new!"
           FROM changed c JOIN merchant_master m ON m.id = c.merchant_id
           WHERE c.place <= $3 ORDER BY c.is_new DESC, c.place"#,
        user_id,
        month,
        most,
    )
    .fetch_all(tx)
    .await
}
