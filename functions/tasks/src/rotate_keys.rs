//! The keys that sign tokens: Secrets Manager asks for each step of a rotation.

use serde_json::{Value, json};
use shared::{
    deps,
    platform::{
        problem::Problem,
        rotation::{Asked, SigningKeys},
        serve::Invoked,
    },
};

deps! {
    /// The keys.
    keys: SigningKeys,
}

/// Does a step; `{"revoke": true}`, from whoever may invoke this, takes all keys there are out of use at once.
pub async fn handle(deps: &Deps, asked: Invoked) -> Result<Value, Problem> {
    if asked.payload == json!({"revoke": true}) {
        return deps.keys.revoke().await.map(|rotated| json!({"signs": rotated.signs}));
    }
    deps.keys.step(&Asked::read(asked.payload)?).await.map(|()| Value::Null)
}
