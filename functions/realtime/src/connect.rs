//! `$connect`

use shared::{
    deps,
    domain::live,
    platform::{
        db::ReadDb,
        jwt::Keys,
        live::{Connections, Tickets},
        problem::Problem,
        queue::{Deliver, Queue},
        serve::SocketCall,
    },
};

deps! { db: ReadDb, keys: Keys, tickets: Tickets, connections: Connections, deliver: Queue<Deliver> }

/// Admits a connection that comes with a ticket or an access token of a live session, else 401.
pub async fn handle(deps: &Deps, call: SocketCall) -> Result<Option<String>, Problem> {
    let holder = live::admit(&deps.db, &deps.keys, &deps.tickets, &call).await?;
    live::open(&deps.connections, &deps.deliver, &holder, &call).await?;
    Ok(None)
}
