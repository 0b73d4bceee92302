//! Background tasks, as they travel through the queues.

mod sql;

use super::{auth, budgets, erasure, events, imports, merchants, transactions};
use crate::platform::{
    clock,
    db::{Db, Tx},
    files::Files,
    mail::Mail,
    problem::Problem,
    queue::{Default, Queue, Relay},
    serve::Message,
};
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

/// An import that nobody has touched for so long waits for a task that was lost.
const STALLED: Duration = Duration::minutes(2);
/// Days that frames are kept, and for which room is made ahead.
const EVENT_DAYS: (i32, i32) = (7, 3);

/// The version that is written. Readers ignore fields they do not know.
pub const VERSION: u8 = 1;

/// A task with its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Of the message's form.
    pub v: u8,
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
    /// Request the trainings that enough corrections wait for.
    Retrain,
    /// Move users' transactions for a merge of merchants, or back for its undoing.
    Merge {
        /// Which.
        merge_id: Uuid,
    },
    /// Begin the next periods of budgets that renew themselves.
    RenewBudgets,
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
    /// Push frames and start imports that were committed without anybody being told.
    Sweep,
}

impl Task {
    /// A task in the current form.
    #[must_use]
    pub fn new(work: Work) -> Self {
        Self { v: VERSION, work }
    }
}

/// Queues a task that was committed. Not a reason to fail: what the task is about waits in Postgres, and the sweeper
/// finds it there.
pub async fn queue(tasks: &Queue<Default>, task: &Task) {
    if let Err(problem) = tasks.send(task).await {
        tracing::warn!(%problem, "task not queued: the sweeper will");
    }
}

/// Queues mails that were written.
pub async fn mail(tasks: &Queue<Default>, mails: impl IntoIterator<Item = Uuid>) {
    for mail_id in mails {
        queue(tasks, &Task::new(Work::Mail { mail_id })).await;
    }
}

fn read(message: &Message) -> Result<Work, Problem> {
    // A kind that is not known yet comes from a newer producer: it stays in the queue until its consumer is deployed.
    serde_json::from_str::<Task>(&message.body).map(|task| task.work).map_err(Problem::internal)
}

/// Does a task of the default queue.
pub async fn work(
    db: &Db,
    files: &Files,
    post: &Mail,
    relay: &Queue<Relay>,
    tasks: &Queue<Default>,
    message: &Message,
) -> Result<(), Problem> {
    match read(message)? {
        Work::Import { user_id, import_id } => {
            let (file, told) = (async |key: &str| files.get(key).await, async || events::kick(relay, user_id).await);
            match imports::run(db, file, told, user_id, import_id, message.deadline).await? {
                imports::Ran::Done => Ok(()),
                imports::Ran::More => tasks.send(&Task::new(Work::Import { user_id, import_id })).await,
            }
        }
        Work::Revert { user_id, import_id } => {
            let told = async || events::kick(relay, user_id).await;
            match imports::take_back(db, told, user_id, import_id, message.deadline).await? {
                imports::Ran::Done => Ok(()),
                imports::Ran::More => tasks.send(&Task::new(Work::Revert { user_id, import_id })).await,
            }
        }
        Work::Retrain => transactions::request_trainings(db).await,
        Work::Merge { merge_id } => match merchants::work_off(db, merge_id, message.deadline).await? {
            merchants::Moved::Done => Ok(()),
            merchants::Moved::More => tasks.send(&Task::new(Work::Merge { merge_id })).await,
        },
        Work::RenewBudgets => renew_budgets(db, relay, tasks, message).await,
        Work::Mail { mail_id } => auth::send_mail(db, post, mail_id).await,
        Work::Erase { user_id } => match erasure::erase(db, files, user_id, message.deadline).await? {
            erasure::Ran::Done => Ok(()),
            erasure::Ran::More => tasks.send(&Task::new(Work::Erase { user_id })).await,
        },
        Work::Sweep => Err(Problem::internal("a sweep belongs on the scheduled queue")),
    }
}

/// What the time does not suffice for goes on as a task of its own.
async fn renew_budgets(
    db: &Db,
    relay: &Queue<Relay>,
    tasks: &Queue<Default>,
    message: &Message,
) -> Result<(), Problem> {
    let told = async |user_id| events::kick(relay, user_id).await;
    if budgets::renew_due(db, told, clock::now(), message.deadline).await? {
        tasks.send(&Task::new(Work::RenewBudgets)).await?;
    }
    Ok(())
}

/// Does a task of the scheduled queue.
pub async fn scheduled(
    db: &Db,
    relay: &Queue<Relay>,
    tasks: &Queue<Default>,
    message: &Message,
) -> Result<(), Problem> {
    match read(message)? {
        Work::Sweep => sweep(db, relay, tasks).await,
        Work::RenewBudgets => renew_budgets(db, relay, tasks, message).await,
        Work::Import { .. }
        | Work::Revert { .. }
        | Work::Retrain
        | Work::Merge { .. }
        | Work::Mail { .. }
        | Work::Erase { .. } => Err(Problem::internal("this task belongs on the default queue")),
    }
}

/// Catches up with what was committed without anybody being told. Twice, late or never does no harm.
async fn sweep(db: &Db, relay: &Queue<Relay>, tasks: &Queue<Default>) -> Result<(), Problem> {
    let waiting = db.tx(async |tx: &mut Tx| events::unpushed(tx, 1000).await).await?;
    for user_id in waiting {
        events::kick(relay, user_id).await;
    }
    for stalled in imports::stalled(db, clock::now(), STALLED).await? {
        let (user_id, import_id) = (stalled.user_id, stalled.id);
        if stalled.hopeless() {
            imports::give_up(db, &stalled).await?;
            events::kick(relay, user_id).await;
        } else if stalled.reverting {
            queue(tasks, &Task::new(Work::Revert { user_id, import_id })).await;
        } else {
            queue(tasks, &Task::new(Work::Import { user_id, import_id })).await;
        }
    }
    if db.tx(transactions::is_training_due).await? {
        queue(tasks, &Task::new(Work::Retrain)).await;
    }
    for merge_id in db.tx(async |tx: &mut Tx| merchants::open_merges(tx).await).await? {
        queue(tasks, &Task::new(Work::Merge { merge_id })).await;
    }
    let now = clock::now();
    mail(tasks, db.tx(async |tx: &mut Tx| auth::unsent_mails(tx, now).await).await?).await;
    for user_id in db.tx(async |tx: &mut Tx| erasure::due(tx, now).await).await? {
        queue(tasks, &Task::new(Work::Erase { user_id })).await;
    }
    db.tx(async |tx: &mut Tx| auth::forget_old_links(tx, now).await).await?;
    db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::events_partitions(tx, EVENT_DAYS).await?)).await
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
        assert_eq!(serde_json::from_str::<Task>(r#"{"v":1,"kind":"sweep"}"#).unwrap().work, Work::Sweep);
        assert!(
            serde_json::from_str::<Task>(r#"{"v":1,"kind":"from_the_future"}"#).is_err(),
            "tried again later, not dropped"
        );
    }
}
