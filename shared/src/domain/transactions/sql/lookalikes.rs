//! Statements that find what has come to look the same.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// The last row of a chunk of what changed after a place; nothing if all the rest is less than a chunk.
pub async fn end_of_chunk(
    tx: &mut Tx,
    user_id: Uuid,
    (from, after): (i64, Uuid),
    upto: i64,
    chunk: i64,
) -> Result<Option<(i64, Uuid)>, Error> {
    let row = sqlx::query!(
        "SELECT changed_seq, id FROM transactions
         WHERE user_id = $1 AND (changed_seq, id) > ($2, $3) AND changed_seq <= $4
         ORDER BY changed_seq, id LIMIT 1 OFFSET $5",
        user_id,
        from,
        after,
        upto,
        chunk.saturating_sub(1),
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(|row| (row.changed_seq, row.id)))
}

/// A transaction, and the older one it looks like.
pub struct Pair {
    pub id: Uuid,
    pub original: Uuid,
}

/// Of the rows between two places those that look the same as an older one, whichever of the two changed. Left out are those
/// of which the user said that they are none, rows of one file (two coffees are two coffees), and rows of a file that was to
/// be imported whatever there was.
pub async fn found(
    tx: &mut Tx,
    user_id: Uuid,
    (from, after): (i64, Uuid),
    (to, last): (i64, Uuid),
) -> Result<Vec<Pair>, Error> {
    sqlx::query_as!(
        Pair,
        r#"WITH fresh AS MATERIALIZED (
               SELECT id, date, amount, currency, merchant_key, merchant_id
               FROM transactions
               WHERE user_id = $1 AND (changed_seq, id) > ($2, $3) AND (changed_seq, id) <= ($4, $5)
                 AND NOT is_deleted
           ), pairs AS (
               SELECT greatest(f.id, o.id) AS id, least(f.id, o.id) AS original
               FROM fresh f
               JOIN transactions o ON o.user_id = $1 AND o.date = f.date AND o.amount = f.amount AND o.currency = f.currency
                   AND NOT o.is_deleted AND o.id <> f.id
                   AND (o.merchant_key = f.merchant_key OR o.merchant_id = f.merchant_id)
           )
           SELECT p.id AS "id!", (array_agg(p.original ORDER BY p.original))[1] AS "original!"
           FROM pairs p
           JOIN transactions n ON n.user_id = $1 AND n.id = p.id
           JOIN transactions o ON o.user_id = $1 AND o.id = p.original
           LEFT JOIN imports i ON i.user_id = $1 AND i.id = n.import_id
           WHERE n.duplicate_of IS NULL AND NOT n.duplicate_kept AND o.duplicate_of IS DISTINCT FROM n.id
             AND (n.import_id IS NULL OR n.import_id IS DISTINCT FROM o.import_id AND i.on_duplicate <> 'import')
           GROUP BY p.id"#,
        user_id,
        from,
        after,
        to,
        last,
    )
    .fetch_all(tx)
    .await
}

/// Flags them.
pub async fn flag(
    tx: &mut Tx,
    user_id: Uuid,
    ids: &[Uuid],
    originals: &[Uuid],
    changed_seq: i64,
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE transactions t SET duplicate_of = g.original, changed_seq = $4, updated_at = $5
         FROM unnest($2::uuid[], $3::uuid[]) AS g (id, original)
         WHERE t.user_id = $1 AND t.id = g.id",
        user_id,
        ids,
        originals,
        changed_seq,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}
