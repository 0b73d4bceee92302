//! Data sets that the recognition of categories is trained with: a training's corrections as a file of JSON Lines.
//!
//! Each version holds the five hundred corrections of one training, so that all versions together hold each correction once
//! and a night costs what was corrected since the last. Users stand in it under a name that is another in every set.

mod sql;

use super::{
    pages::{Cursor, bad_cursor, seal, unseal},
    transactions,
};
use crate::platform::{
    clock,
    db::{Db, Tx},
    fields::{Bounded, Fields, Read},
    files::{Files, LINK_S},
    http::Call,
    jwt::{KeySet, hex, sha256},
    problem::Problem,
    queue::Ran,
};
use flate2::{Compression, GzBuilder};
use serde::Serialize;
use std::{
    io::Write as _,
    time::{Duration, Instant},
};
use time::OffsetDateTime;
use uuid::Uuid;

/// A set is not begun with less time than this left.
const SET_TIME: Duration = Duration::from_secs(10);
const KIND: &str = "training sets cursor";

/// Where the files of a version are.
fn folder(version: i64) -> String {
    format!("training-sets/{version}/")
}

/// What the names of a revision's files begin with.
fn revision_of(version: i64, revision: i32) -> String {
    format!("{}{revision}-", folder(version))
}

/// Named by what is in it, so that of two workers neither overwrites what the other has said to be ready.
fn file_key(version: i64, revision: i32, hash: &str) -> String {
    format!("{}{}.jsonl.gz", revision_of(version, revision), hash.get(..16).unwrap_or(hash))
}

/// A line of the file.
#[derive(Serialize)]
struct Line {
    user: String,
    merchant_raw: String,
    merchant_key: String,
    merchant: Option<String>,
    amount: String,
    currency: String,
    date: String,
    source: String,
    old_category: String,
    new_category: String,
    corrected_at: String,
}

/// A data set.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TrainingSet {
    /// 1, 2, 3 …
    #[schema(example = 7)]
    pub version: i64,
    /// `gathering` until the file is written, then `ready`.
    #[schema(example = "ready")]
    pub status: String,
    /// Goes up when the file is written again without an account that was closed.
    #[schema(example = 1)]
    pub revision: i32,
    /// Corrections that it was made of.
    #[schema(example = 500)]
    pub corrections: i32,
    /// Lines of the file: corrections less those of accounts that are closed.
    #[schema(example = 500)]
    pub rows: Option<i32>,
    /// The oldest correction.
    #[serde(with = "time::serde::rfc3339")]
    pub first_at: OffsetDateTime,
    /// The newest.
    #[serde(with = "time::serde::rfc3339")]
    pub last_at: OffsetDateTime,
    /// When the set was begun.
    #[serde(with = "time::serde::rfc3339")]
    pub requested_at: OffsetDateTime,
    /// When the file was written.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-31T04:30:02Z")]
    pub written_at: Option<OffsetDateTime>,
    /// How many bytes it has.
    #[schema(example = 31_415)]
    pub size_bytes: Option<i64>,
    /// The SHA-256 of the file as it is fetched.
    #[schema(example = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    pub sha256: Option<String>,
}

/// A data set, and where its file is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct LinkedTrainingSet {
    /// The set.
    #[serde(flatten)]
    pub set: TrainingSet,
    /// The file, JSON Lines compressed with gzip; fetch it without a token. Null until it is written.
    #[schema(example = "https://uploads.example.com/training-sets/7/1.jsonl.gz?X-Amz-Signature=5d2f")]
    pub url: Option<String>,
    /// Seconds until the link is of no use.
    #[schema(example = 900)]
    pub expires_in: Option<u32>,
}

/// A page of data sets.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct TrainingSets {
    /// The newest first.
    pub data: Vec<TrainingSet>,
    /// Whether older ones follow.
    pub has_more: bool,
    /// Send it as `cursor` for them.
    #[schema(example = "AZmqEHw-ex2fUjxuDUuKEQ")]
    pub next_cursor: Option<String>,
}

/// What `GET /ingest/training-sets` takes.
pub struct List {
    limit: i64,
    cursor: Option<String>,
}

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        let limit = fields.optional::<Bounded<1, 100>>("limit");
        let cursor = fields.optional::<Cursor>("cursor").map(|cursor| cursor.0);
        Some(Self { limit: limit.map_or(50, |n| n.0), cursor })
    }
}

/// The form of [`List`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ListQuery {
    /// Sets a page, 1 to 100.
    #[param(default = 50)]
    limit: Option<i64>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A page of data sets, the newest first.
pub async fn list(tx: &mut Tx, keys: &KeySet, asked: &List) -> Result<TrainingSets, Problem> {
    let open = |cursor: &String| {
        let plain = unseal(keys, KIND, Uuid::nil(), "", cursor)?;
        Some(i64::from_be_bytes(plain.try_into().ok()?))
    };
    let before = match &asked.cursor {
        None => None,
        Some(cursor) => Some(open(cursor).ok_or_else(bad_cursor)?),
    };
    let mut data = sql::list(tx, before, asked.limit.saturating_add(1)).await?;
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let has_more = data.len() > limit;
    data.truncate(limit);
    let last = data.last().filter(|_| has_more).map(|set| set.version.to_be_bytes());
    Ok(TrainingSets { has_more, next_cursor: last.map(|last| seal(keys, KIND, Uuid::nil(), "", &last)), data })
}

/// The version that a path names. What is no number cannot exist.
pub fn version_of(call: &Call) -> Result<i64, Problem> {
    call.param("version").and_then(|text| text.parse().ok()).ok_or_else(Problem::not_found)
}

/// One data set.
pub async fn get(tx: &mut Tx, version: i64) -> Result<TrainingSet, Problem> {
    sql::get(tx, version).await?.ok_or_else(Problem::not_found)
}

impl TrainingSet {
    /// What it is told apart from its other states by.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}-{}-{}\"", self.version, self.revision, self.status)
    }

    /// With a link to its file, if it is written.
    pub async fn linked(self, files: &Files) -> Result<LinkedTrainingSet, Problem> {
        let Some(hash) = &self.sha256 else {
            return Ok(LinkedTrainingSet { set: self, url: None, expires_in: None });
        };
        let url = files.link(&file_key(self.version, self.revision, hash)).await?;
        Ok(LinkedTrainingSet { set: self, url: Some(url), expires_in: Some(LINK_S) })
    }
}

/// Requests the trainings that are due, and writes the data sets that are not written yet.
pub async fn retrain(db: &Db, files: &Files, deadline: Instant) -> Result<Ran, Problem> {
    transactions::request_trainings(db).await?;
    let put = async |key: &str, bytes: Vec<u8>| files.put(key, bytes).await;
    write(db, put, async |folder: &str| files.delete_all(folder).await, deadline).await
}

/// Writes data sets: `put` stores a file, `empty` deletes all whose names begin so. A file is stored whole and only then
/// said to be ready; killed in between, the next run writes the same bytes to the same place. An account that is closed
/// meanwhile makes what was written void.
pub async fn write(
    db: &Db,
    put: impl AsyncFn(&str, Vec<u8>) -> Result<(), Problem>,
    empty: impl AsyncFn(&str) -> Result<(), Problem>,
    deadline: Instant,
) -> Result<Ran, Problem> {
    loop {
        if deadline.saturating_duration_since(Instant::now()) < SET_TIME {
            return Ok(Ran::More);
        }
        let open = db.tx(async |tx: &mut Tx| {
            let Some(open) = sql::open(tx).await? else { return Ok::<_, Problem>(None) };
            let rows = sql::rows(tx, open.id).await?;
            Ok(Some((open, rows)))
        });
        let Some((open, rows)) = open.await? else { return Ok(Ran::Done) };
        let count = i32::try_from(rows.len()).unwrap_or(i32::MAX);
        let file = compressed(&open, rows)?;
        let (size, hash) = (i64::try_from(file.len()).unwrap_or(i64::MAX), hex(&sha256(&file)));
        // A worker that was killed may have left one with somebody in it who is gone.
        for before in 1..open.revision {
            empty(&revision_of(open.version, before)).await?;
        }
        let key = file_key(open.version, open.revision, &hash);
        put(&key, file).await?;
        let written = db
            .tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::ready(tx, &open, count, size, &hash, clock::now()).await?))
            .await?;
        if !written {
            // Either another worker was as far, with the same bytes; or what was read holds somebody who is gone.
            let now = db.tx(async |tx: &mut Tx| get(tx, open.version).await).await?;
            if now.revision != open.revision {
                empty(&key).await?;
            }
        }
    }
}

/// Deterministic: the same rows are the same bytes.
fn compressed(open: &sql::Open, rows: Vec<sql::Row>) -> Result<Vec<u8>, Problem> {
    // No time and no name in the file's head.
    let mut file = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    for row in rows {
        let user = sha256(&[*open.salt.as_bytes(), *row.user_id.as_bytes()].concat());
        let line = Line {
            user: hex(user.get(..8).unwrap_or_default()),
            merchant_raw: row.merchant_raw,
            merchant_key: row.merchant_key.to_string(),
            merchant: row.merchant,
            amount: row.amount.to_string(),
            currency: row.currency,
            date: row.date.to_string(),
            source: row.source,
            old_category: row.old_category,
            new_category: row.new_category,
            corrected_at: row.created_at.format(&time::format_description::well_known::Rfc3339).unwrap_or_default(),
        };
        serde_json::to_writer(&mut file, &line).map_err(Problem::internal)?;
        file.write_all(b"\n").map_err(Problem::internal)?;
    }
    file.finish().map_err(Problem::internal)
}

/// Takes a user whose account is closed out of all data sets: their files go now, and are written again without. Before the
/// corrections themselves go, or nobody would know which sets they are in.
pub async fn forget(db: &Db, empty: impl AsyncFn(&str) -> Result<(), Problem>, user_id: Uuid) -> Result<(), Problem> {
    for version in db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::reopen(tx, user_id).await?)).await? {
        empty(&folder(version)).await?;
    }
    Ok(())
}
