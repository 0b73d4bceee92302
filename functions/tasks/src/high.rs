//! The queue of tasks that a user waits for.

use shared::platform::{
    problem::Problem,
    queue::{High, Worker},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Worker<High>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.work(&message).await
}
