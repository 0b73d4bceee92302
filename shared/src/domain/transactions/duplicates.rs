//! Transactions that look the same as others, and what the user says about them.

use super::{
    Transaction,
    edit::{stamp, tell},
    sql,
};
use crate::{
    domain::{
        auth::Me,
        events::Turn,
        pages::{PageQuery, Place},
    },
    platform::{
        db::Tx,
        fields::{Fault, Field, Fields, Read},
        jwt::KeySet,
        problem::Problem,
    },
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use uuid::Uuid;

/// Lookalikes that a group shows.
const SHOWN: i64 = 8;
/// Groups a page, at most: with their lookalikes they still fit into an answer.
const MOST_GROUPS: i64 = 50;
/// Resolutions that one request may bring.
const MOST_RESOLUTIONS: usize = 100;

/// What `GET /transactions/duplicates` takes.
pub struct GroupQuery(PageQuery);

impl Read for GroupQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let page = PageQuery::read(fields);
        if page.limit > MOST_GROUPS {
            fields.refuse("limit", Fault::new("out_of_range", "Send a whole number from 1 to 50."));
        }
        if page.offset > 0 {
            fields.refuse("offset", Fault::new("no_offset", "Page on with the cursor."));
        }
        Some(Self(page))
    }
}

/// Transactions that look the same.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Group {
    /// The one that was there first; none when it was deleted or changed since.
    pub original: Option<Transaction>,
    /// How many look like it.
    pub count: i64,
    /// The first of them, eight at most.
    pub duplicates: Vec<Transaction>,
}

/// A page of groups.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Groups {
    /// The newest first.
    pub data: Vec<Group>,
    /// At most so many a page.
    #[schema(example = 50)]
    pub limit: i64,
    /// Whether more follow.
    pub has_more: bool,
    /// Send it as `cursor` for the next page.
    pub next_cursor: Option<String>,
}

/// A page of groups of transactions that look the same and that the user said nothing about yet.
pub async fn duplicates(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &GroupQuery) -> Result<Groups, Problem> {
    let GroupQuery(page) = asked;
    let after = page.place(keys, me.user_id, "duplicates")?;
    let wanted = page.limit.saturating_add(1);
    let members = sql::duplicates::groups(tx, me.user_id, after, wanted, SHOWN).await?;
    let (mut data, mut places): (Vec<Group>, Vec<Place>) = (Vec::new(), Vec::new());
    for member in members {
        let place = Place { date: member.date, id: member.group };
        if places.last() != Some(&place) {
            places.push(place);
            data.push(Group { original: None, count: member.count, duplicates: Vec::new() });
        }
        let Some(group) = data.last_mut() else { continue };
        if member.transaction.id == member.group {
            group.original = Some(member.transaction);
        } else {
            group.duplicates.push(member.transaction);
        }
    }
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let has_more = data.len() > limit;
    data.truncate(limit);
    places.truncate(limit);
    let last = places.last().filter(|_| has_more);
    let next_cursor = last.map(|last| last.seal(keys, me.user_id, "duplicates"));
    Ok(Groups { data, limit: page.limit, has_more, next_cursor })
}

/// What the user says about a transaction that looks like another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Keep,
    Delete,
}

impl Field for Action {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "keep" => Ok(Self::Keep),
            "delete" => Ok(Self::Delete),
            _ => Err(Fault::new("not_an_action", "Send keep or delete.")),
        }
    }
}

#[derive(Clone, Copy)]
struct One {
    transaction_id: Uuid,
    action: Action,
}

impl Read for One {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (transaction_id, action) = (fields.required("transaction_id"), fields.required("action"));
        Some(Self { transaction_id: transaction_id?, action: action? })
    }
}

/// The members of a list as they were written.
struct Many(Vec<Box<RawValue>>);

impl Field for Many {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_a_list", "Send a list of 1 to 100 objects."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        match serde_json::from_str::<Vec<Box<RawValue>>>(raw) {
            Ok(list) if (1..=MOST_RESOLUTIONS).contains(&list.len()) => Ok(Self(list)),
            _ => Self::from_text(raw),
        }
    }
}

/// What `POST /transactions/duplicates/resolve` takes: one, or a list.
pub struct Resolution {
    all: Vec<One>,
    alone: bool,
}

impl Read for Resolution {
    fn read(fields: &mut Fields) -> Option<Self> {
        if !fields.has("resolutions") {
            return One::read(fields).map(|one| Self { all: vec![one], alone: true });
        }
        let (listed, mut all) = (fields.required::<Many>("resolutions")?, Vec::<One>::new());
        for (i, raw) in listed.0.into_iter().enumerate() {
            let place = format!("resolutions/{i}");
            match Fields::from_json(raw.get().as_bytes()).and_then(Fields::read::<One>) {
                Ok(one) if all.iter().any(|other| other.transaction_id == one.transaction_id) => {
                    fields.refuse(&place, Fault::new("duplicate_id", "Send each transaction once."));
                }
                Ok(one) => all.push(one),
                Err(problem) if problem.errors.is_empty() => {
                    fields.refuse(&place, Fault::new("not_an_object", "Send transaction_id and action."));
                }
                Err(problem) => fields.refuse_within(&place, problem.into_errors()),
            }
        }
        Some(Self { all, alone: false })
    }
}

/// The form of [`Resolution`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
pub enum ResolutionBody {
    /// One.
    One(OneBody),
    /// Several, together or not at all.
    Many {
        /// 1 to 100, each transaction once.
        resolutions: Vec<OneBody>,
    },
}

/// What to do with one transaction.
#[derive(utoipa::ToSchema)]
#[schema(as = ResolutionOfOne)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct OneBody {
    /// Which.
    transaction_id: Uuid,
    /// `keep`: it is none, and is not flagged again. `delete`: it is one, and goes; it can be restored.
    #[schema(example = "keep")]
    action: String,
}

/// What became of one transaction.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Outcome {
    /// Which.
    pub transaction_id: Uuid,
    /// `kept`, `deleted` or, of several, `not_found`.
    #[schema(example = "kept")]
    pub result: &'static str,
}

/// What `POST /transactions/duplicates/resolve` answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Resolved {
    /// One for each that was sent, in the same order.
    pub results: Vec<Outcome>,
}

/// Keeps or deletes transactions that look like others. One that is sent alone must be there; of several, each says
/// whether it was.
pub async fn resolve(tx: &mut Tx, me: &Me, asked: &Resolution) -> Result<Resolved, Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let ids: Vec<_> = asked.all.iter().map(|one| one.transaction_id).collect();
    let rows = sql::edit::by_ids(tx, me.user_id, &ids).await?;
    let mut rows: HashMap<_, _> = rows.into_iter().filter(|row| !row.is_deleted).map(|row| (row.id, row)).collect();
    let (mut results, mut after, mut kept, mut deleted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for One { transaction_id, action } in asked.all.iter().copied() {
        let Some(mut row) = rows.remove(&transaction_id) else {
            if asked.alone {
                return Err(Problem::not_found());
            }
            results.push(Outcome { transaction_id, result: "not_found" });
            continue;
        };
        stamp(&mut row, &turn, me);
        let result = match action {
            Action::Keep => {
                kept.push(transaction_id);
                row.duplicate_of = None;
                "kept"
            }
            Action::Delete => {
                deleted.push(transaction_id);
                row.is_deleted = true;
                "deleted"
            }
        };
        after.push(row);
        results.push(Outcome { transaction_id, result });
    }
    sql::duplicates::keep(tx, me.user_id, &kept, turn.changed_seq, me.now).await?;
    sql::duplicates::delete(tx, me.user_id, &deleted, turn.changed_seq, me.now).await?;
    tell(tx, me, turn, &[], &after).await?;
    Ok(Resolved { results })
}
