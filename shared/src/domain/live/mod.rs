//! Live connections: who may open one, what a client may say on it, and how frames reach it.

mod frames;

use super::{auth, events::Delivery};
use crate::platform::{
    clock,
    db::ReadDb,
    jwt::Keys,
    live::{Connection, Connections, Holder, Posted, Sockets, Tickets},
    problem::Problem,
    serve::{SocketCall, check_access},
};
pub use frames::answer;
use futures_util::future::join_all;

/// A connection is recorded before its socket is accepted; until then the gateway calls it gone.
const YOUNG_S: i64 = 10;

fn refused() -> Problem {
    Problem::unauthorized("not_admitted", "Connect with a fresh ?ticket= or a valid ?token=.")
}

/// Whose connection this would be, if its ticket or token and its session are good.
pub async fn admit(db: &ReadDb, keys: &Keys, tickets: &Tickets, call: &SocketCall) -> Result<Holder, Problem> {
    let holder = match (&call.ticket, &call.token) {
        (Some(ticket), _) => tickets.take(ticket, call.now.unix_timestamp()).await?.ok_or_else(refused)?,
        (None, Some(token)) => {
            let claims = check_access(keys, token).await?;
            Holder { user_id: claims.user_id, session_id: claims.session_id, expires: claims.exp }
        }
        (None, None) => return Err(refused()),
    };
    if auth::session_stands(db, holder.user_id, holder.session_id, call.now).await? {
        Ok(holder)
    } else {
        Err(refused())
    }
}

/// Carries a delivery out. Connections are served side by side, so that none waits for another; frames of one
/// connection go one after the other, so that they arrive in order.
pub async fn deliver(connections: &Connections, sockets: &Sockets, delivery: Delivery) -> Result<(), Problem> {
    let now = clock::epoch();
    match delivery {
        Delivery::Close { user_id, session_id, kept } => {
            let all = connections.of(user_id).await?;
            let of = |one: &&Connection| session_id.is_none_or(|session| session == one.holder.session_id);
            let ended = all.iter().filter(of).filter(|one| kept != Some(one.holder.session_id));
            join_all(ended.map(|one| end(connections, sockets, one, "session ended"))).await.into_iter().collect()
        }
        Delivery::Frames { user_id, frames } => {
            let all = connections.of(user_id).await?;
            let post = async |one: &Connection| {
                if one.holder.expires <= now {
                    return end(connections, sockets, one, "token expired").await;
                }
                for frame in &frames {
                    match sockets.post(&one.id, &frame.text(&one.id)).await {
                        Posted::Sent => {}
                        Posted::Gone if now.saturating_sub(one.opened) < YOUNG_S => return Ok(()),
                        Posted::Gone => return end(connections, sockets, one, "gone").await,
                        // The next frame's prev_seq shows the client that it missed some: it resumes.
                        Posted::Failed => return Ok(()),
                    }
                }
                Ok(())
            };
            join_all(all.iter().map(post)).await.into_iter().collect()
        }
    }
}

async fn end(connections: &Connections, sockets: &Sockets, one: &Connection, reason: &str) -> Result<(), Problem> {
    tracing::info!(connection_id = one.id, reason, "connection ended");
    if reason != "gone" {
        sockets.close(&one.id).await;
    }
    connections.remove(&one.id, one.holder.user_id).await
}
