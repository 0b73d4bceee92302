//! `$disconnect`

use shared::{
    deps,
    platform::{live::Connections, problem::Problem, serve::SocketCall},
};

deps! { connections: Connections }

/// Forgets a connection. Best effort: one that ends without this is found gone when a frame is posted to it.
pub async fn handle(deps: &Deps, call: SocketCall) -> Result<Option<String>, Problem> {
    if let Some(holder) = deps.connections.find(&call.connection_id).await? {
        deps.connections.remove(&call.connection_id, holder.user_id).await?;
    }
    Ok(None)
}
