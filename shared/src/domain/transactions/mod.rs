//! Transactions: positive is money out, negative a refund or income.

mod cells;
mod corrections;
mod create;
mod duplicates;
mod edit;
mod export;
mod handover;
mod highlight;
mod list;
mod lookalikes;
mod receipt;
mod recogniser;
mod search;
mod similar;
mod sql;

use super::{merchants::Merchant, money::Money, pages::iso};
use crate::platform::{
    db::Tx,
    fields::{Fault, Field, Text},
    problem::Problem,
};
pub use corrections::{
    Corrected, Correction, CorrectionBody, PER_TRAINING, correct, is_training_due, request_trainings,
};
pub use create::{NewTransaction, NewTransactionBody, Recognised, create, recognise};
pub use duplicates::{Group, GroupQuery, Groups, Resolution, ResolutionBody, Resolved, duplicates, resolve};
pub use edit::{Changed, Patch, TransactionPatchBody, delete, restore, update};
pub use export::{Export, ExportQuery, Exported, ExportedJson, Link, export};
pub use handover::{Corrections, HandedOver, Handover, HandoverQuery, corrections};
pub use highlight::Piece;
pub use list::{FilterQuery, Filters, List, list};
pub use lookalikes::find_duplicates;
pub use receipt::{Receipt, ReceiptBody, ReceiptUpload, attach, receipt_link, with_receipt};
pub use recogniser::{Recogniser, corrected};
pub use search::{Match, Matches, Search, search};
use serde::Serialize;
pub use similar::{Neighbour, Neighbours, Similar, SimilarBody, similar};
pub use sql::{
    Bulk, bulk_insert,
    changes::{After, Found},
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// Where a transaction came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Read from a receipt.
    Ocr,
    /// Read from a message.
    Sms,
    /// A row of a bank's file.
    Csv,
    /// Typed in.
    Manual,
}

impl Source {
    /// As the database names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ocr => "ocr",
            Self::Sms => "sms",
            Self::Csv => "csv",
            Self::Manual => "manual",
        }
    }
}

impl Field for Source {
    fn from_text(text: &str) -> Result<Self, Fault> {
        [Self::Ocr, Self::Sms, Self::Csv, Self::Manual]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| Fault::new("not_a_source", "Send ocr, sms, csv or manual."))
    }
}

/// What a bank or a person wrote for the merchant.
pub type MerchantText = Text<1, 500>;
/// A note.
pub type Note = Text<0, 2000>;

/// A transaction as its owner sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Transaction {
    /// Its id.
    pub id: Uuid,
    /// Positive is money out, negative a refund or income.
    #[schema(value_type = String, example = "12.50")]
    pub amount: Money,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The local date it was booked.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub date: Date,
    /// What the bank or the user wrote.
    #[schema(example = "NETFLIX.COM 866-579-7172")]
    pub merchant_raw: String,
    /// The merchant it was recognised as.
    pub merchant: Option<Merchant>,
    /// Its category.
    #[schema(example = "Subscriptions")]
    pub category: String,
    /// `ocr`, `sms`, `csv` or `manual`.
    #[schema(example = "csv")]
    pub source: String,
    /// The user's note.
    pub note: Option<String>,
    /// How sure each recognised field is, from 0 to 1.
    #[schema(value_type = HashMap<String, f64>, example = json!({"category": 0.97}))]
    pub confidence: serde_json::Value,
    /// How unusual it is, from 0 to 1.
    pub anomaly_score: Option<f64>,
    /// An earlier transaction that looks the same.
    pub duplicate_of: Option<Uuid>,
    /// The import it came with.
    pub import_id: Option<Uuid>,
    /// Where its receipt is: an address of this API, which asks for the token and leads to the file. In the answer of
    /// `GET /transactions/{id}` a link to the file itself, which works for 15 minutes without a token.
    pub receipt_url: Option<String>,
    /// The content id of its receipt.
    pub ipfs_cid: Option<String>,
    /// Whether it was deleted; it can be restored.
    pub is_deleted: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Goes up with every change; the ETag.
    #[serde(skip)]
    pub changed_seq: i64,
}

impl Transaction {
    /// What it is told apart from its other versions by.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.changed_seq)
    }
}

/// Transactions that changed after somebody last looked, deleted ones among them, in the order of the changes.
pub async fn changed_after(tx: &mut Tx, user_id: Uuid, after: &After, limit: i64) -> Result<Found, Problem> {
    Ok(sql::changes::changed_after(tx, user_id, after, limit).await?)
}

/// One transaction of the user's; deleted ones are gone, for reading.
pub async fn get(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Transaction, Problem> {
    sql::get(tx, user_id, id).await?.ok_or_else(Problem::not_found)
}
