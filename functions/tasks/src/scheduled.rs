//! The queue that the clock puts tasks on.

use shared::platform::{
    problem::Problem,
    queue::{Scheduled, Works},
    serve::Message,
};

/// What this handler may touch.
pub type Deps = Works<Scheduled>;

/// Does a task.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    deps.0.work(&message).await
}
