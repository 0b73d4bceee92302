//! Posting to open connections.

use crate::platform::{
    config::ConfigError,
    function::{Env, Grant, Port},
};
use aws_sdk_apigatewaymanagement::{
    Client as Management, error::DisplayErrorContext, operation::post_to_connection::PostToConnectionError,
    primitives::Blob,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::OnceCell, time::timeout};

/// A slow socket may not hold the others up.
const POST: Duration = Duration::from_secs(1);

/// Posting to open connections.
pub struct Sockets {
    env: Arc<Env>,
    endpoint: String,
    client: OnceCell<Management>,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// Handed to the gateway.
    Sent,
    /// The connection is gone.
    Gone,
    /// The gateway did not take it in time; the client will see the gap.
    Failed,
}

impl Port for Sockets {
    fn grants() -> Vec<Grant> {
        vec![Grant::Sockets]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), endpoint: env.config.require("WS_ENDPOINT")?, client: OnceCell::new() })
    }
}

impl Sockets {
    async fn client(&self) -> &Management {
        let make = async || {
            let config = aws_sdk_apigatewaymanagement::config::Builder::from(self.env.aws());
            Management::from_conf(config.endpoint_url(&self.endpoint).build())
        };
        self.client.get_or_init(make).await
    }

    /// Posts one frame.
    pub async fn post(&self, id: &str, frame: &str) -> Posted {
        let post = self.client().await.post_to_connection().connection_id(id).data(Blob::new(frame)).send();
        match timeout(POST, post).await {
            Ok(Ok(_)) => Posted::Sent,
            Ok(Err(error)) if error.as_service_error().is_some_and(PostToConnectionError::is_gone_exception) => {
                Posted::Gone
            }
            Ok(Err(error)) => {
                tracing::warn!(connection_id = id, error = %DisplayErrorContext(&error), "frame not delivered");
                Posted::Failed
            }
            Err(_) => {
                tracing::warn!(connection_id = id, "frame not delivered: timed out");
                Posted::Failed
            }
        }
    }

    /// Closes a connection; one that is gone already is as good.
    pub async fn close(&self, id: &str) {
        let _ = timeout(POST, self.client().await.delete_connection().connection_id(id).send()).await;
    }
}
