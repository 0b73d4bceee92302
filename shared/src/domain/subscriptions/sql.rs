//! Statements on charges that recur: what users see of them.

pub(super) mod reminders;
pub(super) mod series;

use super::{Evidence, Subscription};
use crate::{
    domain::{money::Money, pages::Place},
    platform::db::Tx,
};
use rust_decimal::Decimal;
use sqlx::{Error, types::Json};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

struct Row {
    id: Uuid,
    name: String,
    merchant_id: Option<Uuid>,
    category: String,
    currency: String,
    cadence: String,
    amount: Decimal,
    amount_mean: Decimal,
    period_days: i32,
    next_expected_date: Date,
    is_active: bool,
    confidence: f64,
    evidence: Json<Evidence>,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    changed_seq: i64,
}

impl From<Row> for Subscription {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            name: row.name,
            merchant_id: row.merchant_id,
            category: row.category,
            currency: row.currency,
            cadence: row.cadence,
            amount: Money::of(row.amount),
            amount_mean: Money::of(row.amount_mean),
            period_days: row.period_days,
            monthly_cost: Money::of(Decimal::ZERO),
            yearly_cost: Money::of(Decimal::ZERO),
            next_expected_date: row.next_expected_date,
            is_active: row.is_active,
            confidence: row.confidence,
            evidence: row.evidence.0,
            created_at: row.created_at,
            updated_at: row.updated_at,
            changed_seq: row.changed_seq,
        }
    }
}

/// A page, the next charge first.
pub(super) async fn list(
    tx: &mut Tx,
    user_id: Uuid,
    (active, currency): (Option<bool>, Option<&str>),
    after: Option<Place>,
    (limit, offset): (i64, i64),
) -> Result<Vec<Subscription>, Error> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, name, merchant_id, category, currency, cadence, amount, amount_mean, period_days, next_expected_date,
                  is_active, confidence, evidence AS "evidence: Json<Evidence>", created_at, updated_at, changed_seq
           FROM recurrences
           WHERE user_id = $1 AND ($2::bool IS NULL OR is_active = $2) AND ($3::text IS NULL OR currency = $3)
             AND ($4::date IS NULL OR (next_expected_date, id) > ($4, $5::uuid))
           ORDER BY next_expected_date, id LIMIT $6 OFFSET $7"#,
        user_id,
        active,
        currency,
        after.map(|place| place.date),
        after.map(|place| place.id),
        limit,
        offset,
    )
    .fetch_all(tx)
    .await?;
    Ok(rows.into_iter().map(Subscription::from).collect())
}

/// How many there are, as far as `most`.
pub(super) async fn count(
    tx: &mut Tx,
    user_id: Uuid,
    (active, currency): (Option<bool>, Option<&str>),
    most: i64,
) -> Result<i64, Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM (
               SELECT FROM recurrences
               WHERE user_id = $1 AND ($2::bool IS NULL OR is_active = $2) AND ($3::text IS NULL OR currency = $3) LIMIT $4
           ) AS counted"#,
        user_id,
        active,
        currency,
        most,
    )
    .fetch_one(tx)
    .await
}

pub(super) async fn get(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Subscription>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, name, merchant_id, category, currency, cadence, amount, amount_mean, period_days, next_expected_date,
                  is_active, confidence, evidence AS "evidence: Json<Evidence>", created_at, updated_at, changed_seq
           FROM recurrences WHERE user_id = $1 AND id = $2"#,
        user_id,
        id,
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(Subscription::from))
}

/// What the active ones of a currency and cadence cost together, each time.
pub(super) struct Cost {
    pub currency: String,
    pub cadence: String,
    pub subscriptions: i64,
    pub amount: Decimal,
}

pub(super) async fn costs(tx: &mut Tx, user_id: Uuid) -> Result<Vec<Cost>, Error> {
    sqlx::query_as!(
        Cost,
        r#"SELECT currency, cadence, count(*) AS "subscriptions!", sum(amount) AS "amount!"
           FROM recurrences WHERE user_id = $1 AND is_active
           GROUP BY currency, cadence ORDER BY currency, cadence"#,
        user_id,
    )
    .fetch_all(tx)
    .await
}
