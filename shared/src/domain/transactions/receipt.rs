//! Receipts: the file goes to and comes from S3 directly, by signed addresses.

use super::{
    Transaction,
    edit::{stamp, tell},
    sql,
};
use crate::{
    domain::{auth::Me, events::Turn},
    platform::{
        db::Tx,
        fields::{Bounded, Fault, Field, Fields, Read},
        files::{Files, LINK_S},
        problem::Problem,
    },
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The largest receipt: 10 MB.
const LARGEST: i64 = 10 * 1024 * 1024;

/// What a receipt may be. None of them is run by a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind(&'static str);

const KINDS: [Kind; 5] =
    [Kind("image/jpeg"), Kind("image/png"), Kind("image/webp"), Kind("image/heic"), Kind("application/pdf")];

impl Field for Kind {
    fn from_text(text: &str) -> Result<Self, Fault> {
        KINDS.into_iter().find(|kind| kind.0 == text).ok_or_else(|| {
            Fault::new("not_a_receipt_type", "Send image/jpeg, image/png, image/webp, image/heic or application/pdf.")
        })
    }
}

/// What `POST /transactions/{id}/receipt` takes.
pub struct Receipt {
    kind: Kind,
    size: i64,
}

impl Read for Receipt {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (kind, size) = (fields.required("content_type"), fields.required::<Bounded<1, LARGEST>>("size"));
        Some(Self { kind: kind?, size: size?.0 })
    }
}

/// The form of [`Receipt`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ReceiptBody {
    /// `image/jpeg`, `image/png`, `image/webp`, `image/heic` or `application/pdf`.
    #[schema(example = "image/jpeg")]
    content_type: String,
    /// Exactly how many bytes the file has: 1 to 10,485,760.
    #[schema(example = 204_800)]
    size: i64,
}

/// How to send the file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ReceiptUpload {
    /// Send the file here, without a token.
    #[schema(example = "https://uploads.example.com/receipts/0199aa10?X-Amz-Signature=5d2f")]
    pub url: String,
    /// `PUT`.
    #[schema(example = "PUT")]
    pub method: &'static str,
    /// Headers to send with it as they are: the signature covers them, so another type or size is refused.
    #[schema(example = json!({"content-type": "image/jpeg", "content-length": "204800"}))]
    pub headers: BTreeMap<String, String>,
    /// Seconds until the address is of no use.
    #[schema(example = 900)]
    pub expires_in: u32,
    /// Where the receipt will be: an address of this API. It leads to nothing until the file was sent.
    #[schema(example = "https://api.example.com/v1/transactions/0199aa10-7c3e-7b1d-9f52-3c6e0d4b8a11/receipt")]
    pub receipt_url: String,
}

/// Where a receipt is kept. One a transaction: another one takes its place.
fn file_key(user_id: Uuid, id: Uuid) -> String {
    format!("receipts/{user_id}/{id}")
}

/// A receipt's address that stays the same.
fn address(id: Uuid) -> String {
    format!("/v1/transactions/{id}/receipt")
}

/// Notes that a transaction has a receipt.
pub async fn attach(tx: &mut Tx, me: &Me, id: Uuid) -> Result<Transaction, Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let held = sql::edit::held(tx, me.user_id, id).await?;
    let held = held.filter(|held| !held.transaction.is_deleted).ok_or_else(Problem::not_found)?;
    let mut after = held.transaction;
    after.receipt_url = Some(address(id));
    stamp(&mut after, &turn, me);
    sql::edit::update(tx, me.user_id, &after, None, held.kept, me.now).await?;
    tell(tx, me, turn, &[], std::slice::from_ref(&after)).await?;
    Ok(after)
}

impl Receipt {
    /// Signs the address that the file is sent to.
    pub async fn ticket(&self, files: &Files, user_id: Uuid, id: Uuid) -> Result<ReceiptUpload, Problem> {
        let signed = files.sign_put(&file_key(user_id, id), self.kind.0, self.size).await?;
        Ok(ReceiptUpload {
            url: signed.url,
            method: "PUT",
            headers: signed.headers,
            expires_in: LINK_S,
            receipt_url: address(id),
        })
    }
}

/// The transaction with a link to its receipt that works without a token, for a while.
pub async fn with_receipt(files: &Files, user_id: Uuid, transaction: Transaction) -> Result<Transaction, Problem> {
    match receipt_link(files, user_id, &transaction).await {
        Ok(link) => Ok(Transaction { receipt_url: Some(link), ..transaction }),
        Err(problem) if problem.status == 404 => Ok(transaction),
        Err(problem) => Err(problem),
    }
}

/// A link to a transaction's receipt, if it has one here.
pub async fn receipt_link(files: &Files, user_id: Uuid, transaction: &Transaction) -> Result<String, Problem> {
    let here = address(transaction.id);
    if transaction.receipt_url.as_ref() != Some(&here) {
        return Err(Problem::not_found());
    }
    files.link(&file_key(user_id, transaction.id)).await
}
