//! Full text over merchant and note: newest first in windows, the best of each window first.

use super::{
    Filters, Transaction,
    highlight::{self, Piece},
    sql,
};
use crate::{
    domain::{
        auth::Me,
        pages::{Cursor, Place, bad_cursor, seal, unseal},
    },
    platform::{
        db::Tx,
        fields::{Bounded, Fields, Read, Text},
        jwt::KeySet,
        problem::Problem,
    },
};
use serde::Serialize;
use std::{cmp::Reverse, collections::HashMap};
use uuid::Uuid;

/// Matches that are ranked among each other, at most: the newest, then those before them.
pub const CANDIDATES: i64 = 200;
/// Rows that are walked, newest first, before the index of words is asked instead: a few milliseconds.
pub const NEWEST: i64 = 10_000;

/// How the matches of a window are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// By walking the newest rows.
    Near,
    /// By the index of words.
    Far,
}

/// A stretch of the user's transactions that is ranked as one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// It holds what is older than this.
    pub top: Option<Place>,
    /// It holds nothing older than this; still to be found where none is given.
    pub bottom: Option<Place>,
    /// As it was found before.
    pub reach: Option<Reach>,
}

/// The place after a page.
#[derive(Clone, Copy, Debug, PartialEq)]
struct After {
    window: Window,
    /// Whether older matches follow the window.
    more_below: bool,
    /// The last row, within a window that has more.
    last: Option<(f32, Place)>,
}

/// What `GET /transactions/search` takes.
pub struct Search {
    filters: Filters,
    limit: i64,
    cursor: Option<Cursor>,
}

impl Read for Search {
    fn read(fields: &mut Fields) -> Option<Self> {
        let q: Option<Text<1, 200>> = fields.required("q");
        let (limit, cursor) = (fields.optional::<Bounded<1, 100>>("limit"), fields.optional("cursor"));
        let filters = Filters::read(fields);
        let filters = Filters { q: Some(q?), ..filters };
        Some(Self { filters, limit: limit.map_or(50, |n| n.0), cursor })
    }
}

/// A transaction that a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Match {
    /// The transaction.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// How well it matches; comparable within one search alone.
    #[schema(example = 0.25)]
    pub rank: f32,
    /// `merchant_raw` in pieces, so that the words can be marked without putting markup into the text.
    pub merchant_pieces: Vec<Piece>,
    /// `note` in pieces.
    pub note_pieces: Option<Vec<Piece>>,
}

/// A page of what a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Matches {
    /// The best first among the newest matches, 200 at most; then the best among those before them, and so on. A page
    /// may be short, and the last one empty.
    pub data: Vec<Match>,
    /// At most so many a page.
    #[schema(example = 50)]
    pub limit: i64,
    /// Whether more follow.
    pub has_more: bool,
    /// Send it as `cursor` for the next page, with the same filters.
    pub next_cursor: Option<String>,
}

/// A page of what matches. Not counted: that would cost more the more there are.
pub async fn search(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &Search) -> Result<Matches, Problem> {
    let canonical = asked.filters.canonical();
    let after = match &asked.cursor {
        None => After { window: Window::default(), more_below: false, last: None },
        Some(Cursor(text)) => After::open(text, keys, me.user_id, &canonical).ok_or_else(bad_cursor)?,
    };
    let words = asked.filters.words().unwrap_or_default();
    let mut hits = sql::search::newest(tx, me.user_id, &asked.filters, &words, &after.window, asked.limit).await?;
    let mut more_below = after.more_below;
    if after.window.bottom.is_none() {
        let most = usize::try_from(CANDIDATES).unwrap_or(usize::MAX);
        let unseen = hits.first().is_some_and(|hit| hit.reach == Reach::Near && hit.rows_below);
        more_below = hits.len() > most || unseen;
        hits.truncate(most);
    }
    let reach = hits.first().map(|hit| hit.reach);
    let bottom = after.window.bottom.or(hits.last().map(|hit| Place { date: hit.date, id: hit.id }));
    let order = |rank: f32, place: Place| (Reverse(ordered(rank)), Reverse((place.date, place.id)));
    let mut ranked: Vec<_> = hits.iter().map(|hit| (hit.rank, Place { date: hit.date, id: hit.id })).collect();
    ranked.sort_by_key(|(rank, place)| order(*rank, *place));
    if let Some((rank, place)) = after.last {
        ranked.retain(|(other, row)| order(*other, *row) > order(rank, place));
    }
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let left = ranked.len() > limit;
    ranked.truncate(limit);
    let window = Window { top: after.window.top, bottom, reach: after.window.reach.or(reach) };
    let next = if left {
        Some(After { window, more_below, last: ranked.last().copied() })
    } else {
        more_below.then_some(After {
            window: Window { top: bottom, ..Window::default() },
            more_below: false,
            last: None,
        })
    };
    Ok(Matches {
        data: fetched(tx, me.user_id, &ranked, &words).await?,
        limit: asked.limit,
        has_more: next.is_some(),
        next_cursor: next.map(|next| next.seal(keys, me.user_id, &canonical)),
    })
}

/// Ranks are sums of weights and never negative, so their bits are in their order.
fn ordered(rank: f32) -> u32 {
    rank.to_bits()
}

async fn fetched(tx: &mut Tx, user_id: Uuid, ranked: &[(f32, Place)], words: &str) -> Result<Vec<Match>, Problem> {
    let ids: Vec<_> = ranked.iter().map(|(_, place)| place.id).collect();
    let rows = if ids.is_empty() { Vec::new() } else { sql::edit::by_ids(tx, user_id, &ids).await? };
    let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.id, row)).collect();
    let wanted = highlight::wanted(words);
    let found = ranked.iter().filter_map(|(rank, place)| {
        let transaction = rows.remove(&place.id)?;
        let merchant_pieces = highlight::pieces(&transaction.merchant_raw, &wanted);
        let note_pieces = transaction.note.as_ref().map(|note| highlight::pieces(note, &wanted));
        Some(Match { transaction, rank: *rank, merchant_pieces, note_pieces })
    });
    Ok(found.collect())
}

const NONE: [u8; 20] = [0; 20];

fn bytes(place: Option<Place>) -> [u8; 20] {
    place.map_or(NONE, Place::bytes)
}

/// `None` for what stands for none; a cursor's signature keeps other bytes out.
fn place(bytes: &[u8]) -> Option<Place> {
    if bytes == NONE { None } else { Place::from_bytes(bytes) }
}

impl After {
    /// The opaque cursor, signed together with user and filters.
    fn seal(self, keys: &KeySet, user_id: Uuid, filters: &str) -> String {
        let (rank, last) = self.last.map_or((0.0, None), |(rank, place)| (rank, Some(place)));
        let reach = match self.window.reach {
            None => 0,
            Some(Reach::Near) => 1,
            Some(Reach::Far) => 2,
        };
        let plain = [
            [reach, u8::from(self.more_below)].as_slice(),
            &bytes(self.window.top),
            &bytes(self.window.bottom),
            &rank.to_be_bytes(),
            &bytes(last),
        ]
        .concat();
        seal(keys, "search", user_id, filters, &plain)
    }

    fn open(cursor: &str, keys: &KeySet, user_id: Uuid, filters: &str) -> Option<Self> {
        let plain = unseal(keys, "search", user_id, filters, cursor)?;
        let reach = match plain.first()? {
            0 => None,
            1 => Some(Reach::Near),
            _ => Some(Reach::Far),
        };
        let window = Window { top: place(plain.get(2..22)?), bottom: place(plain.get(22..42)?), reach };
        let rank = f32::from_be_bytes(plain.get(42..46)?.try_into().ok()?);
        let last = place(plain.get(46..66)?).map(|place| (rank, place));
        Some(Self { window, more_below: plain.get(1) == Some(&1), last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn a_cursor_reads_back_and_is_bound_to_its_search() {
        let secret = "0123456789abcdef".repeat(4);
        let keys: KeySet =
            serde_json::from_str(&format!(r#"{{"jwt": [{{"kid": "a", "secret": "{secret}"}}], "app": "{secret}"}}"#))
                .unwrap();
        let (user, place) = (Uuid::now_v7(), Place { date: date!(2026 - 02 - 28), id: Uuid::now_v7() });
        let window = Window { top: None, bottom: Some(place), reach: Some(Reach::Far) };
        let inside = After { window, more_below: true, last: Some((0.060_792_7, place)) };
        let below = After { window: Window { top: Some(place), ..Window::default() }, more_below: false, last: None };
        for after in [inside, below] {
            let cursor = after.seal(&keys, user, "q=a");
            assert!(cursor.len() <= 200, "{}", cursor.len());
            assert_eq!(After::open(&cursor, &keys, user, "q=a"), Some(after));
            assert_eq!(After::open(&cursor, &keys, user, "q=b"), None);
            assert_eq!(After::open(&cursor, &keys, Uuid::now_v7(), "q=a"), None);
            assert_eq!(After::open(&cursor[1..], &keys, user, "q=a"), None);
        }
        assert_eq!(After::open("", &keys, user, "q=a"), None);
    }
}
