//! Sending to SQS queues.

mod inbox;
mod overview;
mod worker;

use super::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_sqs::{Client, error::DisplayErrorContext, types::SendMessageBatchRequestEntry};
pub use inbox::{FIRST_SENT, Inbox, REASON};
pub use overview::{DeadLetter, DeadLetters, Depth, QUEUES, Queues};
use serde::Serialize;
use std::{marker::PhantomData, sync::Arc};
use tokio::sync::OnceCell;
pub use worker::{Ran, Worker, Works};

/// A queue's name.
pub trait Name: 'static {
    /// The permission to send to it.
    const GRANT: Grant;
    /// The setting that holds its URL.
    const SETTING: &'static str;
}

/// A queue of tasks, with a worker that may put a message off or bury it.
pub trait Lane: Name {
    /// What it is called.
    const NAME: &'static str;
    /// The permission that its worker takes.
    const INBOX: Grant;
    /// The setting that holds the URL of its dead letters.
    const DEAD: &'static str;
}

/// FIFO by user: events are waiting to be pushed.
pub struct Relay;
/// FIFO by user: frames for open sockets.
pub struct Deliver;
/// Tasks that a user waits for.
pub struct High;
/// Background tasks.
pub struct Default;
/// Long tasks that nobody waits for.
pub struct Low;
/// Tasks that are put there by the clock.
pub struct Scheduled;

macro_rules! names {
    ($($name:ident, $grant:ident, $setting:literal;)*) => {
        $(impl Name for $name {
            const GRANT: Grant = Grant::$grant;
            const SETTING: &'static str = $setting;
        })*
    };
}
names! {
    Relay, Relay, "RELAY_QUEUE_URL";
    Deliver, Deliver, "DELIVER_QUEUE_URL";
    High, HighQueue, "HIGH_QUEUE_URL";
    Default, DefaultQueue, "DEFAULT_QUEUE_URL";
    Low, LowQueue, "LOW_QUEUE_URL";
    Scheduled, ScheduledQueue, "SCHEDULED_QUEUE_URL";
}

macro_rules! lanes {
    ($($name:ident, $lane:literal, $grant:ident, $dead:literal;)*) => {
        $(impl Lane for $name {
            const NAME: &'static str = $lane;
            const INBOX: Grant = Grant::$grant;
            const DEAD: &'static str = $dead;
        })*
    };
}
lanes! {
    High, "high", HighInbox, "HIGH_DEAD_URL";
    Default, "default", DefaultInbox, "DEFAULT_DEAD_URL";
    Low, "low", LowInbox, "LOW_DEAD_URL";
    Scheduled, "scheduled", ScheduledInbox, "SCHEDULED_DEAD_URL";
}

/// Sends to one queue.
pub struct Queue<Q> {
    env: Arc<Env>,
    url: String,
    client: OnceCell<Client>,
    name: PhantomData<Q>,
}

impl<Q: Name> Port for Queue<Q> {
    fn grants() -> Vec<Grant> {
        vec![Q::GRANT]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        let url = env.config.require(Q::SETTING)?;
        Ok(Self { env: env.clone(), url, client: OnceCell::new(), name: PhantomData })
    }
}

/// A message of a FIFO queue: in order within its group, once within five minutes by its deduplication id.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// The group, a user's id.
    pub group: String,
    /// The deduplication id.
    pub dedup: String,
    /// The message.
    pub body: String,
}

impl<Q: Name> Queue<Q> {
    async fn client(&self) -> &Client {
        self.client.get_or_init(async || Client::new(self.env.aws())).await
    }

    /// Sends to a standard queue.
    pub async fn send(&self, body: &impl Serialize) -> Result<(), Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        let sent = self.client().await.send_message().queue_url(&self.url).message_body(body).send().await;
        sent.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Sends up to ten messages to a FIFO queue, all or an error.
    pub async fn send_ordered(&self, messages: &[Ordered]) -> Result<(), Problem> {
        let entries = messages.iter().enumerate().map(|(i, message)| {
            SendMessageBatchRequestEntry::builder()
                .id(i.to_string())
                .message_group_id(&message.group)
                .message_deduplication_id(&message.dedup)
                .message_body(&message.body)
                .build()
                .map_err(Problem::internal)
        });
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let sent =
            self.client().await.send_message_batch().queue_url(&self.url).set_entries(Some(entries)).send().await;
        let sent = sent.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        match sent.failed().first() {
            None => Ok(()),
            Some(failed) => Err(Problem::unavailable(format!("queue refused a message: {}", failed.code()))),
        }
    }
}
