//! Statements on merchants.

use super::{Found, Merchant, new::NewRow};
use crate::platform::db::Tx;
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Tiers of five, each by its own index; a merchant that is in one tier is not in the next. A category has branches of its
/// own, so that no tier is filled with others first. Similar names are the nearest by their trigrams' bits: without a
/// category from a graph, which is searched as far as `ef_search` says (set here, because the vector it is asked for comes
/// out of the same row), within one by comparing all, which are few. Where letters outside ASCII are, the bits tell the
/// similarity, too: `pg_trgm` does not see them.
pub(super) async fn search(tx: &mut Tx, q: &str, key: &str, category: Option<&str>) -> Result<Vec<Found>, Error> {
    sqlx::query_as!(
        Found,
        r#"WITH q AS MATERIALIZED (
               SELECT CASE WHEN set_config('hnsw.ef_search', '200', true) IS NOT NULL THEN name_grams($1) END AS grams
           ), hits AS (
               (SELECT id, name_l, 1 AS tier, 1.0::real AS score FROM merchant_master
                WHERE name_l = lower($1) AND merged_into IS NULL AND ($3::text IS NULL OR category = $3) LIMIT 5)
               UNION ALL
               (SELECT m.id, m.name_l, 2, 0.9 FROM merchant_aliases a JOIN merchant_master m ON m.id = a.merchant_id
                WHERE a.alias_key = $2 AND ($3::text IS NULL OR m.category = $3) LIMIT 5)
               UNION ALL
               (SELECT id, name_l, 3, 0.7 FROM merchant_master
                WHERE $3::text IS NULL AND merged_into IS NULL
                  AND name_l ~>=~ lower($1) AND name_l ~<~ (lower($1) || chr(1114111))
                  AND name_l <> lower($1) AND id IS DISTINCT FROM (SELECT merchant_id FROM merchant_aliases WHERE alias_key = $2)
                ORDER BY name_l USING ~<~ LIMIT 5)
               UNION ALL
               (SELECT id, name_l, 3, 0.7 FROM merchant_master
                WHERE category = $3 AND merged_into IS NULL
                  AND name_l ~>=~ lower($1) AND name_l ~<~ (lower($1) || chr(1114111))
                  AND name_l <> lower($1) AND id IS DISTINCT FROM (SELECT merchant_id FROM merchant_aliases WHERE alias_key = $2)
                ORDER BY name_l USING ~<~ LIMIT 5)
               UNION ALL
               SELECT near.id, near.name_l, 4,
                      CASE WHEN near.name_l || $1 ~ '[^ -~]' THEN (1 - (near.grams <%> q.grams))::real
                           ELSE similarity(near.name_l, $1) END
               FROM q CROSS JOIN LATERAL (
                   (SELECT id, name_l, grams FROM merchant_master
                    WHERE $3::text IS NULL AND merged_into IS NULL ORDER BY grams <%> q.grams LIMIT 20)
                   UNION ALL
                   (SELECT id, name_l, grams FROM merchant_master
                    WHERE category = $3 AND merged_into IS NULL ORDER BY 0 + (grams <%> q.grams) LIMIT 20)
               ) AS near
           ), best AS (
               SELECT DISTINCT ON (id) * FROM hits WHERE score >= 0.3::real ORDER BY id, tier
           ), ranked AS (
               SELECT *, row_number() OVER (PARTITION BY tier ORDER BY score DESC, name_l, id) AS place FROM best
           )
           SELECT m.id, m.canonical_name, m.category, m.aliases, r.score AS "score!"
           FROM ranked r JOIN merchant_master m USING (id)
           WHERE r.place <= 5 ORDER BY r.tier, r.score DESC, r.name_l, r.id LIMIT 20"#,
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

pub(super) async fn by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Merchant)>, Error> {
    let found = sqlx::query!(
        "SELECT a.id AS asked, m.id, m.canonical_name, m.category
         FROM merchant_master a JOIN merchant_master m ON m.id = coalesce(a.merged_into, a.id)
         WHERE a.id = ANY($1)",
        ids,
    )
    .fetch_all(tx)
    .await?;
    let merchant = |id, canonical_name, category| Merchant { id, canonical_name, category };
    Ok(found.into_iter().map(|row| (row.asked, merchant(row.id, row.canonical_name, row.category))).collect())
}

/// By the index, however many names: a planner that counts them would rather read the whole catalogue.
pub(super) async fn matching(tx: &mut Tx, names: &[String]) -> Result<Vec<Matched>, Error> {
    sqlx::query_as!(
        Matched,
        "SELECT a.alias_key, m.id, m.canonical_name, m.category
         FROM merchant_aliases a JOIN merchant_master m ON m.id = a.merchant_id
         WHERE a.alias_key = ANY(ARRAY(SELECT unnest($1::text[])))",
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

/// A merchant that a new one would be taken for.
pub(super) struct Other {
    /// The name they would share; none for one that is merely similar.
    pub key: Option<String>,
    pub merchant: Merchant,
}

pub(super) struct Known {
    pub is_category: bool,
    pub others: Vec<Other>,
}

/// What stands in the way of a new merchant. The threshold is set before the index is asked, because the name it is asked
/// for comes out of the same row.
pub(super) async fn known(tx: &mut Tx, row: &NewRow, near: f32) -> Result<Known, Error> {
    let found = sqlx::query!(
        r#"WITH q AS MATERIALIZED (
               SELECT CASE WHEN set_config('pg_trgm.similarity_threshold', $4::real::text, true) IS NOT NULL
                      THEN lower($1) END AS name
           ), others AS (
               SELECT a.alias_key, m.id, m.canonical_name, m.category, 1::real AS likeness
               FROM merchant_aliases a JOIN merchant_master m ON m.id = a.merchant_id WHERE a.alias_key = ANY($2)
               UNION ALL
               (SELECT NULL, m.id, m.canonical_name, m.category, similarity(m.name_l, q.name) AS likeness
                FROM q JOIN merchant_master m ON m.name_l % q.name AND m.merged_into IS NULL
                WHERE similarity(m.name_l, q.name) > $4 ORDER BY likeness DESC, m.name_l LIMIT 5)
           )
           SELECT EXISTS (SELECT FROM categories WHERE name = $3) AS "is_category!", o.alias_key AS "key?", o.id AS "id?",
                  o.canonical_name AS "canonical_name?", o.category AS "category?"
           FROM (VALUES (1)) AS one(row) LEFT JOIN others o ON true ORDER BY o.likeness DESC, o.canonical_name, o.alias_key"#,
        row.canonical_name,
        &row.keys,
        row.category,
        near,
    )
    .fetch_all(tx)
    .await?;
    let is_category = found.first().is_some_and(|row| row.is_category);
    let other = |key, id, canonical_name, category| {
        Some(Other { key, merchant: Merchant { id: id?, canonical_name: canonical_name?, category: category? } })
    };
    let others = found.into_iter().filter_map(|row| other(row.key, row.id, row.canonical_name, row.category));
    Ok(Known { is_category, others: others.collect() })
}

/// Merchants with all their names.
pub(super) async fn insert(tx: &mut Tx, rows: &[NewRow], now: OffsetDateTime) -> Result<(), Error> {
    let rows = serde_json::to_value(rows).map_err(|error| Error::Encode(error.into()))?;
    sqlx::query!(
        "WITH r AS MATERIALIZED (
             SELECT * FROM jsonb_to_recordset($1) AS r(id uuid, canonical_name text, category text, country text,
                                                       aliases text[], tags jsonb, keys text[])
         ), m AS (
             INSERT INTO merchant_master (id, canonical_name, category, country, aliases, tags, created_at, updated_at)
             SELECT id, canonical_name, category, country, aliases, tags, $2, $2 FROM r
         )
         INSERT INTO merchant_aliases (alias_key, merchant_id, is_canonical)
         SELECT k.alias_key, r.id, k.n = 1 FROM r, unnest(r.keys) WITH ORDINALITY AS k(alias_key, n)",
        rows,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// A sum of one currency, of a merchant or, where there is none, of a category.
pub(super) struct Summed {
    pub merchant_id: Option<Uuid>,
    pub canonical_name: Option<String>,
    pub category: String,
    pub currency: String,
    pub count: i64,
    pub total: rust_decimal::Decimal,
    pub last_date: Date,
    /// Of all currencies together: what is ranked by.
    pub uses: i64,
}

/// What a user spent at recognised merchants between two dates: at the most used ones, and in each category. The range is
/// read once, by date, and summed up before anything is joined.
pub(super) async fn statistics(
    tx: &mut Tx,
    user_id: Uuid,
    (since, until): (Date, Date),
    category: Option<&str>,
    limit: i64,
) -> Result<Vec<Summed>, Error> {
    sqlx::query_as!(
        Summed,
        r#"WITH t AS MATERIALIZED (
               SELECT merchant_id, category, currency, count(*) AS count, sum(amount) AS total, max(date) AS last_date
               FROM transactions
               WHERE user_id = $1 AND NOT is_deleted AND date BETWEEN $2 AND $3 AND merchant_id IS NOT NULL
                 AND ($4::text IS NULL OR category = $4)
               GROUP BY merchant_id, category, currency
           ), top AS (
               SELECT merchant_id, sum(count) AS uses, max(last_date) AS last_date FROM t
               GROUP BY merchant_id ORDER BY uses DESC, last_date DESC, merchant_id LIMIT $5
           ), merchants AS (
               SELECT merchant_id, t.currency, sum(t.count)::bigint AS count, sum(t.total) AS total,
                      max(t.last_date) AS last_date, top.uses::bigint AS uses
               FROM top JOIN t USING (merchant_id) GROUP BY merchant_id, t.currency, top.uses
           ), categories AS (
               SELECT category, currency, sum(count)::bigint AS count, sum(total) AS total, max(last_date) AS last_date,
                      (sum(sum(count)) OVER (PARTITION BY category))::bigint AS uses
               FROM t GROUP BY category, currency
           )
           SELECT s.merchant_id, m.canonical_name AS "canonical_name?", m.category AS "category!", s.currency AS "currency!",
                  s.count AS "count!", s.total AS "total!", s.last_date AS "last_date!", s.uses AS "uses!"
           FROM merchants s JOIN merchant_master m ON m.id = s.merchant_id
           UNION ALL
           SELECT NULL, NULL, category, currency, count, total, last_date, uses FROM categories"#,
        user_id,
        since,
        until,
        category,
        limit,
    )
    .fetch_all(tx)
    .await
}
