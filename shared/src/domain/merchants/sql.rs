//! Statements on merchants.

use super::{Found, import::Row};
use crate::platform::db::Tx;
use sqlx::Error;
use uuid::Uuid;

/// Tiers of five, each by its own index; a merchant counts in the best tier that finds it. Similar names are sought
/// twice: at 0.5 the trigram index leaves few rows to check again, and only when those are too few at 0.3, which is slow.
pub(super) async fn search(tx: &mut Tx, q: &str, key: &str, category: Option<&str>) -> Result<Vec<Found>, Error> {
    sqlx::query!("SELECT set_config('pg_trgm.similarity_threshold', '0.5', true)").fetch_one(&mut *tx).await?;
    let found = tiers(tx, q, key, category).await?;
    if found.len() >= 5 {
        return Ok(found);
    }
    sqlx::query!("SELECT set_config('pg_trgm.similarity_threshold', '0.3', true)").fetch_one(&mut *tx).await?;
    tiers(tx, q, key, category).await
}

async fn tiers(tx: &mut Tx, q: &str, key: &str, category: Option<&str>) -> Result<Vec<Found>, Error> {
    sqlx::query_as!(
        Found,
        r#"WITH hits AS (
               (SELECT id, 1.0::real AS score FROM merchant_master
                WHERE name_l = $1 AND ($3::text IS NULL OR category = $3) LIMIT 5)
               UNION ALL
               (SELECT m.id, 0.9::real FROM merchant_aliases a JOIN merchant_master m ON m.id = a.merchant_id
                WHERE a.alias_key = $2 AND ($3::text IS NULL OR m.category = $3) LIMIT 5)
               UNION ALL
               (SELECT id, 0.7::real FROM merchant_master
                WHERE name_l ~>=~ $1 AND name_l ~<~ ($1 || chr(1114111)) AND ($3::text IS NULL OR category = $3)
                ORDER BY name_l USING ~<~ LIMIT 5)
               UNION ALL
               (SELECT id, similarity(name_l, $1) FROM merchant_master
                WHERE name_l % $1 AND ($3::text IS NULL OR category = $3)
                ORDER BY similarity(name_l, $1) DESC, name_l LIMIT 5)
           ), best AS (
               SELECT id, max(score) AS score FROM hits GROUP BY id
           )
           SELECT m.id, m.canonical_name, m.category, m.aliases, best.score AS "score!"
           FROM best JOIN merchant_master m USING (id)
           ORDER BY best.score DESC, m.name_l LIMIT 20"#,
        q,
        key,
        category,
    )
    .fetch_all(tx)
    .await
}

/// A merchant that goes by a name that was looked up.
#[derive(Clone, Debug)]
pub struct Matched {
    /// The normalised name.
    pub alias_key: String,
    /// The merchant's id.
    pub id: Uuid,
    /// The merchant's name.
    pub canonical_name: String,
    /// The category it usually means.
    pub category: String,
}

pub(super) async fn matching(tx: &mut Tx, names: &[String]) -> Result<Vec<Matched>, Error> {
    sqlx::query_as!(
        Matched,
        "SELECT a.alias_key, m.id, m.canonical_name, m.category
         FROM merchant_aliases a JOIN merchant_master m ON m.id = a.merchant_id WHERE a.alias_key = ANY($1)",
        names,
    )
    .fetch_all(tx)
    .await
}

/// Which of these names are taken already.
pub(super) async fn taken(tx: &mut Tx, keys: &[String]) -> Result<Vec<String>, Error> {
    sqlx::query_scalar!("SELECT alias_key FROM merchant_aliases WHERE alias_key = ANY($1)", keys).fetch_all(tx).await
}

pub(super) async fn system_categories(tx: &mut Tx) -> Result<Vec<String>, Error> {
    sqlx::query_scalar!("SELECT name FROM categories").fetch_all(tx).await
}

/// A batch of merchants with all their names.
pub(super) async fn insert(tx: &mut Tx, rows: &[Row]) -> Result<(), Error> {
    for row in rows {
        sqlx::query!(
            "WITH m AS (
                 INSERT INTO merchant_master (id, canonical_name, category, country, aliases, tags)
                 VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
             )
             INSERT INTO merchant_aliases (alias_key, merchant_id, is_canonical)
             SELECT k.alias_key, m.id, k.n = 1 FROM m, unnest($7::text[]) WITH ORDINALITY AS k(alias_key, n)",
            row.id,
            row.canonical_name,
            row.category,
            row.country,
            &row.aliases,
            row.tags,
            &row.keys,
        )
        .execute(&mut *tx)
        .await?;
    }
    Ok(())
}
