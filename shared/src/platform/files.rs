//! Files in S3.

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
    s3::{Answer, Ask, Bucket, refused},
};
use futures_util::future::join_all;
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// The bucket of uploaded files.
pub struct Files {
    env: Arc<Env>,
    bucket: String,
    open: OnceCell<Bucket>,
}

impl Port for Files {
    fn grants() -> Vec<Grant> {
        vec![Grant::Uploads]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), bucket: env.config.require("UPLOADS_BUCKET")?, open: OnceCell::new() })
    }
}

impl Files {
    async fn bucket(&self) -> &Bucket {
        self.open.get_or_init(async || Bucket::new(self.env.clone(), &self.bucket)).await
    }

    /// Sends what must be answered with a 2xx.
    async fn done(&self, ask: Ask<'_>) -> Result<Answer, Problem> {
        let method = ask.method;
        let answer = self.bucket().await.send(ask).await?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(refused(method, &answer)) }
    }

    /// Stores a file.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Problem> {
        self.done(Ask { method: "PUT", key, body: bytes, ..Ask::default() }).await.map(drop)
    }

    /// Fetches a file whole; `None` if it is not there.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Problem> {
        let answer = self.bucket().await.send(Ask { method: "GET", key, ..Ask::default() }).await?;
        match answer.status {
            200 => Ok(Some(answer.body)),
            404 if answer.text("Code").as_deref() == Some("NoSuchKey") => Ok(None),
            _ => Err(refused("GET", &answer)),
        }
    }
}

impl Files {
    /// Deletes every file below a folder, which ends in a slash. Harmless twice; what is gone stays gone when it fails.
    pub async fn delete_all(&self, folder: &str) -> Result<(), Problem> {
        loop {
            let query = vec![("list-type", "2".into()), ("max-keys", "1000".into()), ("prefix", folder.into())];
            let found = self.done(Ask { method: "GET", query, ..Ask::default() }).await?.texts("Key");
            let delete =
                async |key: &String| self.done(Ask { method: "DELETE", key, ..Ask::default() }).await.map(drop);
            // One by one and twenty at a time: the call for many at once wants a permission of its own.
            for some in found.chunks(20) {
                join_all(some.iter().map(delete)).await.into_iter().collect::<Result<(), _>>()?;
            }
            if found.is_empty() {
                return Ok(());
            }
        }
    }
}

/// Seconds that a signed address works.
pub const LINK_S: u32 = 15 * 60;
const LINK: Duration = Duration::from_mins(15);

/// A request that whoever has it may make.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Where to.
    pub url: String,
    /// Headers that must be sent with it as they are.
    pub headers: BTreeMap<String, String>,
}

impl Files {
    /// An address that the file can be fetched from without a token.
    pub async fn link(&self, key: &str) -> Result<String, Problem> {
        self.bucket().await.presign(&Ask { method: "GET", key, ..Ask::default() }, LINK).await
    }

    /// A request that stores a file of exactly this type and size: both are signed, so S3 refuses any other.
    pub async fn sign_put(&self, key: &str, content_type: &str, size: i64) -> Result<Signed, Problem> {
        let headers = vec![("content-length", size.to_string()), ("content-type", content_type.to_owned())];
        let put = Ask { method: "PUT", key, headers, ..Ask::default() };
        let url = self.bucket().await.presign(&put, LINK).await?;
        Ok(Signed { url, headers: put.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect() })
    }

    /// Begins a file that is stored part by part. One that is never finished is removed by the bucket's rules.
    pub async fn begin(&self, key: String, content_type: &str, name: &str) -> Result<Upload<'_>, Problem> {
        let disposition = format!("attachment; filename=\"{name}\"");
        let headers = vec![("content-type", content_type.to_owned()), ("content-disposition", disposition)];
        let query = vec![("uploads", "".into())];
        let made = self.done(Ask { method: "POST", key: &key, query, headers, ..Ask::default() }).await?;
        let id = made.text("UploadId").ok_or_else(|| Problem::unavailable("an upload without an id"))?;
        Ok(Upload { files: self, key, id, parts: Vec::new() })
    }
}

/// A file on its way.
pub struct Upload<'a> {
    files: &'a Files,
    key: String,
    id: String,
    /// The parts' marks, in their order.
    parts: Vec<String>,
}

impl Upload<'_> {
    /// Stores the next part; each but the last has at least 5 MB.
    pub async fn part(&mut self, bytes: Vec<u8>) -> Result<(), Problem> {
        let number = self.parts.len().saturating_add(1).to_string();
        let query = vec![("partNumber", number.into()), ("uploadId", self.id.as_str().into())];
        let part = Ask { method: "PUT", key: &self.key, query, body: bytes, ..Ask::default() };
        let etag = self.files.done(part).await?.etag;
        self.parts.push(etag.ok_or_else(|| Problem::unavailable("a part without an ETag"))?);
        Ok(())
    }

    /// Makes the parts one file, and returns an address that it can be fetched from.
    pub async fn finish(self) -> Result<String, Problem> {
        let mut body = String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
        for (number, etag) in (1_usize..).zip(&self.parts) {
            let _ = write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
        }
        body.push_str("</CompleteMultipartUpload>");
        let (query, body) = (vec![("uploadId", self.id.as_str().into())], body.into_bytes());
        let headers = vec![("content-type", "application/xml".to_owned())];
        let ask = Ask { method: "POST", key: &self.key, query, headers, body };
        let whole = self.files.done(ask).await?;
        // It begins to answer before it knows, so that a failure comes as a 200, too.
        if whole.text("Code").is_some() {
            return Err(refused("POST", &whole));
        }
        self.files.link(&self.key).await
    }
}
