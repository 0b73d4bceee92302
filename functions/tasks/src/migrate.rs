//! The schema of this release, before any of its other functions is called. `cargo ship` invokes it until it is done.

use serde_json::{Value, json};
use shared::{
    deps,
    platform::{db::migrations::Migrations, problem::Problem, serve::Invoked},
};
use std::time::{Duration, Instant};

deps! {
    /// The database's owner.
    migrations: Migrations,
}

/// What is kept back of an invocation's time, to say how far it got.
const RESERVE: Duration = Duration::from_secs(10);

/// Applies what is missing for as long as there is time; `{"seconds": 5}` makes it less.
pub async fn handle(deps: &Deps, asked: Invoked) -> Result<Value, Problem> {
    let most = asked.payload.get("seconds").and_then(Value::as_u64).map_or(Duration::MAX, Duration::from_secs);
    let left = asked.deadline.saturating_duration_since(Instant::now()).saturating_sub(RESERVE);
    let progress = deps.migrations.bring(left.min(most)).await?;
    Ok(json!(progress))
}
