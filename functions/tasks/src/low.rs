//! The queue of long tasks that nobody waits for.

use shared::platform::{
    problem::Problem,
    queue::{Low, Works},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Works<Low>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.0.work(&message).await
}
