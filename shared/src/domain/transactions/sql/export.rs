//! The statement behind the export.

use super::{COLUMNS, filtered};
use crate::{
    domain::{
        pages::Place,
        transactions::{Filters, Transaction},
    },
    platform::{db::Tx, problem::Problem},
};
use futures_util::TryStreamExt;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

/// The next transactions of an export, newest first, each handed to `write` as it comes. With how many they were, and the
/// place after which the next batch begins if it was a full one.
pub async fn batch(
    tx: &mut Tx,
    user_id: Uuid,
    filters: &Filters,
    after: Option<Place>,
    limit: i64,
    mut write: impl FnMut(&Transaction) -> Result<(), Problem>,
) -> Result<(i64, Option<Place>), Problem> {
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
    let mut found = query.build_query_as::<Transaction>().fetch(tx);
    let (mut rows, mut last) = (0_i64, None);
    while let Some(row) = found.try_next().await? {
        write(&row)?;
        rows = rows.saturating_add(1);
        last = Some(Place { date: row.date, id: row.id });
    }
    Ok((rows, last.filter(|_| rows >= limit)))
}
