//! What stands around every task: its run is noted, it has a deadline, a failure is tried again by the kind's policy, and
//! what cannot succeed goes to the dead letters with its reason.

use super::{Task, Work, runs, send, sweep, tidy, watching};
use crate::{
    domain::{
        anchors, anomalies, auth, budgets, erasure,
        events::{self, Announcement, Delivery, Walk},
        imports, mails, merchants, subscriptions, trainings, transactions,
    },
    platform::{
        clock,
        jwt::{random, sha256},
        problem::Problem,
        queue::{Default, High, Lane, Low, Ran, Worker},
        serve::Message,
    },
};
use mails::Summary;
use serde_json::Value;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// For so long a kind that nobody knows waits for the release that does.
const UNKNOWN_FOR: time::Duration = time::Duration::days(3);
/// A task's own deadline comes this much before its function's, so that the failure can be noted.
const MARGIN: Duration = Duration::from_secs(2);

/// How a task ended, and what is to be said of it.
type Done = (Ran, Option<Value>);

impl Worker {
    /// Does the task of a message.
    pub async fn work(&self, message: &Message) -> Result<(), Problem> {
        let task = match read(message, clock::now()) {
            Ok(task) => task,
            Err(Unreadable::NotYet) => return self.inbox.put_back(message).await,
            Err(Unreadable::Never(reason)) => return self.inbox.bury(message, reason).await,
        };
        let id = task.id.unwrap_or_else(|| id_of(message));
        let policy = task.work.policy();
        let begun = runs::begin(&self.db, id, &task.work, self.inbox.name(), message.sent_at).await;
        let attempt = match begun {
            Ok(None) => return Ok(()),
            Ok(Some(attempt)) => attempt,
            // Without the database nothing is known of the task, nor whether it was its last try.
            Err(problem) => {
                return self.again(message, policy.pause(message.receives, self.base, chance()), problem).await;
            }
        };
        // Every try before ended its worker: this one would, too.
        if policy.is_last(attempt.saturating_sub(1)) {
            self.inbox.bury(message, "worker_died").await?;
            return runs::bury(&self.db, id, "worker_died").await;
        }
        match self.within(policy.deadline, message.deadline, &task.work).await {
            Ok((ran, said)) => {
                if ran == Ran::More {
                    self.queue(&Task::new(task.work)).await?;
                }
                let more = (ran == Ran::More).then(|| serde_json::json!({"more": true}));
                runs::succeed(&self.db, id, said.or(more)).await
            }
            Err(problem) if is_permanent(&problem) || policy.is_last(attempt) => {
                self.inbox.bury(message, problem.code).await?;
                tracing::error!(%id, kind = task.work.kind(), attempt, %problem, "task given up: see the dead letters");
                runs::bury(&self.db, id, &problem.to_string()).await
            }
            Err(problem) => {
                // What it was is noted if the database can be asked.
                if let Err(unnoted) = runs::fail(&self.db, id, &problem.to_string()).await {
                    tracing::warn!(%id, problem = %unnoted, "a failure was not noted");
                }
                self.again(message, policy.pause(attempt, self.base, chance()), problem).await
            }
        }
    }

    async fn again(&self, message: &Message, pause: u16, problem: Problem) -> Result<(), Problem> {
        // If it cannot be put off, the queue's visibility decides when it comes again.
        if let Err(problem) = self.inbox.postpone(message, pause).await {
            tracing::warn!(%problem, "a message was not put off");
        }
        Err(problem)
    }

    /// Does the work, for as long as it may take. A transaction that is cut off ends with its connection.
    async fn within(&self, most: Duration, end: Instant, work: &Work) -> Result<Done, Problem> {
        let left = end.saturating_duration_since(Instant::now()).saturating_sub(MARGIN).min(most);
        let Some(deadline) = Instant::now().checked_add(left) else { return Err(Problem::internal("no deadline")) };
        let done = tokio::time::timeout(left, Box::pin(self.perform(work, deadline))).await;
        done.unwrap_or_else(|_| Err(Problem::unavailable("the task's deadline")))
    }

    async fn perform(&self, work: &Work, deadline: Instant) -> Result<Done, Problem> {
        let (db, relay) = (&self.db, &self.relay);
        let ran = match *work {
            Work::Announce { announcement_id: id, level, ref title, ref text } => {
                let what = Walk::Announce(Announcement { id, level, title: title.clone(), text: text.clone() });
                Delivery::walk(&self.deliver, format!("announcement {id}"), what, None).await.map(|()| Ran::Done)
            }
            Work::Import { user_id, import_id } => {
                let file = async |key: &str| self.files.get(key).await;
                let told = async || events::kick(relay, user_id).await;
                let ran = imports::run(db, file, told, user_id, import_id, deadline).await?;
                return Ok((ran, imports::outcome(db, user_id, import_id).await?));
            }
            Work::Revert { user_id, import_id } => {
                let told = async || events::kick(relay, user_id).await;
                let ran = imports::take_back(db, told, user_id, import_id, deadline).await?;
                return Ok((ran, imports::outcome(db, user_id, import_id).await?));
            }
            Work::Merge { merge_id } => merchants::work_off(db, merge_id, deadline).await,
            Work::Erase { user_id } => erasure::erase(db, &self.files, user_id, deadline).await,
            Work::RenewBudgets => {
                let told = async |user_id| events::kick(relay, user_id).await;
                budgets::renew_due(db, told, clock::now(), deadline).await
            }
            Work::Anchor => anchors::anchor(db, clock::now(), deadline).await,
            Work::DetectSubscriptions => subscriptions::detect(db, clock::now(), deadline).await,
            Work::Remind => {
                let told = async |user_id| events::kick(relay, user_id).await;
                subscriptions::remind(db, told, clock::now(), deadline).await
            }
            Work::DetectAnomalies => {
                let told = async |user_id| events::kick(relay, user_id).await;
                anomalies::detect(db, told, clock::now(), deadline).await
            }
            Work::FindDuplicates => {
                let told = async |user_id| events::kick(relay, user_id).await;
                transactions::find_duplicates(db, told, clock::now(), deadline).await
            }
            Work::Retrain => trainings::retrain(db, &self.files, deadline).await,
            Work::Mail { mail_id } => {
                mails::send(db, &self.post, auth::link_of_mail, mail_id).await.map(|()| Ran::Done)
            }
            Work::WeeklySummary => self.sum_up(Summary::Weekly, deadline).await,
            Work::MonthlyReport => self.sum_up(Summary::Monthly, deadline).await,
            Work::Tidy => tidy::tidy(db, clock::now(), deadline).await,
            Work::Sweep => sweep::sweep(self).await.map(|()| Ran::Done),
            Work::Tick => sweep::tick(self).await.map(|()| Ran::Done),
            Work::Watch | Work::HealthCanary | Work::FailureReport | Work::Maintain | Work::PinCheck => {
                return watching::perform(self, work, deadline).await.map(|said| (Ran::Done, Some(said)));
            }
        };
        ran.map(|ran| (ran, None))
    }

    async fn sum_up(&self, summary: Summary, deadline: Instant) -> Result<Ran, Problem> {
        let told = async |mails| super::mail(&self.default, mails).await;
        mails::write_due(&self.db, summary, told, clock::now(), deadline).await
    }

    /// Sends a task to its queue.
    pub(super) async fn queue(&self, task: &Task) -> Result<(), Problem> {
        match task.work.queue() {
            High::NAME => send(&self.high, task).await,
            Default::NAME => send(&self.default, task).await,
            Low::NAME => send(&self.low, task).await,
            _ => send(&self.scheduled, task).await,
        }
    }
}

/// The same for each delivery of a message, and in the order of sending like every other.
fn id_of(message: &Message) -> Uuid {
    let mut hash = [0; 10];
    for (byte, of) in hash.iter_mut().zip(sha256(message.id.as_bytes())) {
        *byte = of;
    }
    let millis = message.sent_at.unix_timestamp_nanos() / 1_000_000;
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(millis).unwrap_or(0), &hash).into_uuid()
}

/// What no try will mend: the task asks for what is wrong, or is not there.
fn is_permanent(problem: &Problem) -> bool {
    problem.status < 500
}

fn chance() -> u8 {
    random::<1>().map_or(0, |[byte]| byte)
}

#[derive(Debug, PartialEq, Eq)]
enum Unreadable {
    /// From a newer producer: it waits until its consumer is deployed.
    NotYet,
    Never(&'static str),
}

fn read(message: &Message, now: OffsetDateTime) -> Result<Task, Unreadable> {
    let unread = match serde_json::from_str(&message.body) {
        Ok(task) => return Ok(task),
        Err(_) => serde_json::from_str::<Value>(&message.body),
    };
    let kind = unread.ok().and_then(|task| Some(task.get("kind")?.as_str()?.to_owned()));
    match kind {
        None => Err(Unreadable::Never("malformed")),
        Some(kind) if is_known(&kind) => Err(Unreadable::Never("malformed")),
        Some(_) if now - message.first_sent_at.unwrap_or(message.sent_at) > UNKNOWN_FOR => {
            Err(Unreadable::Never("unknown_kind"))
        }
        Some(_) => Err(Unreadable::NotYet),
    }
}

/// Whether a kind has this name, whatever else it needs.
fn is_known(kind: &str) -> bool {
    let nothing = serde_json::json!({"kind": kind}).to_string();
    // Serde names the field that is missing of a kind it knows, and the kind itself if it does not.
    serde_json::from_str::<Work>(&nothing).map_or_else(|error| !error.to_string().contains("unknown variant"), |_| true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn read_of(body: &str, days: i64) -> Result<Work, Unreadable> {
        let now = clock::now();
        let sent_at = now - time::Duration::days(days);
        let message = Message {
            body: body.into(),
            id: String::new(),
            receives: 1,
            receipt: String::new(),
            sent_at,
            first_sent_at: None,
            deadline: Instant::now(),
        };
        read(&message, now).map(|task| task.work)
    }

    #[test]
    fn a_kind_from_a_newer_release_waits_and_what_is_malformed_does_not() {
        assert_eq!(read_of(r#"{"v":1,"kind":"sweep","new":1}"#, 0), Ok(Work::Sweep));
        assert_eq!(read_of(r#"{"v":1,"kind":"from_the_future"}"#, 2), Err(Unreadable::NotYet));
        assert_eq!(read_of(r#"{"v":1,"kind":"from_the_future"}"#, 4), Err(Unreadable::Never("unknown_kind")));
        for broken in ["", "[]", "{}", r#"{"kind":7}"#, r#"{"v":1,"kind":"import"}"#, r#"{"kind":"sweep"}"#] {
            assert_eq!(read_of(broken, 0), Err(Unreadable::Never("malformed")), "{broken}");
        }
    }

    #[test]
    fn only_what_no_try_will_mend_is_permanent() {
        assert!(is_permanent(&Problem::not_found()) && is_permanent(&Problem::conflict("taken", "")));
        assert!(!is_permanent(&Problem::unavailable("")) && !is_permanent(&Problem::internal("")));
    }
}
