//! Statements on unusual transactions. They measure logarithms of amounts, because people spend 5, 50 and 500 rather than
//! 5, 10 and 15: no float here is money.

use super::{REASON, Scored};
use crate::platform::db::Tx;
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// A transaction whose score was written down.
pub(super) struct Told {
    pub id: Uuid,
    /// Whether it became unusual, or clearly more so.
    pub rose: bool,
    pub amount: Decimal,
    pub currency: String,
    pub date: Date,
    pub merchant: String,
    pub category: String,
    /// Which day it is for the user.
    pub today: Date,
    /// Whether the user wants to hear of it.
    pub wanted: bool,
}

#[expect(clippy::as_conversions, reason = "how sqlx's macro is told that an array holds nulls")]
/// Writes scores where they are others than before, and answers with all transactions that there are.
pub(super) async fn record(
    tx: &mut Tx,
    user_id: Uuid,
    scored: &[Scored],
    changed_seq: i64,
    now: OffsetDateTime,
    (unusual, rise): (f64, f64),
) -> Result<Vec<Told>, Error> {
    let ids: Vec<Uuid> = scored.iter().map(|one| one.id).collect();
    let by: Vec<Option<f64>> = scored.iter().map(|one| one.score).collect();
    let reasons: Vec<Option<String>> = scored.iter().map(|one| one.reason.clone()).collect();
    sqlx::query_as!(
        Told,
        r#"WITH given AS MATERIALIZED (
               SELECT * FROM unnest($2::uuid[], $3::double precision[], $4::text[]) AS g (id, score, reason)
           ), held AS MATERIALIZED (
               SELECT t.id, t.anomaly_score, t.anomaly_reason, t.amount, t.currency, t.date, t.merchant_raw, t.merchant_id,
                      t.category, g.score, g.reason
               FROM given g JOIN transactions t ON t.user_id = $1 AND t.id = g.id AND NOT t.is_deleted
           ), written AS (
               UPDATE transactions t
               SET anomaly_score = h.score, anomaly_reason = h.reason, changed_seq = $5, updated_at = $6
               FROM held h
               WHERE t.user_id = $1 AND t.id = h.id
                 AND (h.anomaly_score, h.anomaly_reason) IS DISTINCT FROM (h.score, h.reason)
           )
           SELECT h.id AS "id!", 
                  coalesce(h.anomaly_score < $7 OR h.score - h.anomaly_score >= $8, true) AS "rose!", h.amount AS "amount!", h.currency AS "currency!",
                  h.date AS "date!", coalesce(m.canonical_name, h.merchant_raw) AS "merchant!", h.category AS "category!",
                  ($6::timestamptz AT TIME ZONE u.timezone)::date AS "today!",
                  coalesce((u.preferences -> 'notifications' ->> 'anomalies')::boolean, true) AS "wanted!"
           FROM held h JOIN users u ON u.id = $1 LEFT JOIN merchant_master m ON m.id = h.merchant_id"#,
        user_id,
        &ids,
        &by as &[Option<f64>],
        &reasons as &[Option<String>],
        changed_seq,
        now,
        unusual,
        rise,
    )
    .fetch_all(tx)
    .await
}

/// A transaction that stands out, or did before.
pub(super) struct Measured {
    pub id: Uuid,
    pub before: Option<f64>,
    pub stands_out: bool,
    /// From 0 to 1: a half where it is as many spreads from the middle as the threshold says.
    pub score: Option<f64>,
    pub category: String,
    pub currency: String,
    pub typical: Decimal,
    pub times: f64,
}

/// What changed since `seen` and stands out of its category's last months, or did before and has no score of another's. Of a
/// category the median and the median distance from it are taken, of ten transactions at least; what always costs the same
/// may still differ by a tenth. To stand out an amount must also be among the larger quarter of all that the user spends, and
/// its merchant must never have charged about as much, which its next smaller and larger charges tell: rent is large, and as
/// always.
///
/// What is joined has a row for each category at most: the planner knows no sizes of common table expressions, and 3,000
/// rows against each other took five seconds.
pub(super) async fn measured(
    tx: &mut Tx,
    user_id: Uuid,
    seen: i64,
    now: OffsetDateTime,
    window: Duration,
    threshold: f64,
) -> Result<Vec<Measured>, Error> {
    sqlx::query_as!(
        Measured,
        r#"WITH days AS (
               SELECT ($3::timestamptz AT TIME ZONE timezone)::date AS last FROM users WHERE id = $1
           ), base AS MATERIALIZED (
               SELECT id, category, currency, amount, anomaly_score, anomaly_reason, changed_seq,
                      ln(amount::double precision) AS size, lag(amount) OVER same AS below, lead(amount) OVER same AS above
               FROM transactions
               WHERE user_id = $1 AND NOT is_deleted AND amount > 0
                 AND date BETWEEN (SELECT last - $4::integer FROM days) AND (SELECT last FROM days)
                 AND EXISTS (SELECT FROM transactions WHERE user_id = $1 AND changed_seq > $2)
               WINDOW same AS (PARTITION BY merchant_key, currency ORDER BY amount, id)
           ), larger AS (
               SELECT currency, percentile_disc(0.75) WITHIN GROUP (ORDER BY amount) AS amount FROM base GROUP BY currency
           ), middles AS (
               SELECT category, currency, percentile_cont(0.5) WITHIN GROUP (ORDER BY size) AS middle,
                      percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) AS typical, array_agg(size) AS sizes
               FROM base GROUP BY category, currency HAVING count(*) >= 10
           ), spreads AS MATERIALIZED (
               SELECT category, currency, middle, typical, greatest(1.4826 * (
                          SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY abs(one - middle)) FROM unnest(sizes) AS one
                      ), 0.1) AS spread
               FROM middles
           ), far AS (
               SELECT b.*, s.typical, (b.size - s.middle) / s.spread AS distance, l.amount AS large
               FROM base b
               LEFT JOIN spreads s ON s.category = b.category AND s.currency = b.currency
               LEFT JOIN larger l ON l.currency = b.currency
               WHERE b.changed_seq > $2 AND (b.anomaly_reason = $5 OR b.anomaly_reason IS NULL AND b.anomaly_score IS NULL)
                 AND (b.anomaly_score IS NOT NULL OR (b.size - s.middle) / s.spread >= $6)
           )
           SELECT f.id AS "id!", f.anomaly_score AS before,
                  coalesce(f.distance >= $6 AND f.amount >= f.large AND coalesce(f.below < f.amount * 0.8, true)
                      AND coalesce(f.above > f.amount * 1.25, true), false) AS "stands_out!",
                  round((f.distance ^ 2 / (f.distance ^ 2 + $6 ^ 2))::numeric, 3)::double precision AS score,
                  f.category AS "category!", f.currency AS "currency!", coalesce(f.typical, f.amount) AS "typical!",
                  coalesce(f.amount / f.typical, 1)::double precision AS "times!"
           FROM far f"#,
        user_id,
        seen,
        now,
        i32::try_from(window.whole_days()).unwrap_or(i32::MAX),
        REASON,
        threshold,
    )
    .fetch_all(tx)
    .await
}
