//! Statements that change a transaction.

use super::COLUMNS;
use crate::{domain::transactions::Transaction, platform::db::Tx};
use sqlx::{Error, FromRow, Postgres, QueryBuilder, Row};
use time::OffsetDateTime;
use uuid::Uuid;

/// A transaction, deleted or not, as a change begins with it.
pub struct Held {
    pub transaction: Transaction,
    /// Whether the user said that it is no duplicate.
    pub kept: bool,
}

pub async fn held(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Held>, Error> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT ");
    query.push(COLUMNS).push(
        ", t.duplicate_kept FROM transactions t LEFT JOIN merchant_master m ON m.id = t.merchant_id WHERE t.user_id = ",
    );
    query.push_bind(user_id).push(" AND t.id = ").push_bind(id);
    let row = query.build().fetch_optional(tx).await?;
    row.map(|row| Ok(Held { transaction: Transaction::from_row(&row)?, kept: row.try_get("duplicate_kept")? }))
        .transpose()
}

/// Some transactions, deleted or not, in no order.
pub async fn by_ids(tx: &mut Tx, user_id: Uuid, ids: &[Uuid]) -> Result<Vec<Transaction>, Error> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT ");
    query
        .push(COLUMNS)
        .push(" FROM transactions t LEFT JOIN merchant_master m ON m.id = t.merchant_id WHERE t.user_id = ");
    query.push_bind(user_id).push(" AND t.id = ANY(").push_bind(ids).push(")");
    query.build_query_as().fetch_all(tx).await
}

/// Writes what became of a transaction. `merchant_key` only when its merchant's text is another.
pub async fn update(
    tx: &mut Tx,
    user_id: Uuid,
    after: &Transaction,
    merchant_key: Option<i64>,
    kept: bool,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE transactions
         SET amount = $3, currency = $4, date = $5, merchant_raw = $6, merchant_key = coalesce($7, merchant_key),
             merchant_id = $8, category = $9, note = $10, confidence = $11, duplicate_of = $12, duplicate_kept = $13,
             receipt_url = $14, is_deleted = $15, deleted_at = CASE WHEN $15 THEN coalesce(deleted_at, $17) END,
             created_seq = CASE WHEN is_deleted AND NOT $15 THEN $16 ELSE created_seq END, changed_seq = $16, updated_at = $17
         WHERE user_id = $1 AND id = $2",
        user_id,
        after.id,
        after.amount.amount(),
        after.currency,
        after.date,
        after.merchant_raw,
        merchant_key,
        after.merchant.as_ref().map(|merchant| merchant.id),
        after.category,
        after.note,
        after.confidence,
        after.duplicate_of,
        kept,
        after.receipt_url,
        after.is_deleted,
        after.changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// The first other transaction that looks like this one. One that points back is none: two would each be the other's
/// duplicate.
pub async fn lookalike(
    tx: &mut Tx,
    user_id: Uuid,
    like: &Transaction,
    merchant_key: i64,
) -> Result<Option<Uuid>, Error> {
    sqlx::query_scalar!(
        "SELECT id FROM transactions
         WHERE user_id = $1 AND date = $3 AND amount = $4 AND currency = $5 AND NOT is_deleted AND id <> $2
           AND duplicate_of IS DISTINCT FROM $2 AND (merchant_key = $6 OR merchant_id = $7)
         ORDER BY id LIMIT 1",
        user_id,
        like.id,
        like.date,
        like.amount.amount(),
        like.currency,
        merchant_key,
        like.merchant.as_ref().map(|merchant| merchant.id),
    )
    .fetch_optional(tx)
    .await
}
