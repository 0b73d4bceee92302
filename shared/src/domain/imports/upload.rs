//! Files that are too large for a request's body: they go to S3 directly, by a signed address.

use crate::platform::{
    fields::{Bounded, Fields, Read},
    files::{Files, LINK_S},
    problem::Problem,
};
use serde::Serialize;
use std::collections::BTreeMap;
use uuid::Uuid;

/// The largest file, some 400,000 rows: 20 MB.
const LARGEST: i64 = 20 * 1024 * 1024;

/// What `POST /transactions/imports/upload-url` takes.
pub struct NewUpload {
    size: i64,
}

impl Read for NewUpload {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { size: fields.required::<Bounded<1, LARGEST>>("size")?.0 })
    }
}

/// The form of [`NewUpload`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewUploadBody {
    /// Exactly how many bytes the file has: 1 to 20,971,520.
    #[schema(example = 9_437_184)]
    size: i64,
}

/// How to send the file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Upload {
    /// Import it with `POST /transactions/import?upload=` and this, within a day.
    pub id: Uuid,
    /// Send the file here, without a token.
    #[schema(example = "https://uploads.example.com/uploads/0199aa10?X-Amz-Signature=5d2f")]
    pub url: String,
    /// `PUT`.
    #[schema(example = "PUT")]
    pub method: &'static str,
    /// Headers to send with it as they are: the signature covers them, so another size is refused.
    #[schema(example = json!({"content-type": "application/octet-stream", "content-length": "9437184"}))]
    pub headers: BTreeMap<String, String>,
    /// Seconds until the address is of no use.
    #[schema(example = 900)]
    pub expires_in: u32,
}

fn key(user_id: Uuid, id: Uuid) -> String {
    format!("uploads/{user_id}/{id}")
}

/// Signs an address to send a file to.
pub async fn upload(files: &Files, user_id: Uuid, new: &NewUpload) -> Result<Upload, Problem> {
    let id = Uuid::now_v7();
    let signed = files.sign_put(&key(user_id, id), "application/octet-stream", new.size).await?;
    Ok(Upload { id, url: signed.url, method: "PUT", headers: signed.headers, expires_in: LINK_S })
}

/// A file that was sent. It is copied for its import, because the address may be sent to again.
pub async fn uploaded(files: &Files, user_id: Uuid, id: Uuid) -> Result<Vec<u8>, Problem> {
    files.get(&key(user_id, id)).await?.ok_or_else(|| {
        Problem::field(
            "?upload",
            "upload_missing",
            "Send the file to the upload's address first; it is kept for a day.",
        )
    })
}
