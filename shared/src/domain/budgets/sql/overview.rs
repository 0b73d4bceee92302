//! Statements on what was spent over time.

use crate::{domain::pages::Place, platform::db::Tx};
use rust_decimal::Decimal;
use sqlx::Error;
use time::Date;
use uuid::Uuid;

/// A category's month beside the one before.
pub struct Months {
    pub category: String,
    pub currency: String,
    pub this: Decimal,
    pub previous: Decimal,
}

/// What each category cost in a month, given by its first day, and in the one before.
pub async fn months(tx: &mut Tx, user_id: Uuid, month: Date) -> Result<Vec<Months>, Error> {
    sqlx::query_as!(
        Months,
        r#"SELECT category, currency, coalesce(sum(total) FILTER (WHERE month = $2), 0) AS "this!",
                  coalesce(sum(total) FILTER (WHERE month < $2), 0) AS "previous!"
           FROM transaction_totals
           WHERE user_id = $1 AND month <= $2 AND month >= $2::date - interval '1 month' AND count > 0
           GROUP BY category, currency"#,
        user_id,
        month,
    )
    .fetch_all(tx)
    .await
}

/// What a category costs.
pub struct Cost {
    pub category: String,
    pub currency: String,
    pub months: i32,
    pub mean: Decimal,
    /// Whether there is a budget already.
    pub budgeted: bool,
}

pub async fn means(tx: &mut Tx, user_id: Uuid, today: Date) -> Result<Vec<Cost>, Error> {
    sqlx::query_as!(
        Cost,
        r#"SELECT m.category AS "category!", m.currency AS "currency!", m.months AS "months!", round(m.mean, 6) AS "mean!",
                  b.id IS NOT NULL AS "budgeted!"
           FROM budget_means($1, $2) AS m
           LEFT JOIN budgets b
               ON b.user_id = $1 AND b.category = m.category AND b.currency = m.currency AND NOT b.is_deleted"#,
        user_id,
        today,
    )
    .fetch_all(tx)
    .await
}

pub async fn is_budgeted(tx: &mut Tx, user_id: Uuid, category: &str, currency: &str) -> Result<bool, Error> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM budgets
                          WHERE user_id = $1 AND category = $2 AND currency = $3 AND NOT is_deleted) AS "is!""#,
        user_id,
        category,
        currency,
    )
    .fetch_one(tx)
    .await
}

/// A period that has begun.
pub struct Past {
    pub budget_id: Uuid,
    pub category: String,
    pub currency: String,
    pub start_date: Date,
    pub end_date: Date,
    pub amount: Decimal,
    pub spent: Decimal,
}

/// Which periods of the past.
pub struct Range<'a> {
    pub category: Option<&'a str>,
    pub currency: Option<&'a str>,
    /// After this place, newest first.
    pub after: Option<Place>,
    pub offset: i64,
    pub limit: i64,
}

/// Periods that have begun, the latest first, and how many there are. Only those of the page are summed.
pub async fn past(tx: &mut Tx, user_id: Uuid, today: Date, range: &Range<'_>) -> Result<(Vec<Past>, i64), Error> {
    let rows = sqlx::query!(
        r#"WITH found AS MATERIALIZED (
               SELECT b.id, b.category, b.currency, p.start_date, p.end_date, p.amount
               FROM budgets b JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id
               WHERE b.user_id = $1 AND NOT b.is_deleted AND p.start_date <= $2
                 AND ($3::text IS NULL OR b.category = $3) AND ($4::text IS NULL OR b.currency = $4)
           ), page AS MATERIALIZED (
               SELECT * FROM found
               WHERE $5::date IS NULL OR (start_date, id) < ($5, $6::uuid)
               ORDER BY start_date DESC, id DESC LIMIT $7 OFFSET $8
           )
           SELECT c.total AS "total!", page.id AS "id?", page.category AS "category?", page.currency AS "currency?",
                  page.start_date AS "start?", page.end_date AS "end?", page.amount AS "amount?", s.spent
           FROM (SELECT count(*) AS total FROM found) AS c
           LEFT JOIN page ON true
           LEFT JOIN LATERAL budget_spent($1, page.category, page.currency, page.start_date, page.end_date) AS s ON true
           ORDER BY page.start_date DESC, page.id DESC"#,
        user_id,
        today,
        range.category,
        range.currency,
        range.after.map(|place| place.date),
        range.after.map(|place| place.id),
        range.limit,
        range.offset,
    )
    .fetch_all(tx)
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let past = rows.into_iter().filter_map(|row| {
        let (budget_id, category, currency) = (row.id?, row.category?, row.currency?);
        let (start_date, end_date, amount) = (row.start?, row.end?, row.amount?);
        let spent = row.spent.unwrap_or_default();
        Some(Past { budget_id, category, currency, start_date, end_date, amount, spent })
    });
    Ok((past.collect(), total))
}
