//! Statements on budgets. Every sum leaves deleted transactions out.

use super::{Budget, Percent};
use crate::{domain::money::Money, platform::db::Tx};
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Budgets with what was spent, from the totals by month and the edges of the period. `on` keeps the periods that
/// hold a date, `only` one budget.
pub(super) async fn list(
    tx: &mut Tx,
    user_id: Uuid,
    on: Option<Date>,
    only: Option<Uuid>,
    today: Date,
) -> Result<Vec<Budget>, Error> {
    let rows = sqlx::query!(
        r#"WITH months AS MATERIALIZED (
               SELECT category, currency, sum(total) / count(*) AS mean FROM transaction_totals
               WHERE user_id = $1 AND count > 0
                 AND month >= date_trunc('month', $4::date) - interval '3 months' AND month < date_trunc('month', $4::date)
               GROUP BY 1, 2
           )
           SELECT b.id, b.category, b.currency, p.amount, s.spent AS "spent!", p.start_date, p.end_date, b.auto_renew,
                  b.created_at, greatest(b.updated_at, p.updated_at) AS "updated_at!",
                  (SELECT greatest(100, round(past.mean * 1.1, 2)) FROM (SELECT coalesce(
                      (SELECT m.mean FROM months m WHERE m.category = b.category AND m.currency = b.currency),
                      (SELECT sum(t.amount) FROM transactions t
                       WHERE t.user_id = $1 AND NOT t.is_deleted AND t.category = b.category AND t.currency = b.currency
                         AND t.date >= date_trunc('month', $4::date) AND t.date <= $4)
                  ) AS mean) AS past WHERE past.mean IS NOT NULL) AS suggested
           FROM budgets b
           JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id
           CROSS JOIN LATERAL budget_spent($1, b.category, b.currency, p.start_date, p.end_date) AS s
           WHERE b.user_id = $1 AND NOT b.is_deleted
             AND ($2::date IS NULL OR $2 BETWEEN p.start_date AND p.end_date)
             AND ($3::uuid IS NULL OR b.id = $3)
           ORDER BY b.category, b.currency, p.start_date DESC"#,
        user_id,
        on,
        only,
        today,
    )
    .fetch_all(tx)
    .await?;
    let budget = |row: Decimal, spent: Decimal| (Money::of(row), Money::of(spent));
    Ok(rows
        .into_iter()
        .map(|row| {
            let (amount, spent) = budget(row.amount, row.spent);
            Budget {
                id: row.id,
                category: row.category,
                currency: row.currency,
                amount,
                spent,
                remaining: Money::of(amount.amount().saturating_sub(spent.amount())),
                percentage: Percent::of(spent, amount),
                suggested_amount: row.suggested.map(Money::of),
                start_date: row.start_date,
                end_date: row.end_date,
                auto_renew: row.auto_renew,
                created_at: row.created_at,
                updated_at: row.updated_at,
            }
        })
        .collect())
}

pub(super) struct Upsert<'a> {
    pub category: &'a str,
    pub currency: &'a str,
    pub auto_renew: Option<bool>,
    pub changed_seq: i64,
    pub now: OffsetDateTime,
}

pub(super) async fn upsert(tx: &mut Tx, user_id: Uuid, budget: &Upsert<'_>) -> Result<Uuid, Error> {
    sqlx::query_scalar!(
        "INSERT INTO budgets (user_id, id, category, currency, auto_renew, changed_seq, created_at, updated_at)
         VALUES ($1, $2, $3, $4, coalesce($5, false), $6, $7, $7)
         ON CONFLICT (user_id, category, currency) WHERE NOT is_deleted DO UPDATE
         SET auto_renew = coalesce($5, budgets.auto_renew), changed_seq = $6, updated_at = $7
         RETURNING id",
        user_id,
        Uuid::now_v7(),
        budget.category,
        budget.currency,
        budget.auto_renew,
        budget.changed_seq,
        budget.now,
    )
    .fetch_one(tx)
    .await
}

/// First days of the periods that share a day with these dates.
pub(super) async fn overlapping(
    tx: &mut Tx,
    user_id: Uuid,
    budget_id: Uuid,
    start: Date,
    end: Date,
) -> Result<Vec<Date>, Error> {
    sqlx::query_scalar!(
        "SELECT start_date FROM budget_periods WHERE user_id = $1 AND budget_id = $2 AND start_date <= $4 AND end_date >= $3",
        user_id,
        budget_id,
        start,
        end,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn insert_period(
    tx: &mut Tx,
    user_id: Uuid,
    budget_id: Uuid,
    start: Date,
    end: Date,
    amount: Decimal,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6)",
        user_id,
        budget_id,
        start,
        end,
        amount,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

#[expect(clippy::too_many_arguments, reason = "a row's key and its new values")]
pub(super) async fn change_period(
    tx: &mut Tx,
    user_id: Uuid,
    budget_id: Uuid,
    old: Date,
    start: Date,
    end: Date,
    amount: Decimal,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE budget_periods SET start_date = $4, end_date = $5, amount = $6, updated_at = $7
         WHERE user_id = $1 AND budget_id = $2 AND start_date = $3",
        user_id,
        budget_id,
        old,
        start,
        end,
        amount,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub(super) struct Crossed {
    pub budget_id: Uuid,
    pub category: String,
    pub currency: String,
    pub amount: Decimal,
    pub spent: Decimal,
    pub threshold: i16,
}

/// Compares what was spent with the highest threshold told about, and remembers the new one. Falling below re-arms.
/// Below 100 % at most one alert an hour: a crossing within it stays untold and is told at the next check after it.
pub(super) async fn cross(
    tx: &mut Tx,
    user_id: Uuid,
    today: Date,
    now: OffsetDateTime,
    categories: &[String],
    currencies: &[String],
) -> Result<Vec<Crossed>, Error> {
    sqlx::query_as!(
        Crossed,
        r#"WITH changed AS (
               SELECT DISTINCT category, currency FROM unnest($4::text[], $5::text[]) AS c(category, currency)
           ), totals AS (
               SELECT p.budget_id, p.start_date, b.category, b.currency, p.amount, p.alerted AS before, s.spent
               FROM changed c
               JOIN budgets b ON b.user_id = $1 AND b.category = c.category AND b.currency = c.currency AND NOT b.is_deleted
               JOIN budget_periods p ON p.user_id = $1 AND p.budget_id = b.id AND $2 BETWEEN p.start_date AND p.end_date
               CROSS JOIN LATERAL budget_spent($1, b.category, b.currency, p.start_date, p.end_date) AS s
           ), reached AS (
               SELECT *, (CASE WHEN spent >= amount * 1.1 THEN 110 WHEN spent >= amount THEN 100
                               WHEN spent >= amount * 0.9 THEN 90 WHEN spent >= amount * 0.8 THEN 80 ELSE 0 END)::smallint AS threshold
               FROM totals
           ), told AS (
               UPDATE budget_periods p
               SET alerted = r.threshold, alerted_at = CASE WHEN r.threshold > p.alerted THEN $3 ELSE p.alerted_at END
               FROM reached r
               WHERE p.user_id = $1 AND p.budget_id = r.budget_id AND p.start_date = r.start_date
                 AND (r.threshold < p.alerted
                      OR (r.threshold > p.alerted
                          AND (r.threshold >= 100 OR p.alerted_at IS NULL OR p.alerted_at <= $3::timestamptz - interval '1 hour')))
               RETURNING p.budget_id, r.threshold > r.before AS risen
           )
           SELECT r.budget_id, r.category, r.currency, r.amount, r.spent AS "spent!", r.threshold AS "threshold!"
           FROM reached r JOIN told ON told.budget_id = r.budget_id WHERE told.risen
           ORDER BY r.budget_id"#,
        user_id,
        today,
        now,
        categories,
        currencies,
    )
    .fetch_all(tx)
    .await
}
