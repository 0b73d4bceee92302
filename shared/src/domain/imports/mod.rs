//! Importing a bank's file: stored first, then read in chunks by a task that can be killed at any point.

mod chunk;
mod mappings;
mod revert;
mod run;
mod sql;
pub mod statement;
mod upload;

use super::{
    auth::Me,
    events::Turn,
    pages::{Page, PageQuery, Place},
};
use crate::platform::{
    db::{Db, Postgres, Tx, Write},
    fields::{Fault, Field, Fields, Read},
    jwt::KeySet,
    problem::Problem,
};
pub use mappings::{Mappings, NewMapping, NewMappingBody, SavedMapping, mappings, save_mapping};
pub use revert::{revert, take_back};
pub use run::run;
use serde::Serialize;
use serde_json::{Value, json};
use statement::{Mapping, Options, Refusal};
use time::{Duration, OffsetDateTime};
pub use upload::{NewUpload, NewUploadBody, Upload, upload, uploaded};
use uuid::Uuid;

/// The largest file that comes in a request's body.
pub const BODY_LIMIT: usize = 4 * 1024 * 1024;
/// Row errors that an answer lists.
const ERRORS_SHOWN: i64 = 1000;

/// What to do with a row that the user has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// Leave it out.
    Skip,
    /// Take it and say what it looks like.
    Flag,
    /// Take it.
    Import,
}

impl OnDuplicate {
    fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Flag => "flag",
            Self::Import => "import",
        }
    }
}

impl Field for OnDuplicate {
    fn from_text(text: &str) -> Result<Self, Fault> {
        [Self::Skip, Self::Flag, Self::Import]
            .into_iter()
            .find(|policy| policy.as_str() == text)
            .ok_or_else(|| Fault::new("not_a_policy", "Send skip, flag or import."))
    }
}

/// What `POST /transactions/import` takes beside the file.
pub struct Start {
    on_duplicate: OnDuplicate,
    /// A saved mapping to read the file by.
    mapping: Option<Uuid>,
    /// Where the file was sent to, unless it is the body.
    pub upload: Option<Uuid>,
}

impl Read for Start {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (on_duplicate, mapping) = (fields.optional("on_duplicate"), fields.optional("mapping"));
        let upload = fields.optional("upload");
        Some(Self { on_duplicate: on_duplicate.unwrap_or(OnDuplicate::Skip), mapping, upload })
    }
}

/// What `POST /transactions/import` answers with.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Started {
    /// The import's id.
    pub id: Uuid,
    /// `queued`.
    #[schema(example = "queued")]
    pub status: &'static str,
}

/// Where an import's file is kept.
#[must_use]
pub fn file_key(user_id: Uuid, id: Uuid) -> String {
    format!("imports/{user_id}/{id}")
}

/// How a file is read. One whose shape cannot be told is refused at once, with what to send instead.
pub fn shape_of(bytes: &[u8], options: &Options) -> Result<Mapping, Problem> {
    statement::detect(bytes, options).map(|shape| shape.mapping().clone()).map_err(refused)
}

fn refused(refusal: Refusal) -> Problem {
    let mut problem = Problem::new(422, refusal.code, refusal.detail);
    problem.more.insert("preview".into(), json!(refusal.preview));
    if let Some(candidates) = refusal.candidates {
        problem.more.insert("mapping".into(), json!(candidates));
    }
    problem
}

/// What is known of a file beside the file: the saved mapping, if one was named, and the user's currency.
pub async fn options(tx: &mut Tx, me: &Me, start: &Start) -> Result<Options, Problem> {
    let mut options = Options { mapping: None, default_currency: me.currency.clone() };
    if let Some(id) = start.mapping {
        let unknown = || Problem::field("?mapping", "unknown_mapping", "Send the id of one of your mappings.");
        options.mapping = Some(mappings::find(tx, me.user_id, id).await?.ok_or_else(unknown)?);
    }
    Ok(options)
}

/// Records an import whose file is stored.
pub async fn start(
    tx: &mut Tx,
    me: &Me,
    id: Uuid,
    size: usize,
    start: &Start,
    mapping: &Mapping,
) -> Result<Started, Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let new = sql::NewImport {
        id,
        file_key: &file_key(me.user_id, id),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        on_duplicate: start.on_duplicate.as_str(),
        mapping_id: start.mapping,
        mapping: &serde_json::to_value(mapping).map_err(Problem::internal)?,
        currency: &me.currency,
        changed_seq: turn.changed_seq,
        now: me.now,
    };
    sql::insert(tx, me.user_id, &new).await?;
    turn.finish(tx).await?;
    Ok(Started { id, status: "queued" })
}

/// An import as its owner sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Import {
    /// Its id.
    pub id: Uuid,
    /// `queued`, `running`, `completed`, `failed` or `reverted`.
    #[schema(example = "completed")]
    pub status: String,
    /// What happens to rows that were there before: `skip`, `flag` or `import`.
    #[schema(example = "skip")]
    pub on_duplicate: String,
    /// The file's size.
    #[schema(example = 18_342)]
    pub size_bytes: i64,
    /// Rows in the file, once they are counted.
    #[schema(example = 250)]
    pub rows_total: Option<i32>,
    /// Rows that became transactions.
    #[schema(example = 247)]
    pub rows_imported: i32,
    /// Rows that were there before.
    #[schema(example = 2)]
    pub rows_duplicate: i32,
    /// Rows that could not be read.
    #[schema(example = 1)]
    pub rows_failed: i32,
    /// Transactions that were taken back.
    #[schema(example = 0)]
    pub rows_reverted: i32,
    /// Why it failed.
    pub error_code: Option<String>,
    /// What to do about it.
    pub error_detail: Option<String>,
    /// When it was asked for.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T12:00:04Z")]
    pub finished_at: Option<OffsetDateTime>,
}

/// A row that could not be read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RowProblem {
    /// The line of the file, from 1, on which the row starts.
    #[schema(example = 17)]
    pub line: i32,
    /// The column, if it is one's fault.
    #[schema(example = "Booking date")]
    pub column: Option<String>,
    /// A stable code.
    #[schema(example = "bad_date")]
    pub code: String,
    /// What was seen, and what to send.
    #[schema(example = "\"31.02.2026\" is no date: mend the line and import the file again.")]
    pub detail: String,
}

/// An import with its row errors.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ImportDetail {
    /// The import.
    #[serde(flatten)]
    pub import: Import,
    /// The first thousand rows that could not be read.
    pub errors: Vec<RowProblem>,
}

/// One import of the user's.
pub async fn get(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<ImportDetail, Problem> {
    let import = sql::get(tx, user_id, id).await?.ok_or_else(Problem::not_found)?;
    let errors = if import.rows_failed > 0 { sql::errors(tx, user_id, id, ERRORS_SHOWN).await? } else { Vec::new() };
    Ok(ImportDetail { import, errors })
}

/// How an import stands, in numbers: what its task says of it.
pub async fn outcome(db: &Db, user_id: Uuid, id: Uuid) -> Result<Option<Value>, Problem> {
    let import = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::get(tx, user_id, id).await?)).await?;
    let numbers = |import: Import| {
        let Import { status, rows_imported, rows_duplicate, rows_failed, rows_reverted, error_code, .. } = import;
        json!({
            "status": status, "imported": rows_imported, "duplicates": rows_duplicate, "failed": rows_failed,
            "reverted": rows_reverted, "error_code": error_code,
        })
    };
    Ok(import.map(numbers))
}

/// What `GET /transactions/imports` takes.
pub struct List(PageQuery);

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(PageQuery::read(fields)))
    }
}

/// A page of the user's imports, newest first.
pub async fn list(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &List) -> Result<Page<Import>, Problem> {
    let List(page) = asked;
    let after = page.place(keys, me.user_id, "imports")?.map(|place| place.id);
    let (data, total) = sql::list(tx, me.user_id, after, page.wanted(), page.offset).await?;
    let place = |last: &Import| Place { date: last.created_at.date(), id: last.id };
    Ok(page.page(keys, me.user_id, "imports", total, data, place))
}

/// What an `import_update` tells.
fn update(id: Uuid, status: &str, progress: &sql::Progress) -> Value {
    json!({
        "id": id,
        "status": status,
        "rows": progress.next_row,
        "errors": progress.failed,
        "imported": progress.imported,
        "duplicates": progress.duplicate,
        "reverted": progress.reverted,
    })
}

/// An import that waits or stands still although nobody works on it: after a kill before its task was sent.
pub struct Stalled {
    /// Whose.
    pub user_id: Uuid,
    /// Which.
    pub id: Uuid,
    /// Whether it is being taken back.
    pub reverting: bool,
    old: bool,
}

impl Stalled {
    /// Whether its file ended every worker for a day, and would end the next one.
    #[must_use]
    pub fn hopeless(&self) -> bool {
        self.old && !self.reverting
    }
}

/// Imports that nobody has touched for so long.
pub async fn stalled(db: &Postgres<Write>, now: OffsetDateTime, still: Duration) -> Result<Vec<Stalled>, Problem> {
    db.tx(async |tx: &mut Tx| Ok(sql::stalled(tx, now.saturating_sub(still)).await?)).await
}

/// Ends an import that cannot be read to its end.
pub async fn give_up(db: &Db, stalled: &Stalled) -> Result<(), Problem> {
    let detail = "Reading the file was tried for a day: revert this import, and send the file in parts.";
    run::failed(db, stalled.user_id, stalled.id, "gave_up", detail).await
}
