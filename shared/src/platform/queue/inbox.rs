//! What a worker does with a message that it cannot finish now, or ever.

use super::Lane;
use crate::platform::{
    config::ConfigError,
    function::{Env, Grant},
    problem::Problem,
    serve::Message,
};
use aws_sdk_sqs::{
    Client,
    error::{BuildError, DisplayErrorContext},
    types::MessageAttributeValue,
};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The attribute that says when a message was first sent, on one that was put back.
pub const FIRST_SENT: &str = "first_sent";
/// The attribute of a dead letter that says why it died.
pub const REASON: &str = "reason";
/// As long as SQS can hold a message back.
const PUT_BACK_S: i32 = 900;

/// A worker's own queue.
pub struct Inbox {
    name: &'static str,
    env: Arc<Env>,
    url: String,
    dead: String,
    client: OnceCell<Client>,
}

fn attribute(kind: &str, value: String) -> Result<MessageAttributeValue, Problem> {
    let value: Result<_, BuildError> = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
    value.map_err(Problem::internal)
}

impl Inbox {
    /// The permissions it takes.
    #[must_use]
    pub fn grants<Q: Lane>() -> Vec<Grant> {
        vec![Q::GRANT, Q::INBOX]
    }

    /// That of this queue.
    pub fn open<Q: Lane>(env: &Arc<Env>) -> Result<Self, ConfigError> {
        let (url, dead) = (env.config.require(Q::SETTING)?, env.config.require(Q::DEAD)?);
        Ok(Self { name: Q::NAME, env: env.clone(), url, dead, client: OnceCell::new() })
    }

    async fn client(&self) -> &Client {
        self.client.get_or_init(async || Client::new(self.env.aws())).await
    }

    /// The queue's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Has a message, which the handler then answers with an error, come again after so many seconds.
    pub async fn postpone(&self, message: &Message, seconds: u16) -> Result<(), Problem> {
        let client = self.client().await;
        let change = client.change_message_visibility().queue_url(&self.url).receipt_handle(&message.receipt);
        let changed = change.visibility_timeout(seconds.into()).send().await;
        changed.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Puts a message among the dead letters, with the reason; the handler then takes it as done.
    pub async fn bury(&self, message: &Message, reason: &str) -> Result<(), Problem> {
        let letter = self.client().await.send_message().queue_url(&self.dead).message_body(&message.body);
        let letter = letter.message_attributes(REASON, attribute("String", reason.to_owned())?);
        letter.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Sends a message once more, a quarter of an hour from now and as often as need be; the handler then takes this one
    /// as done. For what a newer release sent: its consumer is on the way.
    pub async fn put_back(&self, message: &Message) -> Result<(), Problem> {
        let first = message.first_sent_at.unwrap_or(message.sent_at).unix_timestamp_nanos() / 1_000_000;
        let again = self.client().await.send_message().queue_url(&self.url).message_body(&message.body);
        let again =
            again.delay_seconds(PUT_BACK_S).message_attributes(FIRST_SENT, attribute("Number", first.to_string())?);
        again.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }
}
