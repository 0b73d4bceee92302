//! The statement behind the search.

use super::filtered;
use crate::{
    domain::transactions::{
        Filters,
        search::{CANDIDATES, NEWEST, Reach, Window},
    },
    platform::db::Tx,
};
use sqlx::{Error, Postgres, QueryBuilder, Row, postgres::PgRow};
use time::Date;
use uuid::Uuid;

/// A candidate.
#[derive(Clone, Copy, Debug)]
pub struct Hit {
    pub id: Uuid,
    pub date: Date,
    pub rank: f32,
    pub reach: Reach,
    /// Whether the walk ended before the rows did.
    pub rows_below: bool,
}

/// The newest matches of a window, at most one more than there are candidates, newest first.
///
/// A common word is found among the newest rows by walking them; only where those hold less than a page of it is the
/// index of words asked, which finds all matches at once and cannot find the newest first.
pub async fn newest(
    tx: &mut Tx,
    user_id: Uuid,
    filters: &Filters,
    words: &str,
    window: &Window,
    page: i64,
) -> Result<Vec<Hit>, Error> {
    let wordless = Filters { q: None, ..filters.clone() };
    let (walked, asked) = (window.reach != Some(Reach::Far), window.reach != Some(Reach::Near));
    // Rows may have come into a window that is read again; what was in it must not fall out.
    let room = if window.bottom.is_some() { CANDIDATES.saturating_mul(4) } else { CANDIDATES.saturating_add(1) };
    let mut query = QueryBuilder::<Postgres>::new("WITH words AS MATERIALIZED (SELECT websearch_to_tsquery('simple', ");
    query.push_bind(words).push(") AS q), near AS MATERIALIZED (SELECT * FROM (SELECT * FROM (");
    rows(&mut query, user_id, &wordless, window, Some(NEWEST));
    query.push(") AS live ORDER BY date DESC, id DESC LIMIT ").push_bind(NEWEST);
    query.push(") AS newest WHERE ").push_bind(walked).push(" AND tsv @@ (SELECT q FROM words) LIMIT ").push_bind(room);
    query.push("), below AS MATERIALIZED (SELECT EXISTS (SELECT FROM (");
    rows(&mut query, user_id, &wordless, window, Some(NEWEST.saturating_add(1)));
    query.push(") AS r OFFSET ").push_bind(NEWEST).push(") AS more WHERE ").push_bind(walked);
    query.push(" AND (SELECT count(*) FROM near) <= ").push_bind(page);
    query.push("), hits AS MATERIALIZED (SELECT * FROM (");
    rows(&mut query, user_id, filters, window, None);
    query.push(") AS found WHERE ").push_bind(asked).push(" AND (").push_bind(!walked);
    query.push(" OR (SELECT more FROM below))), far AS (SELECT * FROM hits ORDER BY date DESC, id DESC LIMIT ");
    query.push_bind(room).push(
        "), best AS (
             SELECT *, true AS is_near FROM near WHERE NOT EXISTS (SELECT FROM far) UNION ALL SELECT *, false FROM far
         )
         SELECT id, date, ts_rank(tsv, (SELECT q FROM words)) AS rank, is_near,
                coalesce((SELECT more FROM below), true) AS rows_below
         FROM best ORDER BY date DESC, id DESC",
    );
    let rows = query.build().fetch_all(tx).await?;
    let hit = |row: PgRow| {
        let reach = if row.try_get("is_near")? { Reach::Near } else { Reach::Far };
        let rows_below = row.try_get("rows_below")?;
        Ok(Hit { id: row.try_get("id")?, date: row.try_get("date")?, rank: row.try_get("rank")?, reach, rows_below })
    };
    rows.into_iter().map(hit).collect()
}

/// The rows of a window, live ones and those that were asked for beside them; with a limit the newest of each kind.
fn rows(query: &mut QueryBuilder<Postgres>, user_id: Uuid, filters: &Filters, window: &Window, limit: Option<i64>) {
    let kinds: &[bool] = if filters.deleted { &[false, true] } else { &[false] };
    for (i, deleted) in kinds.iter().enumerate() {
        query.push(if i == 0 { "(SELECT t.id, t.date, t.tsv" } else { " UNION ALL (SELECT t.id, t.date, t.tsv" });
        filtered(query, user_id, filters, *deleted);
        if let Some(top) = window.top {
            query.push(" AND (t.date, t.id) < (").push_bind(top.date).push(", ").push_bind(top.id).push(")");
        }
        if let Some(bottom) = window.bottom {
            query.push(" AND (t.date, t.id) >= (").push_bind(bottom.date).push(", ").push_bind(bottom.id).push(")");
        }
        if let Some(limit) = limit {
            query.push(" ORDER BY t.date DESC, t.id DESC LIMIT ").push_bind(limit);
        }
        query.push(")");
    }
}
