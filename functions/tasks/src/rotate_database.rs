//! The passwords that functions connect with: Secrets Manager asks for each step of a rotation.

use serde_json::Value;
use shared::{
    deps,
    platform::{
        problem::Problem,
        rotation::{Asked, DatabaseUsers},
        serve::Invoked,
    },
};

deps! {
    /// Roles and their passwords.
    users: DatabaseUsers,
}

/// Does a step.
pub async fn handle(deps: &Deps, asked: Invoked) -> Result<Value, Problem> {
    deps.users.step(&Asked::read(asked.payload)?).await.map(|()| Value::Null)
}
