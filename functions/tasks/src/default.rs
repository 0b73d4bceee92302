//! The default queue.

use shared::platform::{
    problem::Problem,
    queue::{Default, Works},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Works<Default>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.0.work(&message).await
}
