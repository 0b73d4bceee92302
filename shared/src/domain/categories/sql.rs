//! Statements on categories.

use super::Listed;
use crate::platform::db::Tx;
use sqlx::Error;
use uuid::Uuid;

/// The user's own are read by skipping through an index from label to label, so the cost goes with the number of
/// labels and not of transactions.
pub(super) async fn list(tx: &mut Tx, user_id: Uuid) -> Result<Vec<Listed>, Error> {
    sqlx::query_as!(
        Listed,
        r#"WITH RECURSIVE own(name) AS (
               (SELECT category FROM transactions WHERE user_id = $1 AND NOT is_deleted ORDER BY category LIMIT 1)
               UNION ALL
               SELECT (SELECT category FROM transactions
                       WHERE user_id = $1 AND NOT is_deleted AND category > own.name ORDER BY category LIMIT 1)
               FROM own WHERE own.name IS NOT NULL
           )
           SELECT name AS "name!", kind, system AS "system!" FROM (
               SELECT name, kind, true AS system, position FROM categories
               UNION ALL
               SELECT name, NULL, false, NULL FROM own
               WHERE name IS NOT NULL AND name NOT IN (SELECT name FROM categories)
           ) AS listed
           ORDER BY position NULLS LAST, name"#,
        user_id,
    )
    .fetch_all(tx)
    .await
}
