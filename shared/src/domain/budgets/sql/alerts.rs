//! Statements on thresholds.

use crate::platform::db::Tx;
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub struct Crossed {
    pub budget_id: Uuid,
    pub start_date: Date,
    pub category: String,
    pub currency: String,
    pub amount: Decimal,
    pub spent: Decimal,
    pub threshold: i16,
}

/// Compares what was spent with the highest threshold told about, and remembers the new one. Falling below re-arms.
/// Below 100 % at most one alert an hour: a crossing within it stays untold and is told at the next check after it.
pub async fn cross(
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
           SELECT r.budget_id, r.start_date, r.category, r.currency, r.amount, r.spent AS "spent!", r.threshold AS "threshold!"
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
