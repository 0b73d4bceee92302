//! Statements that store embeddings.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// Which of the transactions are there, held so that none goes meanwhile; of a closed account none.
pub async fn live(tx: &mut Tx, user_id: Uuid, ids: &[Uuid]) -> Result<Vec<Uuid>, Error> {
    sqlx::query_scalar!(
        "SELECT id FROM transactions
         WHERE user_id = $1 AND id = ANY($2) AND NOT is_deleted
           AND EXISTS (SELECT FROM users WHERE id = $1 AND is_active)
         ORDER BY id FOR KEY SHARE",
        user_id,
        ids,
    )
    .fetch_all(tx)
    .await
}

/// Which of them were stored: one that was the same before is left alone, because its place in the graph is costly.
pub async fn put(
    tx: &mut Tx,
    user_id: Uuid,
    ids: &[Uuid],
    vectors: &[String],
    models: &[String],
    now: OffsetDateTime,
) -> Result<Vec<Uuid>, Error> {
    let new: Vec<_> = ids.iter().map(|_| Uuid::now_v7()).collect();
    sqlx::query_scalar!(
        "INSERT INTO embeddings AS e (user_id, id, transaction_id, vector, model, created_at)
         SELECT $1, r.id, r.transaction_id, r.vector::vector, r.model, $6
         FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[]) AS r(id, transaction_id, vector, model)
         ORDER BY r.transaction_id
         ON CONFLICT (user_id, transaction_id) DO UPDATE
         SET vector = excluded.vector, model = excluded.model, created_at = excluded.created_at
         WHERE e.model IS DISTINCT FROM excluded.model OR e.vector <> excluded.vector
         RETURNING e.transaction_id",
        user_id,
        &new,
        ids,
        vectors,
        models,
        now,
    )
    .fetch_all(tx)
    .await
}
