//! Statements on transactions that look like others.

use super::COLUMNS;
use crate::{
    domain::{pages::Place, transactions::Transaction},
    platform::db::Tx,
};
use sqlx::{Error, FromRow, Postgres, QueryBuilder, Row};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A member of a group.
pub struct Member {
    /// The id of the original, live or not.
    pub group: Uuid,
    /// The date that all members have.
    pub date: Date,
    /// How many live lookalikes the group has in all.
    pub count: i64,
    pub transaction: Transaction,
}

/// Groups of live transactions that look the same, the newest first: in each the original, if it is live and still looks
/// so, and its first lookalikes. A group of one is none.
pub async fn groups(
    tx: &mut Tx,
    user_id: Uuid,
    after: Option<Place>,
    limit: i64,
    shown: i64,
) -> Result<Vec<Member>, Error> {
    // Grouped in the order of an index and not materialised, so that it ends with the page.
    let mut query = QueryBuilder::<Postgres>::new(
        "WITH p AS MATERIALIZED (SELECT g.*, o.id AS original FROM (
             SELECT t.duplicate_of AS id, t.date, t.amount, t.currency, count(*) AS count
             FROM transactions t WHERE t.duplicate_of IS NOT NULL AND NOT t.is_deleted AND t.user_id = ",
    );
    query.push_bind(user_id);
    if let Some(place) = after {
        query.push(" AND (t.date, t.duplicate_of) < (").push_bind(place.date).push(", ").push_bind(place.id).push(")");
    }
    query.push(" GROUP BY 2, 1, 3, 4 ORDER BY 2 DESC, 1 DESC) AS g LEFT JOIN transactions o ON o.user_id = ");
    query.push_bind(user_id).push(
        " AND o.id = g.id AND NOT o.is_deleted AND o.date = g.date AND o.amount = g.amount AND o.currency = g.currency
          WHERE o.id IS NOT NULL OR g.count > 1 ORDER BY g.date DESC, g.id DESC LIMIT ",
    );
    query
        .push_bind(limit)
        .push("), members AS (SELECT p.id AS grp, p.count, p.original AS id FROM p WHERE p.original IS NOT NULL");
    query.push(
        " UNION ALL SELECT p.id, p.count, l.id FROM p CROSS JOIN LATERAL (
             SELECT t.id FROM transactions t
             WHERE t.duplicate_of = p.id AND NOT t.is_deleted AND t.date = p.date AND t.amount = p.amount
               AND t.currency = p.currency AND t.user_id = ",
    );
    query.push_bind(user_id).push(" ORDER BY t.id LIMIT ").push_bind(shown).push(") AS l) SELECT ");
    query
        .push(COLUMNS)
        .push(", members.grp, members.count FROM members JOIN transactions t ON t.id = members.id AND t.user_id = ")
        .push_bind(user_id);
    query.push(" LEFT JOIN merchant_master m ON m.id = t.merchant_id ORDER BY t.date DESC, members.grp DESC, t.id");
    let rows = query.build().fetch_all(tx).await?;
    let member = |row: &sqlx::postgres::PgRow| {
        let transaction = Transaction::from_row(row)?;
        Ok(Member { group: row.try_get("grp")?, date: transaction.date, count: row.try_get("count")?, transaction })
    };
    rows.iter().map(member).collect()
}

/// Takes the flag off, for good.
pub async fn keep(
    tx: &mut Tx,
    user_id: Uuid,
    ids: &[Uuid],
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE transactions SET duplicate_of = NULL, duplicate_kept = true, changed_seq = $3, updated_at = $4
         WHERE user_id = $1 AND id = ANY($2) AND NOT is_deleted",
        user_id,
        ids,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

pub async fn delete(
    tx: &mut Tx,
    user_id: Uuid,
    ids: &[Uuid],
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE transactions SET is_deleted = true, deleted_at = $4, changed_seq = $3, updated_at = $4
         WHERE user_id = $1 AND id = ANY($2) AND NOT is_deleted",
        user_id,
        ids,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}
