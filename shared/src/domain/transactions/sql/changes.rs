//! Transactions in the order of their changes.

use super::COLUMNS;
use crate::{domain::transactions::Transaction, platform::db::Tx};
use sqlx::{Error, FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

/// How far somebody has got, see `sync`.
pub struct After {
    /// Everything up to here it had before it began to page.
    pub base: i64,
    /// The newest change when it began to page.
    pub start: Option<i64>,
    /// The change that it got last …
    pub change: i64,
    /// … and the row within it.
    pub id: Uuid,
}

/// What changed.
pub struct Found {
    /// The number of the user's newest change.
    pub changes: i64,
    /// Whether budgets changed since the base.
    pub budgets: bool,
    /// Whether holdings did.
    pub holdings: bool,
    /// Transactions, and whether each came, or came back, after the base.
    pub rows: Vec<(Transaction, bool)>,
}

/// One statement, so that the newest change and the rows are of the same moment.
pub async fn changed_after(tx: &mut Tx, user_id: Uuid, after: &After, limit: i64) -> Result<Found, Error> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT ");
    query.push(COLUMNS).push(
        ", coalesce(t.created_seq, 1) AS created_seq, s.changes, s.budgets, s.holdings
          FROM (SELECT user_id, changes,
                    EXISTS (SELECT FROM budgets b WHERE b.user_id = user_seq.user_id AND b.changed_seq > ",
    );
    query.push_bind(after.base).push(
        ") AS budgets,
                    EXISTS (SELECT FROM portfolio_holdings h WHERE h.user_id = user_seq.user_id AND h.changed_seq > ",
    );
    query.push_bind(after.base).push(") AS holdings FROM user_seq WHERE user_id = ").push_bind(user_id);
    query
        .push(") s LEFT JOIN LATERAL (SELECT * FROM transactions WHERE user_id = s.user_id AND (changed_seq, id) > (")
        .push_bind(after.change)
        .push(", ")
        .push_bind(after.id);
    query.push(") AND NOT (is_deleted AND coalesce(created_seq, 1) > ").push_bind(after.base);
    query.push(" AND changed_seq <= coalesce(").push_bind(after.start);
    query.push(", s.changes)) ORDER BY changed_seq, id LIMIT ").push_bind(limit);
    query.push(") t ON true LEFT JOIN merchant_master m ON m.id = t.merchant_id ORDER BY t.changed_seq, t.id");
    let rows = query.build().fetch_all(tx).await?;
    let first = rows.first().ok_or(Error::RowNotFound)?;
    let mut found = Found {
        changes: first.try_get("changes")?,
        budgets: first.try_get("budgets")?,
        holdings: first.try_get("holdings")?,
        rows: Vec::new(),
    };
    for row in &rows {
        // Nothing changed: the outer join's only row has no transaction.
        if row.try_get::<Option<Uuid>, _>("id")?.is_some() {
            let is_new = row.try_get::<i64, _>("created_seq")? > after.base;
            found.rows.push((Transaction::from_row(row)?, is_new));
        }
    }
    Ok(found)
}
