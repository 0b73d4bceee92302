//! The statement behind the export.

use super::{COLUMNS, filtered};
use crate::{
    domain::{
        pages::Place,
        transactions::{Filters, Transaction},
    },
    platform::db::Tx,
};
use sqlx::{Error, Postgres, QueryBuilder};
use uuid::Uuid;

/// The next transactions of an export, newest first.
pub async fn batch(
    tx: &mut Tx,
    user_id: Uuid,
    filters: &Filters,
    after: Option<Place>,
    limit: i64,
) -> Result<Vec<Transaction>, Error> {
    let kinds: &[bool] = if filters.deleted { &[false, true] } else { &[false] };
    let mut query = QueryBuilder::<Postgres>::new("SELECT * FROM (");
    for (i, deleted) in kinds.iter().enumerate() {
        query.push(if i == 0 { "(SELECT " } else { " UNION ALL (SELECT " }).push(COLUMNS);
        query.push(" FROM (SELECT t.*");
        filtered(&mut query, user_id, filters, *deleted);
        if let Some(place) = after {
            query.push(" AND (t.date, t.id) < (").push_bind(place.date).push(", ").push_bind(place.id).push(")");
        }
        query.push(" ORDER BY t.date DESC, t.id DESC LIMIT ").push_bind(limit);
        // LATERAL with a LIMIT, because the plan would else hash all merchants for each batch.
        query.push(
            ") AS t LEFT JOIN LATERAL (SELECT * FROM merchant_master WHERE id = t.merchant_id LIMIT 1) AS m ON true)",
        );
    }
    query.push(") AS found ORDER BY date DESC, id DESC LIMIT ").push_bind(limit);
    query.build_query_as().fetch_all(tx).await
}
