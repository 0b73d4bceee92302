//! Files in S3.

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_s3::{Client, error::DisplayErrorContext, operation::get_object::GetObjectError, primitives::ByteStream};
use std::sync::Arc;
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
