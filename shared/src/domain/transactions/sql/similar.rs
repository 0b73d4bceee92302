//! Statements on the embeddings of transactions.

use super::COLUMNS;
use crate::{domain::transactions::Transaction, platform::db::Tx};
use sqlx::{Error, FromRow, Postgres, QueryBuilder, Row};
use uuid::Uuid;

/// What decides how the neighbours of a transaction are found.
pub struct Origin {
    /// Whether it has an embedding.
    pub embedded: bool,
    /// How many embeddings the user has, counted up to a limit.
    pub embeddings: i64,
}

/// Looks a live transaction up. The setting is for the statement that follows: an index scan goes on until it has found
/// enough of this user's, rather than ending with what happens to be near.
pub async fn origin(tx: &mut Tx, user_id: Uuid, id: Uuid, counted: i64) -> Result<Option<Origin>, Error> {
    let found = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM embeddings e WHERE e.user_id = $1 AND e.transaction_id = t.id) AS "embedded!",
                  (SELECT count(*) FROM (SELECT 1 FROM embeddings WHERE user_id = $1 LIMIT $3) AS e) AS "embeddings!",
                  set_config('hnsw.iterative_scan', 'strict_order', true) AS "iterative!",
                  set_config('hnsw.max_scan_tuples', '1000000', true) AS "tuples!"
           FROM transactions t WHERE t.user_id = $1 AND t.id = $2 AND NOT t.is_deleted"#,
        user_id,
        id,
        counted,
    )
    .fetch_optional(tx)
    .await?;
    Ok(found.map(|row| Origin { embedded: row.embedded, embeddings: row.embeddings }))
}

/// The nearest live transactions of the user's, the nearest first, with their cosine similarity. `exact` compares with
/// each of the user's rows; else the index over everybody's is walked.
pub async fn nearest(
    tx: &mut Tx,
    user_id: Uuid,
    id: Uuid,
    limit: i64,
    exact: bool,
) -> Result<Vec<(Transaction, f64)>, Error> {
    let mut query = QueryBuilder::<Postgres>::new(
        "WITH origin AS MATERIALIZED (SELECT vector, model FROM embeddings WHERE user_id = ",
    );
    query.push_bind(user_id).push(" AND transaction_id = ").push_bind(id).push("), ");
    // Materialised, the user's rows are read whole and no index can come between.
    query.push(if exact {
        "pool AS MATERIALIZED (SELECT e.transaction_id, e.vector <=> (SELECT vector FROM origin) AS distance FROM embeddings e WHERE e.user_id = "
    } else {
        "pool AS (SELECT e.transaction_id, e.vector <=> (SELECT vector FROM origin) AS distance FROM embeddings e WHERE e.user_id = "
    });
    // Vectors of two models have nothing to do with each other.
    query.push_bind(user_id).push(" AND e.model IS NOT DISTINCT FROM (SELECT model FROM origin)");
    query.push("), near AS MATERIALIZED (SELECT p.transaction_id, p.distance FROM pool p");
    query.push(" WHERE p.transaction_id <> ").push_bind(id);
    // Of the deleted there are few: looking each neighbour up costs more than all the comparing.
    query.push(" AND p.transaction_id NOT IN (SELECT d.id FROM transactions d WHERE d.is_deleted AND d.user_id = ");
    query.push_bind(user_id).push(") ORDER BY p.distance LIMIT ").push_bind(limit);
    query.push(") SELECT ").push(COLUMNS);
    query.push(", 1 - near.distance AS similarity FROM near JOIN transactions t ON t.id = near.transaction_id AND t.user_id = ").push_bind(user_id);
    query.push(" LEFT JOIN merchant_master m ON m.id = t.merchant_id ORDER BY near.distance, t.date DESC, t.id DESC");
    let rows = query.build().fetch_all(tx).await?;
    rows.iter().map(|row| Ok((Transaction::from_row(row)?, row.try_get("similarity")?))).collect()
}
