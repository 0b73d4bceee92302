//! What a worker does with a message that it cannot finish now, or ever.

use super::{Lane, Queue};
use crate::platform::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
    serve::Message,
};
use aws_sdk_sqs::{
    error::{BuildError, DisplayErrorContext},
    types::MessageAttributeValue,
};
use std::sync::Arc;

/// The attribute that says when a message was first sent, on one that was put back.
pub const FIRST_SENT: &str = "first_sent";
/// The attribute of a dead letter that says why it died.
pub const REASON: &str = "reason";
/// As long as SQS can hold a message back.
const PUT_BACK_S: i32 = 900;

/// A worker's own queue.
pub struct Inbox<Q> {
    queue: Queue<Q>,
    dead: String,
}

impl<Q: Lane> Port for Inbox<Q> {
    fn grants() -> Vec<Grant> {
        vec![Q::GRANT, Q::INBOX]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { queue: Queue::open(env)?, dead: env.config.require(Q::DEAD)? })
    }
}

fn attribute(kind: &str, value: String) -> Result<MessageAttributeValue, Problem> {
    let value: Result<_, BuildError> = MessageAttributeValue::builder().data_type(kind).string_value(value).build();
    value.map_err(Problem::internal)
}

impl<Q: Lane> Inbox<Q> {
    /// The queue's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        Q::NAME
    }

    /// Has a message, which the handler then answers with an error, come again after so many seconds.
    pub async fn postpone(&self, message: &Message, seconds: u16) -> Result<(), Problem> {
        let client = self.queue.client().await;
        let change = client.change_message_visibility().queue_url(&self.queue.url).receipt_handle(&message.receipt);
        let changed = change.visibility_timeout(seconds.into()).send().await;
        changed.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Puts a message among the dead letters, with the reason; the handler then takes it as done.
    pub async fn bury(&self, message: &Message, reason: &str) -> Result<(), Problem> {
        let letter = self.queue.client().await.send_message().queue_url(&self.dead).message_body(&message.body);
        let letter = letter.message_attributes(REASON, attribute("String", reason.to_owned())?);
        letter.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Sends a message once more, a quarter of an hour from now and as often as need be; the handler then takes this one
    /// as done. For what a newer release sent: its consumer is on the way.
    pub async fn put_back(&self, message: &Message) -> Result<(), Problem> {
        let first = message.first_sent_at.unwrap_or(message.sent_at).unix_timestamp_nanos() / 1_000_000;
        let again = self.queue.client().await.send_message().queue_url(&self.queue.url).message_body(&message.body);
        let again =
            again.delay_seconds(PUT_BACK_S).message_attributes(FIRST_SENT, attribute("Number", first.to_string())?);
        again.send().await.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }
}
