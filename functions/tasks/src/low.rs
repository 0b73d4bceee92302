//! The queue of long tasks that nobody waits for.

use shared::platform::{
    problem::Problem,
    queue::{Low, Worker},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Worker<Low>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.work(&message).await
}
