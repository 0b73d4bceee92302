//! `$default`: what a client sends.

use shared::{
    deps,
    domain::live,
    platform::{config::Config, db::ReadDb, live::Connections, problem::Problem, serve::SocketCall},
};

deps! { db: ReadDb, connections: Connections, config: Config }

/// Answers a client's frame in the same call.
pub async fn handle(deps: &Deps, call: SocketCall) -> Result<Option<String>, Problem> {
    live::answer(&deps.db, &deps.connections, deps.config.heartbeat_s, &call).await.map(Some)
}
