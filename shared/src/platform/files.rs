//! Files in S3.

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_s3::{
    Client,
    error::DisplayErrorContext,
    operation::get_object::GetObjectError,
    presigning::{PresignedRequest, PresigningConfig},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use futures_util::future::join_all;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::sync::OnceCell;

/// The bucket of uploaded files.
pub struct Files {
    env: Arc<Env>,
    bucket: String,
    client: OnceCell<Client>,
}

impl Port for Files {
    fn grants() -> Vec<Grant> {
        vec![Grant::Uploads]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), bucket: env.config.require("UPLOADS_BUCKET")?, client: OnceCell::new() })
    }
}

impl Files {
    async fn client(&self) -> &Client {
        let make = async || {
            let config = aws_sdk_s3::config::Builder::from(self.env.aws());
            // The emulator has no host name per bucket.
            Client::from_conf(config.force_path_style(self.env.config.is_local()).build())
        };
        self.client.get_or_init(make).await
    }

    /// Stores a file.
    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Problem> {
        let put = self.client().await.put_object().bucket(&self.bucket).key(key).body(ByteStream::from(bytes));
        put.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Fetches a file whole; `None` if it is not there.
    pub async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, Problem> {
        match self.client().await.get_object().bucket(&self.bucket).key(key).send().await {
            Ok(object) => object.body.collect().await.map(|body| Some(body.to_vec())).map_err(Problem::unavailable),
            Err(error) if error.as_service_error().is_some_and(GetObjectError::is_no_such_key) => Ok(None),
            Err(error) => Err(Problem::unavailable(DisplayErrorContext(&error))),
        }
    }
}

impl Files {
    /// Deletes every file below a folder, which ends in a slash. Harmless twice; what is gone stays gone when it fails.
    pub async fn delete_all(&self, folder: &str) -> Result<(), Problem> {
        loop {
            let list = self.client().await.list_objects_v2().bucket(&self.bucket).prefix(folder).max_keys(1000);
            let page = list.send().await.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
            let found: Vec<_> = page.contents().iter().filter_map(|object| object.key()).collect();
            let delete = async |key: &&str| {
                let delete = self.client().await.delete_object().bucket(&self.bucket).key(*key).send().await;
                delete.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
            };
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

/// A request that whoever has it may make.
#[derive(Clone, Debug)]
pub struct Signed {
    /// Where to.
    pub url: String,
    /// Headers that must be sent with it as they are.
    pub headers: BTreeMap<String, String>,
}

impl From<PresignedRequest> for Signed {
    fn from(request: PresignedRequest) -> Self {
        let headers = request.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self { url: request.uri().to_owned(), headers }
    }
}

fn for_a_while() -> Result<PresigningConfig, Problem> {
    PresigningConfig::expires_in(Duration::from_secs(u64::from(LINK_S))).map_err(Problem::internal)
}

impl Files {
    /// An address that the file can be fetched from without a token.
    pub async fn link(&self, key: &str) -> Result<String, Problem> {
        let get = self.client().await.get_object().bucket(&self.bucket).key(key).presigned(for_a_while()?);
        get.await
            .map(|request| Signed::from(request).url)
            .map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// A request that stores a file of exactly this type and size: both are signed, so S3 refuses any other.
    pub async fn sign_put(&self, key: &str, content_type: &str, size: i64) -> Result<Signed, Problem> {
        let put = self.client().await.put_object().bucket(&self.bucket).key(key);
        let put = put.content_type(content_type).content_length(size).presigned(for_a_while()?);
        put.await.map(Signed::from).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Begins a file that is stored part by part. One that is never finished is removed by the bucket's rules.
    pub async fn begin(&self, key: String, content_type: &str, name: &str) -> Result<Upload<'_>, Problem> {
        let begin = self.client().await.create_multipart_upload().bucket(&self.bucket).key(&key);
        let begin = begin.content_type(content_type).content_disposition(format!("attachment; filename=\"{name}\""));
        let made = begin.send().await.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        let id = made.upload_id.ok_or_else(|| Problem::internal("an upload without an id"))?;
        Ok(Upload { files: self, key, id, parts: Vec::new() })
    }
}

/// A file on its way.
pub struct Upload<'a> {
    files: &'a Files,
    key: String,
    id: String,
    parts: Vec<CompletedPart>,
}

impl Upload<'_> {
    /// Stores the next part; each but the last has at least 5 MB.
    pub async fn part(&mut self, bytes: Vec<u8>) -> Result<(), Problem> {
        let number = i32::try_from(self.parts.len()).unwrap_or(i32::MAX).saturating_add(1);
        let part = self.files.client().await.upload_part().bucket(&self.files.bucket).key(&self.key);
        let part = part.upload_id(&self.id).part_number(number).body(ByteStream::from(bytes));
        let stored = part.send().await.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        self.parts.push(CompletedPart::builder().part_number(number).set_e_tag(stored.e_tag).build());
        Ok(())
    }

    /// Makes the parts one file, and returns an address that it can be fetched from.
    pub async fn finish(self) -> Result<String, Problem> {
        let whole = CompletedMultipartUpload::builder().set_parts(Some(self.parts)).build();
        let finish = self.files.client().await.complete_multipart_upload().bucket(&self.files.bucket).key(&self.key);
        let finish = finish.upload_id(&self.id).multipart_upload(whole);
        finish.send().await.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        self.files.link(&self.key).await
    }
}
