//! What the clock does every minute: queue what is due, and catch up with what was committed without anybody being told.

use super::{Task, Work, queues, schedules, sql};
use crate::{
    domain::{
        auth, erasure,
        events::{self, Delivery, Walk},
        imports, mails, merchants, transactions,
    },
    platform::{clock, db::Tx, problem::Problem, queue::Worker},
};
use time::Duration;

/// An import that nobody has touched for so long waits for a task that was lost.
const STALLED: Duration = Duration::minutes(2);
/// A task that was written down and not sent for so long has lost its sender.
const UNSENT: Duration = Duration::minutes(2);
/// No worker lives for so long.
const DEAD_WORKER: Duration = Duration::minutes(20);
/// Days that frames are kept, and for which room is made ahead.
const EVENT_DAYS: (i32, i32) = (7, 3);

/// Queues the tasks whose schedule is due, and those whose sender was killed. Twice, late or missed does no harm.
pub(super) async fn tick(worker: &Worker) -> Result<(), Problem> {
    let now = clock::now();
    let due = worker.db.tx(async |tx: &mut Tx| schedules::due(tx, now).await).await?;
    let lost = worker
        .db
        .tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::runs::unsent(tx, now.saturating_sub(UNSENT)).await?))
        .await?;
    let lost = lost.into_iter().filter_map(|task| serde_json::from_value(task).ok());
    for task in due.into_iter().chain(lost) {
        worker.queue(&task).await?;
        worker.db.tx(async |tx: &mut Tx| schedules::sent(tx, &task, now).await).await?;
    }
    let depths = worker.queues.depths().await?;
    worker.db.tx(async |tx: &mut Tx| queues::sample(tx, &depths, now).await).await
}

/// Catches up with what was committed without anybody being told. Twice, late or never does no harm.
pub(super) async fn sweep(worker: &Worker) -> Result<(), Problem> {
    let (db, relay) = (&worker.db, &worker.relay);
    let waiting = db.tx(async |tx: &mut Tx| events::unpushed(tx, 1000).await).await?;
    for user_id in waiting {
        events::kick(relay, user_id).await;
    }
    // Twice in a minute is once: the queue knows the walk by its id.
    let minute = clock::epoch() / 60;
    Delivery::walk(&worker.deliver, format!("sweep {minute}"), Walk::Sweep, None).await?;
    for stalled in imports::stalled(db, clock::now(), STALLED).await? {
        let (user_id, import_id) = (stalled.user_id, stalled.id);
        if stalled.hopeless() {
            imports::give_up(db, &stalled).await?;
            events::kick(relay, user_id).await;
        } else if stalled.reverting {
            worker.queue(&Task::new(Work::Revert { user_id, import_id })).await?;
        } else {
            worker.queue(&Task::new(Work::Import { user_id, import_id })).await?;
        }
    }
    if db.tx(transactions::is_training_due).await? {
        worker.queue(&Task::new(Work::Retrain)).await?;
    }
    for merge_id in db.tx(async |tx: &mut Tx| merchants::open_merges(tx).await).await? {
        worker.queue(&Task::new(Work::Merge { merge_id })).await?;
    }
    let now = clock::now();
    for mail_id in db.tx(async |tx: &mut Tx| mails::unsent(tx, now).await).await? {
        worker.queue(&Task::new(Work::Mail { mail_id })).await?;
    }
    for user_id in db.tx(async |tx: &mut Tx| erasure::due(tx, now).await).await? {
        worker.queue(&Task::new(Work::Erase { user_id })).await?;
    }
    db.tx(async |tx: &mut Tx| auth::forget_old_links(tx, now).await).await?;
    let died = now.saturating_sub(DEAD_WORKER);
    db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::runs::give_up(tx, died, now).await?)).await?;
    db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::events_partitions(tx, EVENT_DAYS).await?)).await
}
