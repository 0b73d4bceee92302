//! Statements on charges that recur.

use super::{
    Evidence, Subscription,
    detect::{Found, Series},
    remind::AHEAD,
};
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

/// Which day it is for a user.
pub(super) async fn today(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<Option<Date>, Error> {
    sqlx::query_scalar!(
        r#"SELECT ($2::timestamptz AT TIME ZONE timezone)::date AS "today!" FROM users WHERE id = $1 AND is_active"#,
        user_id,
        now,
    )
    .fetch_optional(tx)
    .await
}

/// A user's series of charges that recur. Each series is one row with its charges in arrays: joins between common table
/// expressions, of which the planner knows no sizes, took minutes. A merchant's charges are one series whatever they cost (price 0), so that
/// one survives a rise; if they are none, those of one price may be. Most gaps must be near a multiple of the median, since
/// a charge may be missing, and most amounts near the usual one: the fewer charges, the nearer.
pub(super) async fn series(tx: &mut Tx, user_id: Uuid, since: Date, today: Date) -> Result<Vec<Series>, Error> {
    sqlx::query_as!(
        Series,
        r#"WITH charges AS MATERIALIZED (
               SELECT id, date, amount, currency, merchant_id,
                      coalesce(uuid_hash_extended(merchant_id, 0), merchant_key) AS key
               FROM transactions
               WHERE user_id = $1 AND NOT is_deleted AND amount > 0 AND duplicate_of IS NULL AND date BETWEEN $2 AND $3
           ), series AS (
               SELECT key, currency, 0::numeric AS price, count(*) AS charges, min(date) AS first_date, max(date) AS last_date,
                      array_agg(date ORDER BY date, id) AS dates, array_agg(amount ORDER BY date, id) AS amounts,
                      array_agg(id ORDER BY date, id) AS ids
               FROM charges GROUP BY key, currency
               HAVING count(*) BETWEEN 3 AND 200 AND max(date) - min(date) >= 6 * (count(*) - 1)
                   OR count(*) = 2 AND min(amount) = max(amount) AND max(date) - min(date) BETWEEN 360 AND 370
               UNION ALL
               SELECT key, currency, amount, count(*), min(date), max(date), array_agg(date ORDER BY date, id),
                      array_agg(amount ORDER BY date, id), array_agg(id ORDER BY date, id)
               FROM charges GROUP BY key, currency, amount
               HAVING count(*) BETWEEN 4 AND 200 AND max(date) - min(date) >= 6 * (count(*) - 1)
           ), cadences (name, days, drift, slack, least) AS (
               VALUES ('weekly', 7, 1, 2, 4), ('biweekly', 14, 1, 3, 4), ('four_weekly', 28, 0, 1, 4),
                      ('monthly', 30, 4, 5, 3), ('bimonthly', 61, 5, 8, 3), ('quarterly', 91, 6, 10, 3),
                      ('half_yearly', 182, 8, 14, 3), ('yearly', 365, 12, 15, 2)
           ), regular AS MATERIALIZED (
               SELECT s.*, m.*, c.name AS cadence, fit.regularity, fit.steadiness,
                      row_number() OVER (PARTITION BY s.key, s.currency, s.price ORDER BY c.slack) AS choice,
                      min(s.price) OVER (PARTITION BY s.key, s.currency) AS least_price
               FROM series s
               CROSS JOIN LATERAL (
                   SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) AS period, array_agg(gap) AS gaps,
                          percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS usual,
                          mode() WITHIN GROUP (ORDER BY extract(day FROM date)::integer) AS usual_day,
                          round(avg(amount), 2) AS amount_mean, count(DISTINCT amount) AS prices
                   FROM (
                       SELECT u.date, u.amount, u.date - lag(u.date) OVER (ORDER BY u.place) AS gap
                       FROM unnest(s.dates, s.amounts) WITH ORDINALITY AS u (date, amount, place)
                   ) AS points
               ) AS m
               JOIN cadences c ON m.period BETWEEN c.days - c.drift AND c.days + c.drift AND s.charges >= c.least
               CROSS JOIN LATERAL (
                   SELECT avg((abs(u.gap - m.period * greatest(round(u.gap / m.period::numeric), 1)) <= c.slack)::integer)
                              AS regularity,
                          avg((abs(u.amount - m.usual) <= m.usual
                               * CASE WHEN c.days < 20 OR s.charges < 5 THEN 0.1 ELSE 0.5 END)::integer) AS steadiness
                   FROM unnest(m.gaps, s.amounts) AS u (gap, amount)
               ) AS fit
               WHERE fit.regularity >= 0.8 AND fit.steadiness >= 0.8
           ), accepted AS (
               SELECT *, (SELECT array_agg(id ORDER BY place DESC) FROM unnest(ids[greatest(charges - 11, 1):]) WITH ORDINALITY AS u (id, place)) AS recent_ids,
                      (SELECT array_agg(date ORDER BY place DESC) FROM unnest(dates[greatest(charges - 11, 1):]) WITH ORDINALITY AS u (date, place)) AS recent_dates,
                      (SELECT array_agg(amount ORDER BY place DESC) FROM unnest(amounts[greatest(charges - 11, 1):]) WITH ORDINALITY AS u (amount, place)) AS recent_amounts
               FROM regular
               WHERE choice = 1 AND (price = 0 OR least_price > 0)
           )
           SELECT a.key AS "merchant_key!", a.currency AS "currency!", a.price AS "price!", a.cadence AS "cadence!",
                  l.merchant_id, coalesce(m.canonical_name, l.merchant_raw) AS "name!", l.category AS "category!",
                  a.charges AS "charges!", a.first_date AS "first_date!", a.last_date AS "last_date!",
                  a.period AS "period_days!", a.usual_day AS "usual_day!", a.amount_mean AS "amount_mean!",
                  a.prices AS "prices!", round(a.regularity, 3)::double precision AS "regularity!",
                  round(a.steadiness, 3)::double precision AS "steadiness!",
                  round(a.regularity * a.steadiness * a.charges / (a.charges + 1), 3)::double precision AS "confidence!", a.recent_ids AS "recent_ids!",
                  a.recent_dates AS "recent_dates!", a.recent_amounts AS "recent_amounts!: Vec<Decimal>"
           FROM accepted a
           JOIN transactions l ON l.user_id = $1 AND l.id = a.recent_ids[1]
           LEFT JOIN merchant_master m ON m.id = l.merchant_id
           ORDER BY a.key, a.currency, a.price"#,
        user_id,
        since,
        today,
    )
    .fetch_all(tx)
    .await
}

struct Kept {
    id: Uuid,
    merchant_key: i64,
    currency: String,
    price: Decimal,
    cadence: String,
    merchant_id: Option<Uuid>,
    name: String,
    category: String,
    charges: i32,
    first_date: Date,
    last_date: Date,
    period_days: i32,
    amount: Decimal,
    amount_mean: Decimal,
    next_expected_date: Date,
    lapses_on: Date,
    is_active: bool,
    confidence: f64,
    evidence: serde_json::Value,
}

/// What was found before.
pub(super) async fn kept(tx: &mut Tx, user_id: Uuid) -> Result<Vec<(Uuid, Found)>, Error> {
    let rows = sqlx::query_as!(
        Kept,
        "SELECT id, merchant_key, currency, price, cadence, merchant_id, name, category, charges, first_date, last_date,
                period_days, amount, amount_mean, next_expected_date, lapses_on, is_active, confidence, evidence
         FROM recurrences WHERE user_id = $1",
        user_id,
    )
    .fetch_all(tx)
    .await?;
    let found = |row: Kept| Found {
        merchant_key: row.merchant_key,
        currency: row.currency,
        price: row.price,
        cadence: row.cadence,
        merchant_id: row.merchant_id,
        name: row.name,
        category: row.category,
        charges: row.charges,
        first_date: row.first_date,
        last_date: row.last_date,
        period_days: row.period_days,
        amount: row.amount,
        amount_mean: row.amount_mean,
        next_expected_date: row.next_expected_date,
        lapses_on: row.lapses_on,
        is_active: row.is_active,
        confidence: row.confidence,
        evidence: row.evidence,
    };
    Ok(rows.into_iter().map(|row| (row.id, found(row))).collect())
}

pub(super) async fn delete(tx: &mut Tx, user_id: Uuid, ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!("DELETE FROM recurrences WHERE user_id = $1 AND id IN (SELECT unnest($2::uuid[]))", user_id, ids)
        .execute(tx)
        .await
        .map(drop)
}

/// Writes a series down, or anew. Whoever was reminded of its next charge stays so while the date does.
pub(super) async fn put(
    tx: &mut Tx,
    user_id: Uuid,
    id: Uuid,
    series: &Found,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO recurrences (user_id, id, merchant_key, currency, price, cadence, merchant_id, name, category, charges,
             first_date, last_date, period_days, amount, amount_mean, next_expected_date, lapses_on, is_active, confidence,
             evidence, changed_seq, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, left($8, 500), $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
             $22, $22)
         ON CONFLICT (user_id, id) DO UPDATE SET merchant_key = excluded.merchant_key, currency = excluded.currency,
             price = excluded.price, cadence = excluded.cadence, merchant_id = excluded.merchant_id, name = excluded.name,
             category = excluded.category, charges = excluded.charges, first_date = excluded.first_date,
             last_date = excluded.last_date, period_days = excluded.period_days, amount = excluded.amount,
             amount_mean = excluded.amount_mean, next_expected_date = excluded.next_expected_date,
             lapses_on = excluded.lapses_on, is_active = excluded.is_active, confidence = excluded.confidence,
             evidence = excluded.evidence, changed_seq = excluded.changed_seq, updated_at = excluded.updated_at",
        user_id,
        id,
        series.merchant_key,
        series.currency,
        series.price,
        series.cadence,
        series.merchant_id,
        series.name,
        series.category,
        series.charges,
        series.first_date,
        series.last_date,
        series.period_days,
        series.amount,
        series.amount_mean,
        series.next_expected_date,
        series.lapses_on,
        series.is_active,
        series.confidence,
        series.evidence,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// A user, and which day it is there.
pub(super) struct User {
    pub user_id: Uuid,
    pub today: Date,
}

/// Users after an id of whose charges one stayed away. The first condition is the index's: nowhere is it later than fourteen
/// hours after UTC.
pub(super) async fn lapsed(tx: &mut Tx, after: Uuid, now: OffsetDateTime, limit: i64) -> Result<Vec<User>, Error> {
    sqlx::query_as!(
        User,
        r#"SELECT r.user_id, ($2::timestamptz AT TIME ZONE u.timezone)::date AS "today!"
           FROM recurrences r JOIN users u ON u.id = r.user_id AND u.is_active
           WHERE r.is_active AND r.user_id > $1
             AND r.lapses_on < (($2::timestamptz + interval '14 hours') AT TIME ZONE 'UTC')::date
             AND r.lapses_on < ($2::timestamptz AT TIME ZONE u.timezone)::date
           GROUP BY 1, 2 ORDER BY 1 LIMIT $3"#,
        after,
        now,
        limit,
    )
    .fetch_all(tx)
    .await
}

pub(super) async fn end(
    tx: &mut Tx,
    user_id: Uuid,
    today: Date,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE recurrences SET is_active = false, changed_seq = $3, updated_at = $4
         WHERE user_id = $1 AND is_active AND lapses_on < $2",
        user_id,
        today,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Users after an id with a charge within three days of which they were not reminded, and who want to be.
pub(super) async fn due(tx: &mut Tx, after: Uuid, now: OffsetDateTime, limit: i64) -> Result<Vec<User>, Error> {
    sqlx::query_as!(
        User,
        r#"SELECT r.user_id, ($2::timestamptz AT TIME ZONE u.timezone)::date AS "today!"
           FROM recurrences r JOIN users u ON u.id = r.user_id AND u.is_active
               AND coalesce((u.preferences -> 'notifications' ->> 'reminders')::boolean, true)
           WHERE r.is_active AND r.reminded_for IS DISTINCT FROM r.next_expected_date AND r.user_id > $1
             AND r.next_expected_date BETWEEN (($2::timestamptz - interval '12 hours') AT TIME ZONE 'UTC')::date
                 AND (($2::timestamptz + interval '14 hours') AT TIME ZONE 'UTC')::date + $4::integer
             AND r.next_expected_date BETWEEN ($2::timestamptz AT TIME ZONE u.timezone)::date
                 AND ($2::timestamptz AT TIME ZONE u.timezone)::date + $4::integer
           GROUP BY 1, 2 ORDER BY 1 LIMIT $3"#,
        after,
        now,
        limit,
        AHEAD,
    )
    .fetch_all(tx)
    .await
}

/// A charge that the user is reminded of.
pub(super) struct Due {
    pub id: Uuid,
    pub name: String,
    pub merchant_id: Option<Uuid>,
    pub category: String,
    pub cadence: String,
    pub amount: Decimal,
    pub currency: String,
    pub next_expected_date: Date,
}

/// Notes that a user is reminded of what is due within three days.
pub(super) async fn reminded(
    tx: &mut Tx,
    user_id: Uuid,
    today: Date,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<Vec<Due>, Error> {
    let mut due = sqlx::query_as!(
        Due,
        "UPDATE recurrences SET reminded_for = next_expected_date, changed_seq = $3, updated_at = $4
         WHERE user_id = $1 AND is_active AND reminded_for IS DISTINCT FROM next_expected_date
           AND next_expected_date BETWEEN $2 AND $2 + $5::integer
         RETURNING id, name, merchant_id, category, cadence, amount, currency, next_expected_date",
        user_id,
        today,
        changed_seq,
        now,
        AHEAD,
    )
    .fetch_all(tx)
    .await?;
    due.sort_by_key(|one| (one.next_expected_date, one.id));
    Ok(due)
}
