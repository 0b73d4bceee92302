//! The queues as an administrator sees them, and dead letters back on their way.

use super::{Task, sql::queues as sql};
use crate::{
    domain::{audit, auth::Me},
    platform::{
        db::Tx,
        fields::{Fields, Read},
        http::Call,
        problem::Problem,
        queue::{DeadLetter, DeadLetters, Depth},
    },
};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// Dead letters that one request sends back at most.
const MOST: usize = 500;
/// Dead letters that one request shows at most, give or take those that come ten at a time.
const SHOWN: usize = 50;

/// A queue.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QueueState)]
pub struct State {
    /// Its name.
    #[schema(example = "high")]
    pub name: &'static str,
    /// Messages that wait, about; those put off among them.
    pub waiting: i32,
    /// Messages that a worker has, about.
    pub in_flight: i32,
    /// Dead letters.
    pub dead: i32,
    /// The oldest message waits for at most so many seconds, to a minute; null when none waits.
    pub oldest_s: Option<i64>,
    /// When a worker last began with one of its tasks; null where none is noted.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_started_at: Option<OffsetDateTime>,
    /// Messages that waited, at the end of each of the last sixty minutes.
    pub history: Vec<i32>,
}

/// How the queues stand. An age is taken from what is known: since when the queue was never empty, and when the last one
/// taken from it had been sent.
pub async fn states(tx: &mut Tx, depths: &[Depth], now: OffsetDateTime) -> Result<Vec<State>, Problem> {
    let mut states = Vec::new();
    for depth in depths {
        let seen = sql::seen(tx, depth.queue, now.saturating_sub(time::Duration::HOUR)).await?;
        let since = seen.empty_at.max(seen.last_sent_at);
        let age = since.map(|since| (now - since).whole_seconds().max(0));
        states.push(State {
            name: depth.queue,
            waiting: depth.waiting,
            in_flight: depth.in_flight,
            dead: depth.dead,
            oldest_s: age.filter(|_| depth.waiting > 0),
            last_started_at: seen.last_started_at,
            history: seen.history,
        });
    }
    Ok(states)
}

/// Notes how full the queues are, once a minute.
pub(super) async fn sample(tx: &mut Tx, depths: &[Depth], now: OffsetDateTime) -> Result<(), Problem> {
    for depth in depths {
        sql::sample(tx, depth, now).await?;
    }
    Ok(())
}

/// What `POST /admin/queues/{name}/redrive` takes.
pub struct Redrive {
    task_id: Option<Uuid>,
}

impl Read for Redrive {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { task_id: fields.optional("task_id") })
    }
}

/// The form of [`Redrive`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct RedriveBody {
    /// This task alone; all when left out.
    task_id: Option<Uuid>,
}

/// What was sent back.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Redriven {
    /// So many dead letters are in their queue again.
    pub moved: usize,
    /// Whether there may be more: repeat the request.
    pub has_more: bool,
}

/// A dead letter, without what stands in it but its kind: what is malformed may hold anything.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DeadLetter)]
pub struct Letter {
    /// The task; null where it is none of ours.
    pub task_id: Option<Uuid>,
    /// What it was to do.
    #[schema(example = "mail")]
    pub kind: Option<&'static str>,
    /// Why a worker buried it; null where the queue did.
    #[schema(example = "unavailable")]
    pub reason: Option<String>,
    /// When it was buried by a worker, or sent where the queue buried it.
    #[serde(with = "time::serde::rfc3339::option")]
    pub buried_at: Option<OffsetDateTime>,
}

/// Some of a queue's dead letters.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Letters {
    /// Up to fifty, in no order.
    pub data: Vec<Letter>,
    /// Whether there may be more.
    pub has_more: bool,
}

/// Looks at a queue's dead letters. While this looks, which takes a moment, nobody else is shown them.
pub async fn letters(letters: &DeadLetters, queue: &str) -> Result<Letters, Problem> {
    let (mut seen, mut has_more) = (Vec::new(), true);
    while has_more && seen.len() < SHOWN {
        let taken = letters.take(queue).await?;
        has_more = !taken.is_empty();
        seen.extend(taken);
    }
    let mut data = Vec::new();
    for letter in &seen {
        letters.release(queue, letter).await?;
        let task = serde_json::from_str::<Task>(&letter.body).ok();
        data.push(Letter {
            task_id: task.as_ref().and_then(|task| task.id),
            kind: task.map(|task| task.work.kind()),
            reason: letter.reason.clone(),
            buried_at: letter.sent_at,
        });
    }
    Ok(Letters { data, has_more })
}

fn id(letter: &DeadLetter) -> Option<Uuid> {
    serde_json::from_str::<Task>(&letter.body).ok()?.id
}

/// Sends dead letters back to their queue, where a task that was given up begins anew. Repeating it is harmless.
pub async fn redrive(letters: &DeadLetters, queue: &str, asked: &Redrive) -> Result<Redriven, Problem> {
    let (mut moved, mut others) = (0, Vec::new());
    let mut has_more = true;
    while has_more && moved < MOST {
        let taken = letters.take(queue).await?;
        has_more = !taken.is_empty();
        let (wanted, unwanted): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|letter| asked.task_id.is_none() || id(letter) == asked.task_id);
        others.extend(unwanted);
        for letter in &wanted {
            letters.send_back(queue, letter).await?;
        }
        moved += wanted.len();
        if asked.task_id.is_some() && (moved > 0 || others.len() >= MOST) {
            break;
        }
    }
    for letter in &others {
        letters.release(queue, letter).await?;
    }
    if asked.task_id.is_some() && moved == 0 {
        return Err(Problem::not_found());
    }
    Ok(Redriven { moved, has_more: has_more && asked.task_id.is_none() })
}

/// Notes that an administrator is about to send dead letters back.
pub async fn note_redrive(tx: &mut Tx, me: &Me, call: &Call, queue: &str) -> Result<(), Problem> {
    audit::record_named(tx, call, me.user_id, "queue.redriven", queue).await
}
