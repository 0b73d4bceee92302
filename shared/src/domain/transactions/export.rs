//! Transactions as a file: for a spreadsheet, for a program, and to be imported again.

use super::{Filters, Transaction, cells, sql};
use crate::{
    domain::{
        auth::{self, Me},
        pages::Place,
    },
    platform::{
        clock,
        db::{ReadDb, Tx},
        fields::{Fault, Field, Fields, Read},
        files::{Files, LINK_S, Upload},
        http::Call,
        problem::Problem,
    },
};
use futures_util::future::join;
use serde::Serialize;
use std::io::{BufWriter, Write};
use time::Duration;
use uuid::Uuid;

/// Rows in memory at a time.
const BATCH: i64 = 2_000;
/// The largest file that an answer holds, as the answer's JSON has it: Lambda's limit is 6 MB.
const ANSWERED: usize = 5 * 1024 * 1024;
/// What is stored at a time: S3 takes no smaller part than 5 MB but for the last.
const PART: usize = 8 * 1024 * 1024;
/// A batch is not begun later than this: the gateway gives up after 30 s.
const TIME: Duration = Duration::seconds(24);

/// What the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Csv,
    Json,
}

impl Format {
    /// The content type, and what to save it as.
    fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Csv => ("text/csv; charset=utf-8", "transactions.csv"),
            Self::Json => ("application/json", "transactions.json"),
        }
    }
}

impl Field for Format {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            _ => Err(Fault::new("not_a_format", "Send csv or json.")),
        }
    }
}

/// What `GET /transactions/export` takes.
pub struct Export {
    format: Format,
    filters: Filters,
}

impl Read for Export {
    fn read(fields: &mut Fields) -> Option<Self> {
        let format = fields.optional("format").unwrap_or(Format::Csv);
        Some(Self { format, filters: Filters::read(fields) })
    }
}

/// The form of [`Export`] beside its filters, for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ExportQuery {
    /// `csv` or `json`.
    #[param(default = "csv")]
    format: Option<String>,
}

/// Where a file is that is too large for an answer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Link {
    /// Fetch it here, without a token.
    #[schema(example = "https://uploads.example.com/exports/0199aa10?X-Amz-Signature=5d2f")]
    pub url: String,
    /// Seconds until the address is of no use.
    #[schema(example = 900)]
    pub expires_in: u32,
    /// How many transactions it holds.
    #[schema(example = 31_207)]
    pub rows: i64,
}

/// An export that is ready.
pub enum Exported {
    /// The file itself.
    File {
        /// Its content type.
        content_type: &'static str,
        /// What to save it as.
        name: &'static str,
        /// Its text.
        body: String,
    },
    /// The place of a large one.
    Link(Link),
}

/// The form of [`Exported`] as JSON, for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[serde(untagged)]
pub enum ExportedJson {
    /// The file.
    File {
        /// The newest first.
        data: Vec<Transaction>,
    },
    /// The link to a large one.
    Link(Link),
}

/// What has been written and not yet stored.
struct Text {
    format: Format,
    bytes: Vec<u8>,
    rows: i64,
}

impl Text {
    fn new(format: Format) -> Result<Self, Problem> {
        let mut bytes = Vec::new();
        match format {
            Format::Csv => cells::write(&mut cells::writer(&mut bytes), cells::HEADER)?,
            Format::Json => bytes.extend_from_slice(b"{\"data\":["),
        }
        Ok(Self { format, bytes, rows: 0 })
    }

    /// Writes the next batch row by row as the database sends it: a row is gone before many others have come. Returns where
    /// the one after it begins.
    async fn batch(
        &mut self,
        tx: &mut Tx,
        user_id: Uuid,
        filters: &Filters,
        after: Option<Place>,
    ) -> Result<Option<Place>, Problem> {
        let (rows, next) = match self.format {
            Format::Csv => {
                let mut lines = cells::writer(&mut self.bytes);
                let write = |row: &Transaction| cells::write(&mut lines, cells::of(row));
                sql::export::batch(tx, user_id, filters, after, BATCH, write).await?
            }
            Format::Json => {
                // A row is a hundred small pieces of text, which a buffer of a fixed size takes faster than one that grows.
                let (mut text, mut begun) = (BufWriter::new(&mut self.bytes), self.rows > 0);
                let write = |row: &Transaction| {
                    if std::mem::replace(&mut begun, true) {
                        text.write_all(b",").map_err(Problem::internal)?;
                    }
                    serde_json::to_writer(&mut text, row).map_err(Problem::internal)
                };
                let done = sql::export::batch(tx, user_id, filters, after, BATCH, write).await?;
                text.flush().map_err(Problem::internal)?;
                done
            }
        };
        self.rows = self.rows.saturating_add(rows);
        Ok(next)
    }

    /// What is enough for a part.
    fn part(&mut self) -> Option<Vec<u8>> {
        (self.bytes.len() >= PART).then(|| std::mem::take(&mut self.bytes))
    }

    /// The rest, to its end.
    fn end(mut self) -> Vec<u8> {
        if self.format == Format::Json {
            self.bytes.extend_from_slice(b"]}");
        }
        self.bytes
    }
}

/// Whether a text fits an answer, as a string of whose JSON every quotation mark is two characters.
fn fits(text: &[u8]) -> bool {
    let escaped = |byte: &&u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
    text.len().saturating_mul(2) <= ANSWERED
        || text.len().saturating_add(text.iter().filter(escaped).count()) <= ANSWERED
}

/// Where a file is stored that no answer holds.
struct Store<'a> {
    files: &'a Files,
    format: Format,
    user_id: Uuid,
    upload: Option<Upload<'a>>,
}

impl Store<'_> {
    async fn part(&mut self, bytes: Vec<u8>) -> Result<(), Problem> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => {
                let (content_type, name) = self.format.kind();
                let key = format!("exports/{}/{}", self.user_id, Uuid::now_v7());
                none.insert(self.files.begin(key, content_type, name).await?)
            }
        };
        upload.part(bytes).await
    }
}

/// Writes the user's transactions, newest first, into a file. They are read batch by batch, each in a transaction of its
/// own, so that no more than two parts of the file are in memory and no transaction waits for the store.
pub async fn export(db: &ReadDb, files: &Files, call: &Call, asked: &Export) -> Result<Exported, Problem> {
    let (format, filters, user_id) = (asked.format, &asked.filters, call.claims()?.user_id);
    let (mut text, mut store) = (Text::new(format)?, Store { files, format, user_id, upload: None });
    let first = async |tx: &mut Tx, me: &Me| text.batch(tx, me.user_id, filters, None).await;
    let mut next = auth::with_user(db, call, first).await?;
    while let Some(place) = next {
        if clock::now() > call.now.saturating_add(TIME) {
            return Err(Problem::new(
                422,
                "export_too_large",
                "These are too many transactions for one file: narrow them with since and until, and fetch several.",
            ));
        }
        let part = text.part();
        let stored = async {
            match part {
                Some(part) => store.part(part).await,
                None => Ok(()),
            }
        };
        let following = db.tx(async |tx: &mut Tx| text.batch(tx, user_id, filters, Some(place)).await);
        let (stored, following) = join(stored, following).await;
        stored?;
        next = following?;
    }
    let rows = text.rows;
    let rest = text.end();
    if store.upload.is_none() && fits(&rest) {
        let ((content_type, name), body) = (format.kind(), String::from_utf8(rest).map_err(Problem::internal)?);
        return Ok(Exported::File { content_type, name, body });
    }
    store.part(rest).await?;
    let upload = store.upload.ok_or_else(|| Problem::internal("nothing was stored"))?;
    Ok(Exported::Link(Link { url: upload.finish().await?, expires_in: LINK_S, rows }))
}
