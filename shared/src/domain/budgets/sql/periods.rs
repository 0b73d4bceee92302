//! Statements on budgets' periods.

use crate::platform::db::Tx;
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

pub struct Upsert<'a> {
    pub category: &'a str,
    pub currency: &'a str,
    pub auto_renew: Option<bool>,
    pub changed_seq: i64,
    pub now: OffsetDateTime,
}

pub async fn upsert(tx: &mut Tx, user_id: Uuid, budget: &Upsert<'_>) -> Result<Uuid, Error> {
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
pub async fn overlapping(
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

/// A period and its limit.
pub struct Period {
    pub start: Date,
    pub end: Date,
    pub amount: Decimal,
    /// The day that periods begin on, where this one begins before it.
    pub anchor: Option<i16>,
}

pub async fn insert_period(
    tx: &mut Tx,
    user_id: Uuid,
    budget_id: Uuid,
    period: &Period,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount, anchor_day, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        user_id,
        budget_id,
        period.start,
        period.end,
        period.amount,
        period.anchor,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Other dates begin on a day of their own.
pub async fn change_period(
    tx: &mut Tx,
    user_id: Uuid,
    budget_id: Uuid,
    old: Date,
    period: &Period,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE budget_periods
         SET start_date = $4, end_date = $5, amount = $6, updated_at = $7,
             anchor_day = CASE WHEN start_date = $4 AND end_date = $5 THEN anchor_day END
         WHERE user_id = $1 AND budget_id = $2 AND start_date = $3",
        user_id,
        budget_id,
        old,
        period.start,
        period.end,
        period.amount,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// A budget and its latest period.
pub struct Latest {
    pub id: Uuid,
    pub category: String,
    pub currency: String,
    pub changed_seq: i64,
    pub start: Date,
    pub end: Date,
    pub amount: Decimal,
    pub anchor: Option<i16>,
    /// Whether there is one before it.
    pub renewed: bool,
}

/// One budget by its id, or all that renew themselves and are over.
pub async fn latest(tx: &mut Tx, user_id: Uuid, only: Option<Uuid>, today: Date) -> Result<Vec<Latest>, Error> {
    sqlx::query_as!(
        Latest,
        r#"SELECT b.id, b.category, b.currency, b.changed_seq, p.start_date AS start, p.end_date AS end, p.amount,
                  p.anchor_day AS anchor,
                  EXISTS (SELECT FROM budget_periods q
                          WHERE q.user_id = $1 AND q.budget_id = b.id AND q.start_date < p.start_date) AS "renewed!"
           FROM budgets b JOIN budget_periods p ON p.user_id = b.user_id AND p.budget_id = b.id AND p.end_date = b.ends_on
           WHERE b.user_id = $1 AND NOT b.is_deleted
             AND (b.id = $2 OR $2::uuid IS NULL AND b.auto_renew AND b.ends_on < $3)
           ORDER BY b.id"#,
        user_id,
        only,
        today,
    )
    .fetch_all(tx)
    .await
}

/// Marks budgets as changed.
pub async fn touch(
    tx: &mut Tx,
    user_id: Uuid,
    ids: &[Uuid],
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE budgets SET changed_seq = $3, updated_at = $4 WHERE user_id = $1 AND id = ANY($2)",
        user_id,
        ids,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Stays as a tombstone, for clients that sync.
pub async fn delete(tx: &mut Tx, user_id: Uuid, id: Uuid, changed_seq: i64, now: OffsetDateTime) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE budgets SET is_deleted = true, deleted_at = $4, changed_seq = $3, updated_at = $4
         WHERE user_id = $1 AND id = $2",
        user_id,
        id,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// A user with budgets to renew.
pub struct Due {
    pub user_id: Uuid,
    pub today: Date,
}

/// Users after an id whose budgets renew themselves and are over where they live. The first condition is the index's:
/// nowhere is it later than fourteen hours after UTC.
pub async fn due(tx: &mut Tx, after: Uuid, now: OffsetDateTime, limit: i64) -> Result<Vec<Due>, Error> {
    sqlx::query_as!(
        Due,
        r#"SELECT b.user_id, ($2::timestamptz AT TIME ZONE u.timezone)::date AS "today!"
           FROM budgets b JOIN users u ON u.id = b.user_id AND u.is_active
           WHERE b.auto_renew AND NOT b.is_deleted AND b.user_id > $1
             AND b.ends_on < (($2::timestamptz + interval '14 hours') AT TIME ZONE 'UTC')::date
             AND b.ends_on < ($2::timestamptz AT TIME ZONE u.timezone)::date
           GROUP BY 1, 2 ORDER BY 1 LIMIT $3"#,
        after,
        now,
        limit,
    )
    .fetch_all(tx)
    .await
}
