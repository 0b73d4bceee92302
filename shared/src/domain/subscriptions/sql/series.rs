//! Statements that find charges that recur.

use super::reminders::User;
use crate::{
    domain::subscriptions::detect::{Found, Series},
    platform::db::Tx,
};
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Which day it is for a user.
pub async fn today(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<Option<Date>, Error> {
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
pub async fn series(tx: &mut Tx, user_id: Uuid, since: Date, today: Date) -> Result<Vec<Series>, Error> {
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

/// What was found before.
pub async fn kept(tx: &mut Tx, user_id: Uuid) -> Result<Vec<Found>, Error> {
    sqlx::query_as!(
        Found,
        "SELECT id, merchant_key, currency, price, cadence, merchant_id, name, category, period_days, amount, amount_mean,
                next_expected_date, lapses_on, is_active, confidence, evidence
         FROM recurrences WHERE user_id = $1",
        user_id,
    )
    .fetch_all(tx)
    .await
}

pub async fn delete(tx: &mut Tx, user_id: Uuid, ids: &[Uuid]) -> Result<(), Error> {
    sqlx::query!("DELETE FROM recurrences WHERE user_id = $1 AND id IN (SELECT unnest($2::uuid[]))", user_id, ids)
        .execute(tx)
        .await
        .map(drop)
}

/// Writes a series down, or anew. Whoever was reminded of its next charge stays so while the date does.
pub async fn put(
    tx: &mut Tx,
    user_id: Uuid,
    series: &Found,
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO recurrences (user_id, id, merchant_key, currency, price, cadence, merchant_id, name, category,
             period_days, amount, amount_mean, next_expected_date, lapses_on, is_active, confidence, evidence, changed_seq,
             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, left($8, 500), $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $19)
         ON CONFLICT (user_id, id) DO UPDATE SET merchant_key = excluded.merchant_key, currency = excluded.currency,
             price = excluded.price, cadence = excluded.cadence, merchant_id = excluded.merchant_id, name = excluded.name,
             category = excluded.category, period_days = excluded.period_days, amount = excluded.amount,
             amount_mean = excluded.amount_mean, next_expected_date = excluded.next_expected_date,
             lapses_on = excluded.lapses_on, is_active = excluded.is_active, confidence = excluded.confidence,
             evidence = excluded.evidence, changed_seq = excluded.changed_seq, updated_at = excluded.updated_at",
        user_id,
        series.id,
        series.merchant_key,
        series.currency,
        series.price,
        series.cadence,
        series.merchant_id,
        series.name,
        series.category,
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

/// Users after an id of whose charges one stayed away. The first condition is the index's: nowhere is it later than fourteen
/// hours after UTC.
pub async fn lapsed(tx: &mut Tx, after: Uuid, now: OffsetDateTime, limit: i64) -> Result<Vec<User>, Error> {
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

pub async fn end(tx: &mut Tx, user_id: Uuid, today: Date, changed_seq: i64, now: OffsetDateTime) -> Result<(), Error> {
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
