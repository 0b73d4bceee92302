//! Lists of rows: read each for itself, answered each for itself.

use super::MOST;
use crate::platform::{
    fields::{Fault, Field, Fields, Read},
    problem::{FieldError, Problem},
};
use serde::Serialize;
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// The members of a list as they were written.
#[derive(Default)]
pub struct Rows(pub Vec<Box<RawValue>>);

impl Field for Rows {
    fn from_text(_: &str) -> Result<Self, Fault> {
        Err(Fault::new("not_a_list", "Send a list of objects."))
    }
    fn from_json(raw: &str) -> Result<Self, Fault> {
        serde_json::from_str(raw).map(Self).or_else(|_| Self::from_text(raw))
    }
}

impl Rows {
    /// A body that is one list.
    pub(super) fn read(fields: &mut Fields, name: &'static str) -> Self {
        let rows: Self = fields.optional(name).unwrap_or_default();
        if rows.0.len() > MOST {
            fields.refuse(name, Fault::new("too_many", format!("Send at most {MOST} rows.")));
        }
        rows
    }

    /// What can be read, with its place, and what is refused.
    pub(super) fn parse<T: Read>(&self) -> (Vec<(usize, T)>, Vec<RowOutcome>) {
        let (mut good, mut refused) = (Vec::new(), Vec::new());
        for (index, raw) in self.0.iter().enumerate() {
            match Fields::from_json(raw.get().as_bytes()).and_then(Fields::read::<T>) {
                Ok(row) => good.push((index, row)),
                Err(problem) if problem.errors.is_empty() => {
                    refused.push(RowOutcome::refused(index, "", "not_an_object", "Send a JSON object."));
                }
                Err(problem) => refused.push(RowOutcome::invalid(index, problem.into_errors())),
            }
        }
        (good, refused)
    }
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RowOutcome {
    /// Its place in the list, from 0.
    pub index: usize,
    /// `created` or `stored`; `existing` if the same was there before; `refused`.
    #[schema(example = "created")]
    pub status: &'static str,
    /// The transaction that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<Uuid>,
    /// The category that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// An earlier transaction of the user's that looks the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<Uuid>,
    /// Why it was refused: the first of `errors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// All that is wrong with it; pointers begin at the row.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl RowOutcome {
    pub(super) fn of(index: usize, status: &'static str, transaction_id: Uuid) -> Self {
        let transaction_id = Some(transaction_id);
        Self { index, status, transaction_id, category: None, duplicate_of: None, code: None, errors: Vec::new() }
    }

    fn invalid(index: usize, errors: Vec<FieldError>) -> Self {
        let code = errors.first().map(|error| error.code.clone().into_owned());
        Self { index, status: "refused", transaction_id: None, category: None, duplicate_of: None, code, errors }
    }

    pub(super) fn refused(index: usize, pointer: &str, code: &'static str, detail: &str) -> Self {
        Self::invalid(index, vec![FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
    }

    /// Of a user who is not there, or not any more: the two are never told apart.
    pub(super) fn unknown_user(index: usize) -> Self {
        Self::refused(index, "/user_id", "not_found", "There is no such user: check the id.")
    }
}

/// What became of all rows.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = RowResults)]
pub struct Outcomes {
    /// One for each row, in the same order.
    pub results: Vec<RowOutcome>,
    /// How many changed something.
    pub changed: usize,
    /// How many were so before.
    pub existing: usize,
    /// How many were refused.
    pub refused: usize,
}

impl Outcomes {
    pub(super) fn of(mut results: Vec<RowOutcome>) -> Self {
        results.sort_by_key(|outcome| outcome.index);
        let count = |status| results.iter().filter(|outcome| outcome.status == status).count();
        let (existing, refused) = (count("existing"), count("refused"));
        let changed = results.len().saturating_sub(existing).saturating_sub(refused);
        Self { results, changed, existing, refused }
    }

    /// Whether some rows were not come to, so that the request should be sent again.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.results.iter().any(|outcome| outcome.code.as_deref() == Some(BUSY))
    }
}

const BUSY: &str = "try_again";
/// No user is begun with later than this: what is left is told to be sent again, while the gateway still waits.
const TIME: Duration = Duration::from_secs(20);

/// Does the rows of each user, the users in a fixed order. One whose turn does not come, because an import of theirs is
/// under way, say, and those there is no time left for, are told to be sent again; the others are done.
pub(super) async fn by_user<T>(
    rows: Vec<(usize, T)>,
    user_of: impl Fn(&T) -> Uuid,
    results: &mut Vec<RowOutcome>,
    mut work: impl AsyncFnMut(Uuid, &[(usize, T)]) -> Result<Vec<RowOutcome>, Problem>,
) -> Result<(), Problem> {
    let begun = Instant::now();
    let mut users = BTreeMap::<Uuid, Vec<(usize, T)>>::new();
    for (index, row) in rows {
        users.entry(user_of(&row)).or_default().push((index, row));
    }
    let (mut done, mut held) = (false, None);
    for (user_id, rows) in users {
        let told =
            if begun.elapsed() > TIME { Err(Problem::unavailable("no time left")) } else { work(user_id, &rows).await };
        match told {
            Ok(told) => {
                done = true;
                results.extend(told);
            }
            Err(problem) if problem.status == 503 => {
                let again = "This user's rows could not be stored now: send them again.";
                results.extend(rows.iter().map(|(index, _)| RowOutcome::refused(*index, "", BUSY, again)));
                held = Some(problem);
            }
            Err(problem) => return Err(problem),
        }
    }
    // Nobody's rows were done: it is not that a user is busy.
    held.filter(|_| !done).map_or(Ok(()), Err)
}
