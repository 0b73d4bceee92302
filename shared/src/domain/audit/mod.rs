//! The append-only record of who did what, written in the transaction that does it.

mod sql;

use crate::platform::{db::Tx, http::Call, problem::Problem};
use uuid::Uuid;

/// Records an action.
pub async fn record(tx: &mut Tx, call: &Call, actor: Uuid, action: &str, target: Option<Uuid>) -> Result<(), Problem> {
    let target = target.map(|id| id.to_string());
    Ok(sql::insert(tx, call, actor, action, target.as_deref()).await?)
}

/// Records an action on what has a name of its own.
pub async fn record_named(tx: &mut Tx, call: &Call, actor: Uuid, action: &str, name: &str) -> Result<(), Problem> {
    Ok(sql::insert(tx, call, actor, action, Some(name)).await?)
}
