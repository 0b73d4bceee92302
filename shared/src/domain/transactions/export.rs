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
use time::Duration;
use tokio::task::yield_now;
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
    pub rows: u64,
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
struct Sheet<'a> {
    files: &'a Files,
    format: Format,
    key: String,
    text: Vec<u8>,
    upload: Option<Upload<'a>>,
    rows: u64,
}

impl<'a> Sheet<'a> {
    fn new(files: &'a Files, format: Format, user_id: Uuid) -> Result<Self, Problem> {
        let key = format!("exports/{user_id}/{}", Uuid::now_v7());
        let mut sheet = Self { files, format, key, text: Vec::new(), upload: None, rows: 0 };
        match format {
            Format::Csv => cells::lines(&mut sheet.text, [cells::HEADER].into_iter())?,
            Format::Json => sheet.text.extend_from_slice(b"{\"data\":["),
        }
        Ok(sheet)
    }

    fn kind(&self) -> (&'static str, &'static str) {
        match self.format {
            Format::Csv => ("text/csv; charset=utf-8", "transactions.csv"),
            Format::Json => ("application/json", "transactions.json"),
        }
    }

    fn write(&mut self, transactions: &[Transaction]) -> Result<(), Problem> {
        match self.format {
            Format::Csv => cells::lines(&mut self.text, transactions.iter().map(cells::of))?,
            Format::Json => {
                for (transaction, before) in transactions.iter().zip(self.rows..) {
                    if before > 0 {
                        self.text.push(b',');
                    }
                    serde_json::to_writer(&mut self.text, transaction).map_err(Problem::internal)?;
                }
            }
        }
        self.rows = self.rows.saturating_add(u64::try_from(transactions.len()).map_err(Problem::internal)?);
        Ok(())
    }

    /// Whether it fits an answer, as a string of whose JSON every quotation mark is two characters.
    fn fits(&self) -> bool {
        let escaped = |byte: &&u8| matches!(byte, b'"' | b'\\' | b'\n' | b'\r' | b'\t');
        let most = self.text.len().saturating_mul(2);
        most <= ANSWERED || self.text.len().saturating_add(self.text.iter().filter(escaped).count()) <= ANSWERED
    }

    /// Stores what is enough for a part.
    async fn store(&mut self) -> Result<(), Problem> {
        if self.upload.is_none() && !self.fits() {
            let (content_type, name) = self.kind();
            self.upload = Some(self.files.begin(self.key.clone(), content_type, name).await?);
        }
        match &mut self.upload {
            Some(upload) if self.text.len() >= PART => upload.part(std::mem::take(&mut self.text)).await,
            _ => Ok(()),
        }
    }

    async fn finish(mut self) -> Result<Exported, Problem> {
        if self.format == Format::Json {
            self.text.extend_from_slice(b"]}");
        }
        let (content_type, name) = self.kind();
        match self.upload {
            None => {
                let body = String::from_utf8(self.text).map_err(Problem::internal)?;
                Ok(Exported::File { content_type, name, body })
            }
            Some(mut upload) => {
                if !self.text.is_empty() {
                    upload.part(self.text).await?;
                }
                Ok(Exported::Link(Link { url: upload.finish().await?, expires_in: LINK_S, rows: self.rows }))
            }
        }
    }
}

/// Writes the user's transactions, newest first, into a file. They are read batch by batch, each in a transaction of its
/// own, so that no more than a part of the file is in memory and nothing is stored while one is open.
pub async fn export(db: &ReadDb, files: &Files, call: &Call, asked: &Export) -> Result<Exported, Problem> {
    let user_id = call.claims()?.user_id;
    let mut sheet = Sheet::new(files, asked.format, user_id)?;
    let mut rows = auth::with_user(db, call, async |tx: &mut Tx, me: &Me| {
        Ok(sql::export::batch(tx, me.user_id, &asked.filters, None, BATCH).await?)
    })
    .await?;
    loop {
        let full = i64::try_from(rows.len()).is_ok_and(|count| count >= BATCH);
        let Some(last) = rows.last().filter(|_| full).map(|last| Place { date: last.date, id: last.id }) else {
            sheet.write(&rows)?;
            sheet.store().await?;
            return sheet.finish().await;
        };
        if clock::now() > call.now.saturating_add(TIME) {
            return Err(Problem::new(
                422,
                "export_too_large",
                "These are too many transactions for one file: narrow them with since and until, and fetch several.",
            ));
        }
        let next = db.tx(async |tx: &mut Tx| {
            Ok::<_, Problem>(sql::export::batch(tx, user_id, &asked.filters, Some(last), BATCH).await?)
        });
        // The database looks for the next batch while this one is written, a few rows at a time, and stored.
        let written = async {
            for some in rows.chunks(64) {
                sheet.write(some)?;
                yield_now().await;
            }
            sheet.store().await
        };
        let (following, written) = join(next, written).await;
        written?;
        rows = following?;
    }
}
