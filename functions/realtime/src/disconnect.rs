//! `$disconnect`

use shared::{
    deps,
    domain::live,
    platform::{live::Connections, problem::Problem, serve::SocketCall},
};

deps! { connections: Connections }

/// Forgets a connection, and logs why it ended.
pub async fn handle(deps: &Deps, call: SocketCall) -> Result<Option<String>, Problem> {
    live::closed(&deps.connections, &call).await?;
    Ok(None)
}
