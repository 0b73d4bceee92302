//! The default queue.

use shared::platform::{
    problem::Problem,
    queue::{Default, Worker},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Worker<Default>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.work(&message).await
}
