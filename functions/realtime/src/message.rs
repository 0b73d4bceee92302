//! `$default`: what a client sends.

use shared::{
    deps,
    domain::live::Desk,
    platform::{
        config::Config,
        db::ReadDb,
        limits::Limits,
        live::Connections,
        problem::Problem,
        queue::{Deliver, Queue},
        serve::SocketCall,
    },
};

deps! { db: ReadDb, connections: Connections, limits: Limits, deliver: Queue<Deliver>, config: Config }

/// Answers a client's frame in the same call.
pub async fn handle(deps: &Deps, call: SocketCall) -> Result<Option<String>, Problem> {
    let Deps { db, connections, limits, deliver, config } = deps;
    Desk { db, connections, limits, deliver, heartbeat_s: config.heartbeat_s }.answer(&call).await.map(Some)
}
