//! Statements on budgets that are used up.

use crate::platform::db::Tx;
use rust_decimal::Decimal;
use sqlx::Error;
use time::Date;
use uuid::Uuid;

pub struct Raised {
    pub email: String,
    pub budget_id: Uuid,
    pub start_date: Date,
}

/// Notes up to which level a period was mailed of; those that were raised, if their user wants to hear of it.
pub async fn raise(
    tx: &mut Tx,
    user_id: Uuid,
    ids: &[Uuid],
    starts: &[Date],
    thresholds: &[i16],
    switch: &str,
) -> Result<Vec<Raised>, Error> {
    sqlx::query_as!(
        Raised,
        "UPDATE budget_periods p SET mailed = x.threshold
         FROM unnest($2::uuid[], $3::date[], $4::smallint[]) AS x(budget_id, start_date, threshold), users u
         WHERE p.user_id = $1 AND p.budget_id = x.budget_id AND p.start_date = x.start_date AND p.mailed < x.threshold
           AND u.id = $1 AND u.is_active AND u.is_verified AND u.preferences -> 'notifications' -> $5 = 'true'
         RETURNING u.email, p.budget_id, p.start_date",
        user_id,
        ids,
        starts,
        thresholds,
        switch,
    )
    .fetch_all(tx)
    .await
}

/// A budget in a period, and what was spent in it.
pub struct Used {
    pub category: String,
    pub currency: String,
    pub amount: Decimal,
    pub spent: Decimal,
    pub end_date: Date,
}

pub async fn one(tx: &mut Tx, user_id: Uuid, id: Uuid, start: Date) -> Result<Option<Used>, Error> {
    sqlx::query_as!(
        Used,
        r#"SELECT b.category, b.currency, p.amount, s.spent AS "spent!", p.end_date
           FROM budgets b JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id AND p.start_date = $3
           CROSS JOIN LATERAL budget_spent($1, b.category, b.currency, p.start_date, p.end_date) AS s
           WHERE b.user_id = $1 AND b.id = $2 AND NOT b.is_deleted"#,
        user_id,
        id,
        start,
    )
    .fetch_optional(tx)
    .await
}

/// Budgets whose period holds a day and of which more than four fifths are used, the most used first.
pub async fn strained(tx: &mut Tx, user_id: Uuid, today: Date, most: i64) -> Result<Vec<Used>, Error> {
    sqlx::query_as!(
        Used,
        r#"SELECT b.category, b.currency, p.amount, s.spent AS "spent!", p.end_date
           FROM budgets b
           JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id AND $2 BETWEEN p.start_date AND p.end_date
           CROSS JOIN LATERAL budget_spent($1, b.category, b.currency, p.start_date, p.end_date) AS s
           WHERE b.user_id = $1 AND NOT b.is_deleted AND s.spent > p.amount * 0.8
           ORDER BY s.spent / p.amount DESC, b.category, b.currency LIMIT $3"#,
        user_id,
        today,
        most,
    )
    .fetch_all(tx)
    .await
}

/// Budgets whose period ended within some days, the most used first.
pub async fn ended(tx: &mut Tx, user_id: Uuid, first: Date, last: Date, most: i64) -> Result<Vec<Used>, Error> {
    sqlx::query_as!(
        Used,
        r#"SELECT b.category, b.currency, p.amount, s.spent AS "spent!", p.end_date
           FROM budgets b
           JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id AND p.end_date BETWEEN $2 AND $3
           CROSS JOIN LATERAL budget_spent($1, b.category, b.currency, p.start_date, p.end_date) AS s
           WHERE b.user_id = $1 AND NOT b.is_deleted
           ORDER BY s.spent / p.amount DESC, b.category, b.currency, p.end_date LIMIT $4"#,
        user_id,
        first,
        last,
        most,
    )
    .fetch_all(tx)
    .await
}
