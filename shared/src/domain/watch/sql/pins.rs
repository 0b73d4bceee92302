//! Statements on pinned files.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// A transaction's pinned file.
#[derive(Clone, Debug)]
pub struct Pin {
    pub user_id: Uuid,
    pub transaction_id: Uuid,
    pub cid: String,
}

/// Those that were missing when they were last looked for.
pub async fn missing(tx: &mut Tx, most: i64) -> Result<Vec<Pin>, Error> {
    sqlx::query_as!(
        Pin,
        r#"SELECT m.user_id, m.transaction_id, t.ipfs_cid AS "cid!"
           FROM missing_pins m JOIN transactions t ON t.user_id = m.user_id AND t.id = m.transaction_id
           WHERE t.ipfs_cid IS NOT NULL AND NOT t.is_deleted ORDER BY m.last_missed_at, m.user_id, m.transaction_id LIMIT $1"#,
        most,
    )
    .fetch_all(tx)
    .await
}

/// The next ones after a place.
pub async fn after(tx: &mut Tx, (user_id, id): (Uuid, Uuid), most: i64) -> Result<Vec<Pin>, Error> {
    sqlx::query_as!(
        Pin,
        r#"SELECT user_id, id AS transaction_id, ipfs_cid AS "cid!" FROM transactions
           WHERE ipfs_cid IS NOT NULL AND NOT is_deleted AND (user_id, id) > ($1, $2) ORDER BY user_id, id LIMIT $3"#,
        user_id,
        id,
        most,
    )
    .fetch_all(tx)
    .await
}

/// Notes one that is missing; a second look in the same night does not count.
pub async fn miss(
    tx: &mut Tx,
    pin: &Pin,
    is_gone: bool,
    now: OffsetDateTime,
    night: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO missing_pins AS m (user_id, transaction_id, is_gone, first_missed_at, last_missed_at)
         SELECT user_id, id, $3, $4, $4 FROM transactions WHERE user_id = $1 AND id = $2
         ON CONFLICT (user_id, transaction_id) DO UPDATE
         SET is_gone = excluded.is_gone, last_missed_at = excluded.last_missed_at,
             nights = m.nights + CASE WHEN m.last_missed_at < $5 THEN 1 ELSE 0 END",
        pin.user_id,
        pin.transaction_id,
        is_gone,
        now,
        night,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Forgets one that is there again.
pub async fn found(tx: &mut Tx, pin: &Pin) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM missing_pins WHERE user_id = $1 AND transaction_id = $2",
        pin.user_id,
        pin.transaction_id,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Those that are gone for good, as far as can be told: the first few, and how many.
pub async fn lost(tx: &mut Tx, nights: i32) -> Result<(Vec<Uuid>, i64), Error> {
    let lost = sqlx::query!(
        r#"SELECT coalesce((array_agg(m.transaction_id ORDER BY m.first_missed_at))[1:5], '{}') AS "first!: Vec<Uuid>",
                  count(*) AS "all!"
           FROM missing_pins m JOIN transactions t ON t.user_id = m.user_id AND t.id = m.transaction_id
           WHERE (m.is_gone OR m.nights >= $1) AND t.ipfs_cid IS NOT NULL AND NOT t.is_deleted"#,
        nights,
    )
    .fetch_one(tx)
    .await?;
    Ok((lost.first, lost.all))
}
