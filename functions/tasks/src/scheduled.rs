//! The queue that schedules put their tasks on.

use shared::{
    deps,
    domain::tasks,
    platform::{
        db::Db,
        problem::Problem,
        queue::{Default, Queue, Relay},
        serve::Message,
    },
};

deps! { db: Db, relay: Queue<Relay>, tasks: Queue<Default> }

/// Does a scheduled task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    tasks::scheduled(&deps.db, &deps.relay, &deps.tasks, &message).await
}
