//! The default queue.

use shared::{
    deps,
    domain::tasks,
    platform::{
        db::Db,
        files::Files,
        mail::Mail,
        problem::Problem,
        queue::{Default, Queue, Relay},
        serve::Message,
    },
};

deps! { db: Db, files: Files, post: Mail, relay: Queue<Relay>, tasks: Queue<Default> }

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    tasks::work(&deps.db, &deps.files, &deps.post, &deps.relay, &deps.tasks, &message).await
}
