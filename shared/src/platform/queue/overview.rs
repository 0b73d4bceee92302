//! All queues at once: how full they are, and their dead letters.

use super::{Client, Default, Deliver, High, Lane, Low, Name, REASON, Relay, Scheduled};
use crate::platform::{
    config::ConfigError,
    function::{Env, Grant, Port},
    problem::Problem,
};
use aws_sdk_sqs::{
    error::DisplayErrorContext,
    types::{Message, MessageSystemAttributeName, QueueAttributeName},
};
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The names of all queues.
pub const QUEUES: [&str; 6] = [High::NAME, Default::NAME, Low::NAME, Scheduled::NAME, "relay", "deliver"];

struct Urls {
    queue: &'static str,
    own: String,
    dead: String,
}

fn urls(env: &Arc<Env>) -> Result<Vec<Urls>, ConfigError> {
    let of = |queue, own: &str, dead: &str| {
        Ok(Urls { queue, own: env.config.require(own)?, dead: env.config.require(dead)? })
    };
    Ok(vec![
        of(High::NAME, High::SETTING, High::DEAD)?,
        of(Default::NAME, Default::SETTING, Default::DEAD)?,
        of(Low::NAME, Low::SETTING, Low::DEAD)?,
        of(Scheduled::NAME, Scheduled::SETTING, Scheduled::DEAD)?,
        of("relay", Relay::SETTING, "RELAY_DEAD_URL")?,
        of("deliver", Deliver::SETTING, "DELIVER_DEAD_URL")?,
    ])
}

/// How full the queues are.
pub struct Queues {
    env: Arc<Env>,
    urls: Vec<Urls>,
    client: OnceCell<Client>,
}

impl Port for Queues {
    fn grants() -> Vec<Grant> {
        vec![Grant::Queues]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self { env: env.clone(), urls: urls(env)?, client: OnceCell::new() })
    }
}

/// How full a queue is, about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Which.
    pub queue: &'static str,
    /// Messages that wait, those put off among them.
    pub waiting: i32,
    /// Those that are put off.
    pub delayed: i32,
    /// Messages that a worker has.
    pub in_flight: i32,
    /// Dead letters.
    pub dead: i32,
}

impl Queues {
    /// How full each queue is.
    pub async fn depths(&self) -> Result<Vec<Depth>, Problem> {
        let mut depths = Vec::new();
        for urls in &self.urls {
            let [waiting, in_flight, delayed] = self.measure(&urls.own).await?;
            let [dead, taken, _] = self.measure(&urls.dead).await?;
            let (waiting, dead) = (waiting.saturating_add(delayed), dead.saturating_add(taken));
            depths.push(Depth { queue: urls.queue, waiting, delayed, in_flight, dead });
        }
        Ok(depths)
    }

    async fn measure(&self, url: &str) -> Result<[i32; 3], Problem> {
        use QueueAttributeName::{
            ApproximateNumberOfMessages as Waiting, ApproximateNumberOfMessagesDelayed as Delayed,
            ApproximateNumberOfMessagesNotVisible as InFlight,
        };
        let client = self.client.get_or_init(async || Client::new(self.env.aws())).await;
        let names = [Waiting, InFlight, Delayed];
        let asked = client.get_queue_attributes().queue_url(url).set_attribute_names(Some(names.to_vec())).send().await;
        let told = asked.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        let number = |name| told.attributes()?.get(&name)?.parse().ok();
        Ok(names.map(|name| number(name).unwrap_or(0)))
    }
}

/// A message that was given up.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// What was sent.
    pub body: String,
    /// Why it died, if a worker buried it.
    pub reason: Option<String>,
    /// When it was buried, where a worker did it; when it was sent, where the queue did.
    pub sent_at: Option<OffsetDateTime>,
    message: Message,
}

/// The dead letters of all queues, and the way back.
pub struct DeadLetters(Queues);

impl Port for DeadLetters {
    fn grants() -> Vec<Grant> {
        vec![Grant::DeadLetters]
    }
    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Queues::open(env).map(Self)
    }
}

/// While somebody decides about a dead letter, nobody else sees it.
const HELD_S: i32 = 30;

fn sent_at(message: &Message) -> Option<OffsetDateTime> {
    let millis = message.attributes()?.get(&MessageSystemAttributeName::SentTimestamp)?.parse::<i128>().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(millis.saturating_mul(1_000_000)).ok()
}

impl DeadLetters {
    async fn of(&self, queue: &str) -> Result<(&Client, &Urls), Problem> {
        let urls = self.0.urls.iter().find(|urls| urls.queue == queue).ok_or_else(Problem::not_found)?;
        Ok((self.0.client.get_or_init(async || Client::new(self.0.env.aws())).await, urls))
    }

    /// Up to ten dead letters that nobody else is shown for half a minute.
    pub async fn take(&self, queue: &str) -> Result<Vec<DeadLetter>, Problem> {
        let (client, urls) = self.of(queue).await?;
        let take = client.receive_message().queue_url(&urls.dead).max_number_of_messages(10).visibility_timeout(HELD_S);
        let take = take.message_system_attribute_names(MessageSystemAttributeName::MessageGroupId);
        let take = take.message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        let taken = take.message_attribute_names(REASON).send().await;
        let taken = taken.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        let letter = |message: Message| DeadLetter {
            body: message.body().unwrap_or_default().to_owned(),
            sent_at: sent_at(&message),
            reason: message.message_attributes().and_then(|all| all.get(REASON)?.string_value().map(ToOwned::to_owned)),
            message,
        };
        Ok(taken.messages.unwrap_or_default().into_iter().map(letter).collect())
    }

    /// Sends one back to where it came from. Killed in between, it is in both places: tasks are harmless twice.
    pub async fn send_back(&self, queue: &str, letter: &DeadLetter) -> Result<(), Problem> {
        let (client, urls) = self.of(queue).await?;
        let group = letter.message.attributes().and_then(|all| all.get(&MessageSystemAttributeName::MessageGroupId));
        let mut send = client.send_message().queue_url(&urls.own).message_body(&letter.body);
        if let Some(group) = group {
            send = send.message_group_id(group).message_deduplication_id(Uuid::now_v7().to_string());
        }
        send.send().await.map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))?;
        let receipt = letter.message.receipt_handle().unwrap_or_default();
        let deleted = client.delete_message().queue_url(&urls.dead).receipt_handle(receipt).send().await;
        deleted.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }

    /// Shows one to others again.
    pub async fn release(&self, queue: &str, letter: &DeadLetter) -> Result<(), Problem> {
        let (client, urls) = self.of(queue).await?;
        let receipt = letter.message.receipt_handle().unwrap_or_default();
        let change = client.change_message_visibility().queue_url(&urls.dead).receipt_handle(receipt);
        let changed = change.visibility_timeout(0).send().await;
        changed.map(drop).map_err(|error| Problem::unavailable(DisplayErrorContext(&error)))
    }
}
