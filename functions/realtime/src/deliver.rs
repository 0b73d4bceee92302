//! The delivery queue: frames for open sockets. Outside the VPC, and alone in posting to connections.

use shared::{
    deps,
    domain::live::Courier,
    platform::{
        config::Config,
        live::{AllConnections, Connections, Sockets},
        problem::Problem,
        queue::{Deliver, Queue},
        serve::Message,
    },
};

deps! { connections: Connections, all: AllConnections, sockets: Sockets, deliver: Queue<Deliver>, config: Config }

/// Posts frames to a user's connections, closes some, or goes through a page of everybody's.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    let delivery = serde_json::from_str(&message.body).map_err(Problem::internal)?;
    let Deps { connections, all, sockets, deliver, config } = deps;
    Courier { connections, all, sockets, deliver, heartbeat_s: config.heartbeat_s }.deliver(delivery).await
}
