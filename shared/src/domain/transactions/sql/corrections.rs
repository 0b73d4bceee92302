//! Statements on corrections and the trainings that take them.

use crate::{
    domain::transactions::{Transaction, corrections::PER_TRAINING, handover::HandedOver},
    platform::db::Tx,
};
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// Records a correction of a transaction as it stands now, and says how many wait for a training, up to the number that
/// makes one.
pub async fn insert(
    tx: &mut Tx,
    user_id: Uuid,
    after: &Transaction,
    old_category: &str,
    reason: Option<&str>,
    now: OffsetDateTime,
) -> Result<i64, Error> {
    sqlx::query_scalar!(
        r#"WITH new AS (
               INSERT INTO user_corrections (user_id, id, transaction_id, merchant_id, merchant_key, old_category, new_category,
                   reason, created_at)
               SELECT user_id, $3, id, merchant_id, merchant_key, $4, $5, $6, $7 FROM transactions
               WHERE user_id = $1 AND id = $2
               RETURNING id
           )
           SELECT (SELECT count(*) FROM new)
                + (SELECT count(*) FROM (SELECT 1 FROM user_corrections WHERE training_id IS NULL LIMIT $8) AS u) AS "waiting!""#,
        user_id,
        after.id,
        Uuid::now_v7(),
        old_category,
        after.category,
        reason,
        now,
        PER_TRAINING,
    )
    .fetch_one(tx)
    .await
}

/// Whether a training's worth of corrections waits.
pub async fn is_training_due(tx: &mut Tx) -> Result<bool, Error> {
    sqlx::query_scalar!(
        r#"SELECT count(*) >= $1 AS "due!"
           FROM (SELECT 1 FROM user_corrections WHERE training_id IS NULL LIMIT $1) AS u"#,
        PER_TRAINING,
    )
    .fetch_one(tx)
    .await
}

/// Waits until no other worker gathers corrections. The next statement sees what the others committed.
pub async fn lock_gathering(tx: &mut Tx) -> Result<(), Error> {
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('trainings', 0))").fetch_one(tx).await.map(drop)
}

/// Puts the oldest waiting corrections into a training, if there are enough for one.
pub async fn gather(tx: &mut Tx, now: OffsetDateTime) -> Result<bool, Error> {
    let taken = sqlx::query!(
        "WITH oldest AS MATERIALIZED (
             SELECT user_id, id, created_at FROM user_corrections WHERE training_id IS NULL ORDER BY created_at, id LIMIT $3
         ), training AS (
             INSERT INTO trainings (id, version, corrections, first_at, last_at, requested_at)
             SELECT $1, (SELECT coalesce(max(version), 0) + 1 FROM trainings), count(*), min(created_at), max(created_at), $2
             FROM oldest HAVING count(*) = $3
             RETURNING id
         )
         UPDATE user_corrections c SET training_id = t.id FROM oldest o, training t
         WHERE c.user_id = o.user_id AND c.id = o.id",
        Uuid::now_v7(),
        now,
        PER_TRAINING,
    )
    .execute(tx)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// All users' corrections after a place and before an instant, the oldest first.
pub async fn handed_over(
    tx: &mut Tx,
    at: OffsetDateTime,
    id: Uuid,
    until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<HandedOver>, Error> {
    sqlx::query_as!(
        HandedOver,
        r#"SELECT c.id, c.user_id, c.transaction_id, t.merchant_raw, c.merchant_key::text AS "merchant_key!", c.merchant_id,
                  c.old_category, c.new_category, c.reason, c.created_at
           FROM user_corrections c JOIN transactions t ON t.user_id = c.user_id AND t.id = c.transaction_id
           WHERE (c.created_at, c.id) > ($1, $2) AND c.created_at < $3
           ORDER BY c.created_at, c.id LIMIT $4"#,
        at,
        id,
        until,
        limit,
    )
    .fetch_all(tx)
    .await
}

/// What the user made of a merchant's category.
pub struct Corrected {
    pub merchant_key: i64,
    pub merchant_id: Option<Uuid>,
    pub new_category: String,
}

/// The user's corrections for these merchants, the latest last. All of the user's are read, which are made by hand and few
/// beside a chunk's thousands of merchants.
pub async fn of_merchants(
    tx: &mut Tx,
    user_id: Uuid,
    keys: &[i64],
    merchants: &[Uuid],
) -> Result<Vec<Corrected>, Error> {
    sqlx::query_as!(
        Corrected,
        "SELECT merchant_key, merchant_id, new_category FROM user_corrections
         WHERE user_id = $1
           AND (merchant_key IN (SELECT unnest($2::bigint[])) OR merchant_id IN (SELECT unnest($3::uuid[])))
         ORDER BY created_at, id",
        user_id,
        keys,
        merchants,
    )
    .fetch_all(tx)
    .await
}
