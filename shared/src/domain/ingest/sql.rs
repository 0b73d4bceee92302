//! Statements on what programs hand over.

pub(super) mod embeddings;
pub(super) mod keys;

use crate::platform::db::Tx;
use rust_decimal::Decimal;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Those of the users who are there.
pub(super) async fn active(tx: &mut Tx, users: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    sqlx::query_scalar!("SELECT id FROM users WHERE id = ANY($1) AND is_active", users).fetch_all(tx).await
}

/// What a user's rows are stored with.
pub(super) struct Account {
    pub currency: String,
    pub today: Date,
}

/// Under the user's turn.
pub(super) async fn account(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<Option<Account>, Error> {
    sqlx::query_as!(
        Account,
        r#"SELECT currency, ($2::timestamptz AT TIME ZONE timezone)::date AS "today!"
           FROM users WHERE id = $1 AND is_active"#,
        user_id,
        now,
    )
    .fetch_optional(tx)
    .await
}

/// A source and the id there, and what it is here: the transaction, and the hash of what was sent for it.
type Kept = ((String, String), (Uuid, Option<Vec<u8>>));

/// The transactions that have these ids, deleted ones, too: the user has seen them.
pub(super) async fn by_external_id(
    tx: &mut Tx,
    user_id: Uuid,
    sources: &[String],
    ids: &[String],
) -> Result<Vec<Kept>, Error> {
    let found = sqlx::query!(
        r#"SELECT t.source::text AS "source!", t.external_id AS "external_id!", t.id, t.external_hash
           FROM unnest($2::text[], $3::text[]) AS r(source, external_id)
           JOIN transactions t ON t.user_id = $1 AND t.source = r.source::transaction_source AND t.external_id = r.external_id"#,
        user_id,
        sources,
        ids,
    )
    .fetch_all(tx)
    .await?;
    Ok(found.into_iter().map(|row| ((row.source, row.external_id), (row.id, row.external_hash))).collect())
}

/// What equal purchases have in common.
pub(super) struct Look {
    pub date: Date,
    pub amount: Decimal,
    pub currency: String,
    pub key: i64,
    pub merchant_id: Option<Uuid>,
}

#[expect(clippy::as_conversions, reason = "how sqlx's macro is told that an array holds nulls")]
/// For each of them the first transaction that looks the same.
pub(super) async fn alike(tx: &mut Tx, user_id: Uuid, looks: &[Look]) -> Result<Vec<Option<Uuid>>, Error> {
    let (dates, amounts): (Vec<_>, Vec<_>) = looks.iter().map(|look| (look.date, look.amount)).unzip();
    let (currencies, keys): (Vec<_>, Vec<_>) = looks.iter().map(|look| (look.currency.clone(), look.key)).unzip();
    let merchants: Vec<_> = looks.iter().map(|look| look.merchant_id).collect();
    sqlx::query_scalar!(
        r#"SELECT (SELECT t.id FROM transactions t
                   WHERE t.user_id = $1 AND t.date = r.date AND t.amount = r.amount AND t.currency = r.currency
                     AND NOT t.is_deleted AND (t.merchant_key = r.key OR t.merchant_id = r.merchant_id)
                   ORDER BY t.id LIMIT 1) AS duplicate_of
           FROM unnest($2::date[], $3::numeric[], $4::text[], $5::bigint[], $6::uuid[]) WITH ORDINALITY
               AS r(date, amount, currency, key, merchant_id, n)
           ORDER BY r.n"#,
        user_id,
        &dates,
        &amounts,
        &currencies,
        &keys,
        &merchants as &[Option<Uuid>],
    )
    .fetch_all(tx)
    .await
}

/// How unusual a transaction is said to be, and why.
pub(super) struct Standing {
    pub id: Uuid,
    pub score: Option<f64>,
    pub reason: Option<String>,
}

/// What is said of a user's transactions; of a closed account's nothing.
pub(super) async fn scores(tx: &mut Tx, user_id: Uuid, ids: &[Uuid]) -> Result<Vec<Standing>, Error> {
    sqlx::query_as!(
        Standing,
        "SELECT id, anomaly_score AS score, anomaly_reason AS reason FROM transactions
         WHERE user_id = $1 AND id = ANY($2) AND NOT is_deleted
           AND EXISTS (SELECT FROM users WHERE id = $1 AND is_active)",
        user_id,
        ids,
    )
    .fetch_all(tx)
    .await
}
