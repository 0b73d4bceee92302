//! What changed since a client last asked, in the order of the changes: state, where frames only notify. It never expires,
//! because it reads rows and no log.

use super::{
    auth::Me,
    pages::{Cursor, bad_cursor, seal, unseal},
    transactions::{self, Transaction},
};
use crate::platform::{
    db::Tx,
    fields::{Bounded, Fields, Read},
    jwt::KeySet,
    problem::Problem,
};
use serde::Serialize;
use uuid::Uuid;

const KIND: &str = "sync cursor";

/// How far a client has got. Everything up to `base` it had before it began to page, so what was made later is new to it,
/// however often it changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    base: i64,
    /// The newest change when it began to page. What was deleted by then and is new to it was never shown to it.
    start: Option<i64>,
    /// The change, and the row within it, that it got last.
    change: i64,
    id: Uuid,
}

impl Position {
    const FIRST: Self = Self { base: 0, start: None, change: 0, id: Uuid::nil() };

    /// Has everything up to a change.
    fn caught_up(change: i64) -> Self {
        Self { base: change, start: None, change, id: Uuid::max() }
    }

    fn bytes(self) -> Vec<u8> {
        let numbers = [self.base, self.start.unwrap_or(-1), self.change].map(i64::to_be_bytes).concat();
        [numbers, self.id.as_bytes().to_vec()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (base, rest) = bytes.split_first_chunk()?;
        let (start, rest) = rest.split_first_chunk()?;
        let (change, id) = rest.split_first_chunk()?;
        let start = Some(i64::from_be_bytes(*start)).filter(|start| *start >= 0);
        let id = Uuid::from_slice(id).ok()?;
        Some(Self { base: i64::from_be_bytes(*base), start, change: i64::from_be_bytes(*change), id })
    }
}

/// What `GET /sync` takes.
pub struct Asked {
    limit: i64,
    cursor: Option<String>,
}

impl Read for Asked {
    fn read(fields: &mut Fields) -> Option<Self> {
        let limit = fields.optional::<Bounded<1, 500>>("limit");
        let cursor = fields.optional::<Cursor>("cursor").map(|cursor| cursor.0);
        Some(Self { limit: limit.map_or(100, |n| n.0), cursor })
    }
}

/// The form of [`Asked`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct SyncQuery {
    /// The `next_cursor` of the answer before; without it everything is new.
    cursor: Option<String>,
    /// Transactions an answer, 1 to 500.
    #[param(default = 100)]
    limit: Option<i64>,
}

/// A transaction that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Removed {
    /// Its id.
    pub id: Uuid,
}

/// What changed. Store `added` and `modified` alike, by their ids; take out what is in `removed`, if it is there.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Changes {
    /// Transactions that came, or came back, since the cursor.
    pub added: Vec<Transaction>,
    /// Transactions that changed.
    pub modified: Vec<Transaction>,
    /// Transactions that were deleted, or taken back with their import.
    pub removed: Vec<Removed>,
    /// Short lists with changes since the cursor, `budgets` and `holdings`: fetch those anew.
    #[schema(example = json!(["budgets"]))]
    pub changed_lists: Vec<&'static str>,
    /// Where to go on, now or in a year.
    #[schema(example = "AAAAAAAAAAX__________wAAAAAAAAAF____")]
    pub next_cursor: String,
    /// Whether there is more at once.
    pub has_more: bool,
}

/// What changed since the cursor.
pub async fn changes(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &Asked) -> Result<Changes, Problem> {
    let open = |cursor: &String| Position::from_bytes(&unseal(keys, KIND, me.user_id, "", cursor)?);
    let at = match &asked.cursor {
        Some(cursor) => open(cursor).ok_or_else(bad_cursor)?,
        None => Position::FIRST,
    };
    let after = transactions::After { base: at.base, start: at.start, change: at.change, id: at.id };
    let mut found = transactions::changed_after(tx, me.user_id, &after, asked.limit.saturating_add(1)).await?;
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let has_more = found.rows.len() > limit;
    found.rows.truncate(limit);
    let next = match found.rows.last().filter(|_| has_more) {
        Some((last, _)) => Position {
            base: at.base,
            start: Some(at.start.unwrap_or(found.changes)),
            change: last.changed_seq,
            id: last.id,
        },
        None => Position::caught_up(found.changes),
    };
    let lists = [("budgets", found.budgets), ("holdings", found.holdings)];
    let mut changes = Changes {
        added: Vec::new(),
        modified: Vec::new(),
        removed: Vec::new(),
        changed_lists: lists.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect(),
        next_cursor: seal(keys, KIND, me.user_id, "", &next.bytes()),
        has_more,
    };
    for (transaction, is_new) in found.rows {
        match (transaction.is_deleted, is_new) {
            (true, _) => changes.removed.push(Removed { id: transaction.id }),
            (false, true) => changes.added.push(transaction),
            (false, false) => changes.modified.push(transaction),
        }
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written_and_nothing_else_is_one() {
        let middle = Position { base: 3, start: Some(9), change: 7, id: Uuid::now_v7() };
        for position in [Position::FIRST, Position::caught_up(i64::MAX), middle] {
            assert_eq!(Position::from_bytes(&position.bytes()), Some(position));
        }
        let bytes = middle.bytes();
        for length in 0..bytes.len() {
            assert_eq!(Position::from_bytes(bytes.get(..length).unwrap()), None, "{length} bytes");
        }
        assert_eq!(Position::from_bytes(&[bytes, vec![0]].concat()), None);
    }
}
