//! The queue that the clock puts tasks on.

use shared::platform::{
    problem::Problem,
    queue::{Scheduled, Worker},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Worker<Scheduled>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.work(&message).await
}
