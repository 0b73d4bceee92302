//! The statement behind the search.

use super::filtered;
use crate::{
    domain::{
        pages::Place,
        transactions::{
            Filters,
            search::{CANDIDATES, NEWEST, Reach, Window},
        },
    },
    platform::db::Tx,
};
use sqlx::{Error, Postgres, QueryBuilder, Row};
use time::Date;
use uuid::Uuid;

/// A candidate.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    pub id: Uuid,
    pub date: Date,
    pub rank: f32,
    pub reach: Reach,
}

/// The newest matches of a window, at most one more than there are candidates, newest first.
///
/// A common word is found among the newest rows by walking them; only where those hold too few is the index of words
/// asked, which finds all matches at once and cannot find the newest first. So neither costs more for more rows.
pub async fn newest(
    tx: &mut Tx,
    user_id: Uuid,
    filters: &Filters,
    words: &str,
    window: &Window,
) -> Result<Vec<Hit>, Error> {
    let kinds: &[bool] = if filters.deleted { &[false, true] } else { &[false] };
    let wordless = Filters { q: None, ..filters.clone() };
    // Rows may have come into a window that is read again; what was in it must not fall out.
    let most = if window.bottom.is_some() { CANDIDATES.saturating_mul(4) } else { CANDIDATES.saturating_add(1) };
    let mut query = QueryBuilder::<Postgres>::new("WITH words AS MATERIALIZED (SELECT websearch_to_tsquery('simple', ");
    query.push_bind(words).push(") AS q), near AS MATERIALIZED (SELECT id, date, tsv FROM (");
    for (i, deleted) in kinds.iter().enumerate() {
        query.push(if i == 0 { "(SELECT t.id, t.date, t.tsv" } else { " UNION ALL (SELECT t.id, t.date, t.tsv" });
        filtered(&mut query, user_id, &wordless, *deleted);
        within(&mut query, window);
        query.push(" ORDER BY t.date DESC, t.id DESC LIMIT ").push_bind(NEWEST).push(")");
    }
    query.push(") AS newest WHERE tsv @@ (SELECT q FROM words) AND ").push_bind(window.reach != Some(Reach::Far));
    query.push(" ORDER BY date DESC, id DESC LIMIT ").push_bind(most);
    query.push("), hits AS MATERIALIZED (SELECT * FROM (");
    for (i, deleted) in kinds.iter().enumerate() {
        query.push(if i == 0 { "(SELECT t.id, t.date, t.tsv" } else { " UNION ALL (SELECT t.id, t.date, t.tsv" });
        filtered(&mut query, user_id, filters, *deleted);
        within(&mut query, window);
        query.push(")");
    }
    query.push(") AS found WHERE ").push_bind(window.reach != Some(Reach::Near));
    query.push(" AND (SELECT count(*) FROM near) <= ").push_bind(if window.reach.is_none() { CANDIDATES } else { 0 });
    query.push("), far AS (SELECT * FROM hits ORDER BY date DESC, id DESC LIMIT ");
    query.push_bind(most);
    query.push(
        ") SELECT id, date, ts_rank(tsv, (SELECT q FROM words)) AS rank, is_near FROM (
             SELECT id, date, tsv, true AS is_near FROM near
             WHERE NOT EXISTS (SELECT FROM far)
             UNION ALL SELECT id, date, tsv, false FROM far
         ) AS c ORDER BY date DESC, id DESC",
    );
    let rows = query.build().fetch_all(tx).await?;
    let hit = |row: sqlx::postgres::PgRow| {
        let reach = if row.try_get("is_near")? { Reach::Near } else { Reach::Far };
        Ok(Hit { id: row.try_get("id")?, date: row.try_get("date")?, rank: row.try_get("rank")?, reach })
    };
    rows.into_iter().map(hit).collect()
}

fn within(query: &mut QueryBuilder<Postgres>, window: &Window) {
    let mut bound = |place: Option<Place>, than: &str| {
        if let Some(place) = place {
            query.push(than).push_bind(place.date).push(", ").push_bind(place.id).push(")");
        }
    };
    bound(window.top, " AND (t.date, t.id) < (");
    bound(window.bottom, " AND (t.date, t.id) >= (");
}
