//! Background tasks: what there is to do, on which queue, and how often it is tried.
//!
//! A task travels as JSON. Its run is a row of `task_runs`, found by the task's id however often a queue delivers it.

mod cron;
mod policy;
pub mod queues;
mod runs;
pub mod schedules;
mod sql;
mod sweep;
mod tidy;
mod watching;
mod worker;

use super::events::Level;
use crate::platform::{
    db::{Db, Tx},
    problem::Problem,
    queue::{Lane, Queue},
};
pub use policy::Policy;
pub use runs::{Run, RunsFilter, RunsQuery, StatisticsQuery, Status, TaskStatistics, Window, get, list, statistics};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// The version that is written. Readers ignore fields they do not know.
pub const VERSION: u8 = 1;

/// A task with its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Of the message's form.
    pub v: u8,
    /// Which task: its run is found by it. One that comes without has the id of its message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// What to do.
    #[serde(flatten)]
    pub work: Work,
}

/// What there is to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Work {
    /// Read on in an import's file.
    Import {
        /// Whose.
        user_id: Uuid,
        /// Which.
        import_id: Uuid,
    },
    /// Take an import back.
    Revert {
        /// Whose.
        user_id: Uuid,
        /// Which.
        import_id: Uuid,
    },
    /// Gather corrections into data sets that the recognition is trained with.
    Retrain,
    /// Move users' transactions for a merge of merchants, or back for its undoing.
    Merge {
        /// Which.
        merge_id: Uuid,
    },
    /// Begin the next periods of budgets that renew themselves.
    RenewBudgets,
    /// Put what changed into the day's Merkle tree.
    Anchor,
    /// Find charges that recur.
    DetectSubscriptions,
    /// Remind of charges that are about to recur.
    Remind,
    /// Find transactions that are unusual for their user.
    DetectAnomalies,
    /// Flag transactions that look the same as others.
    FindDuplicates,
    /// Write down the mails on the week before.
    WeeklySummary,
    /// Write down the mails on the month before.
    MonthlyReport,
    /// Send a mail.
    Mail {
        /// Which.
        mail_id: Uuid,
    },
    /// Delete what a closed account has.
    Erase {
        /// Whose.
        user_id: Uuid,
    },
    /// Push frames and start work that was committed without anybody being told.
    Sweep,
    /// Delete what has served its time.
    Tidy,
    /// Queue the tasks whose schedule is due: the clock's own task, every minute.
    Tick,
    /// Look for what goes wrong with tasks and queues, and tell the alert targets.
    Watch,
    /// Ask the API whether it works.
    HealthCanary,
    /// Tell the alert targets which tasks failed.
    FailureReport,
    /// Gather the planner's statistics, and look whether VACUUM keeps up.
    Maintain,
    /// Ask a gateway of IPFS for pinned files.
    PinCheck,
    /// Tell everybody something.
    Announce {
        /// Its id.
        announcement_id: Uuid,
        /// How much it matters.
        level: Level,
        /// In a few words.
        title: String,
        /// In full.
        text: String,
    },
}

/// A kind of task: its name, its queue, and how it is tried.
struct Kind(&'static str, &'static str, &'static Policy);

impl Work {
    const fn of(&self) -> Kind {
        match self {
            Self::Import { .. } => Kind("import", "high", &Policy::DATABASE),
            Self::Revert { .. } => Kind("revert", "high", &Policy::DATABASE),
            Self::Mail { .. } => Kind("mail", "default", &Policy::MAIL),
            Self::Retrain => Kind("retrain", "default", &Policy::DATABASE),
            Self::Merge { .. } => Kind("merge", "low", &Policy::DATABASE),
            Self::Erase { .. } => Kind("erase", "low", &Policy::DATABASE),
            Self::RenewBudgets => Kind("renew_budgets", "scheduled", &Policy::DATABASE),
            Self::Anchor => Kind("anchor", "scheduled", &Policy::DATABASE),
            Self::DetectSubscriptions => Kind("detect_subscriptions", "scheduled", &Policy::DATABASE),
            Self::Remind => Kind("remind", "scheduled", &Policy::DATABASE),
            Self::DetectAnomalies => Kind("detect_anomalies", "scheduled", &Policy::DATABASE),
            Self::FindDuplicates => Kind("find_duplicates", "scheduled", &Policy::DATABASE),
            Self::WeeklySummary => Kind("weekly_summary", "scheduled", &Policy::DATABASE),
            Self::MonthlyReport => Kind("monthly_report", "scheduled", &Policy::DATABASE),
            Self::Sweep => Kind("sweep", "scheduled", &Policy::DATABASE),
            Self::Tidy => Kind("tidy", "low", &Policy::DATABASE),
            Self::Tick => Kind("tick", "scheduled", &Policy::CLOCK),
            Self::Watch => Kind("watch", "scheduled", &Policy::CLOCK),
            Self::HealthCanary => Kind("health_canary", "scheduled", &Policy::CLOCK),
            Self::FailureReport => Kind("failure_report", "default", &Policy::DATABASE),
            Self::Maintain => Kind("maintain", "low", &Policy::DATABASE),
            Self::PinCheck => Kind("pin_check", "low", &Policy::DATABASE),
            Self::Announce { .. } => Kind("announce", "default", &Policy::DATABASE),
        }
    }

    /// Its kind, as the JSON names it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.of().0
    }

    /// The queue it goes to.
    #[must_use]
    pub const fn queue(&self) -> &'static str {
        self.of().1
    }

    /// How often it is tried, and when again.
    #[must_use]
    pub const fn policy(&self) -> &'static Policy {
        self.of().2
    }

    /// Whose work it is, if it is somebody's.
    const fn user_id(&self) -> Option<Uuid> {
        match self {
            Self::Import { user_id, .. } | Self::Revert { user_id, .. } | Self::Erase { user_id } => Some(*user_id),
            Self::Retrain
            | Self::Merge { .. }
            | Self::RenewBudgets
            | Self::Anchor
            | Self::DetectSubscriptions
            | Self::Remind
            | Self::DetectAnomalies
            | Self::FindDuplicates
            | Self::WeeklySummary
            | Self::MonthlyReport
            | Self::Mail { .. }
            | Self::Sweep
            | Self::Tidy
            | Self::Tick
            | Self::Watch
            | Self::HealthCanary
            | Self::FailureReport
            | Self::Maintain
            | Self::PinCheck
            | Self::Announce { .. } => None,
        }
    }
}

/// Kinds that need nothing but their name: what a schedule may run.
pub const SCHEDULABLE: &[Work] = &[
    Work::RenewBudgets,
    Work::Anchor,
    Work::DetectSubscriptions,
    Work::Remind,
    Work::DetectAnomalies,
    Work::FindDuplicates,
    Work::WeeklySummary,
    Work::MonthlyReport,
    Work::Retrain,
    Work::Sweep,
    Work::Tidy,
    Work::Watch,
    Work::HealthCanary,
    Work::FailureReport,
    Work::Maintain,
    Work::PinCheck,
];

impl Task {
    /// A task in the current form.
    #[must_use]
    pub fn new(work: Work) -> Self {
        Self { v: VERSION, id: Some(Uuid::now_v7()), work }
    }
}

/// Sends a task to its queue, which must be this one.
pub async fn send<Q: Lane>(queue: &Queue<Q>, task: &Task) -> Result<(), Problem> {
    if task.work.queue() != Q::NAME {
        return Err(Problem::internal(format!("a task {} for the queue {}", task.work.kind(), Q::NAME)));
    }
    queue.send(task).await
}

/// Sends a task that was committed. Not a reason to fail: what the task is about waits in Postgres, and the sweeper
/// finds it there.
pub async fn queue<Q: Lane>(queue: &Queue<Q>, task: &Task) {
    if let Err(problem) = send(queue, task).await {
        tracing::warn!(%problem, kind = task.work.kind(), "task not queued: the sweeper will");
    }
}

/// Writes down a task that a person asked for; send it after the commit.
pub async fn write(tx: &mut Tx, work: Work, now: OffsetDateTime) -> Result<Task, Problem> {
    let task = runs::write(tx, work, None, now).await?;
    task.ok_or_else(|| Problem::internal("a new task is there already"))
}

/// Sends a task that was written down. If that fails the next tick does it.
pub async fn send_written<Q: Lane>(db: &Db, queue: &Queue<Q>, task: &Task, now: OffsetDateTime) {
    let noted = match send(queue, task).await {
        Ok(()) => db.tx(async |tx: &mut Tx| schedules::sent(tx, task, now).await).await,
        Err(problem) => Err(problem),
    };
    if let Err(problem) = noted {
        tracing::warn!(%problem, "task not sent: the next tick does");
    }
}

/// Queues mails that were written.
pub async fn mail<Q: Lane>(queue: &Queue<Q>, mails: impl IntoIterator<Item = Uuid>) {
    for mail_id in mails {
        self::queue(queue, &Task::new(Work::Mail { mail_id })).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_reads_back_and_ignores_what_it_does_not_know() {
        let task = Task::new(Work::Import { user_id: Uuid::nil(), import_id: Uuid::max() });
        let text = serde_json::to_string(&task).unwrap();
        assert_eq!(serde_json::from_str::<Task>(&text).unwrap(), task);
        let newer = text.replace("\"v\":1", "\"v\":2,\"trace\":{\"id\":7}");
        assert_eq!(serde_json::from_str::<Task>(&newer).unwrap().work, task.work);
        let ticking = serde_json::from_str::<Task>(r#"{"v":1,"kind":"tick"}"#).unwrap();
        assert_eq!((ticking.id, ticking.work), (None, Work::Tick));
    }

    #[test]
    fn a_kind_is_named_as_its_json_names_it() {
        let id = Uuid::nil();
        let others = [
            Work::Import { user_id: id, import_id: id },
            Work::Revert { user_id: id, import_id: id },
            Work::Merge { merge_id: id },
            Work::Mail { mail_id: id },
            Work::Erase { user_id: id },
            Work::Tick,
        ];
        for work in others.into_iter().chain(SCHEDULABLE.iter().cloned()) {
            assert_eq!(serde_json::to_value(&work).unwrap()["kind"], work.kind());
        }
    }
}
