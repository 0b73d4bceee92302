//! The delivery queue: frames for open sockets. Outside the VPC, and alone in posting to connections.

use shared::{
    deps,
    domain::live,
    platform::{
        live::{Connections, Sockets},
        problem::Problem,
        serve::Message,
    },
};

deps! { connections: Connections, sockets: Sockets }

/// Posts frames to all of a user's connections, or closes those of a session.
pub async fn handle(deps: &Deps, message: Message) -> Result<(), Problem> {
    let delivery = serde_json::from_str(&message.body).map_err(Problem::internal)?;
    live::deliver(&deps.connections, &deps.sockets, delivery).await
}
