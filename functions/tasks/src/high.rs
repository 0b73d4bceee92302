//! The queue of tasks that a user waits for.

use shared::platform::{
    problem::Problem,
    queue::{High, Works},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Works<High>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.0.work(&message).await
}
