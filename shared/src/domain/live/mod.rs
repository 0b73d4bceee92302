//! Live connections: who may open one, what a client may say on it, and how frames reach it.

mod frames;
mod walk;

use super::{
    auth,
    events::{self, Delivery},
};
use crate::platform::{
    clock,
    db::ReadDb,
    jwt::Keys,
    live::{AllConnections, Connection, Connections, Holder, Posted, Sockets, Tickets},
    problem::Problem,
    queue::{Deliver, Queue},
    rates::{Standing, WINDOW_S},
    serve::{SocketCall, check_access},
};
pub use frames::Desk;
#[cfg(test)]
pub(super) use frames::{Frame, read};
use futures_util::future::join_all;
use serde_json::{Value, json};

/// A connection is recorded before its socket is accepted; until then the gateway calls it gone.
const YOUNG_S: i64 = 10;
/// Open connections of one user. Of more, those that were opened first are closed: most likely they are dead.
const MOST: usize = 20;
/// Of so many at once none was closed in time: somebody opens them in a loop.
const FAR_TOO_MANY: usize = 2 * MOST;
/// The type of what everybody is told.
const ANNOUNCEMENT: &str = "announcement";

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

/// Records a connection, and has those closed that are too many with it. Counted when it is there: of any number at once the
/// last sees all.
pub async fn open(
    connections: &Connections,
    deliver: &Queue<Deliver>,
    holder: &Holder,
    call: &SocketCall,
) -> Result<(), Problem> {
    connections.add(&call.connection_id, holder, call.now.unix_timestamp()).await?;
    let mut others = connections.of(holder.user_id).await?;
    others.retain(|one| one.id != call.connection_id);
    if others.len() >= FAR_TOO_MANY {
        connections.remove(&call.connection_id, holder.user_id).await?;
        let most = u32::try_from(MOST).unwrap_or(u32::MAX);
        let resets_s = u32::try_from(WINDOW_S).unwrap_or(1);
        return Err(Problem::too_many(Standing { policy: "connections", most, window_s: WINDOW_S, left: 0, resets_s }));
    }
    if others.len() >= MOST {
        others.sort_by(|a, b| (a.opened, &a.id).cmp(&(b.opened, &b.id)));
        others.truncate(others.len().saturating_add(1).saturating_sub(MOST));
        let first = others.into_iter().map(|one| one.id).collect();
        events::end(deliver, holder.user_id, first, "too many connections").await;
    }
    Ok(())
}

/// Notes why a connection ended, and forgets it. Best effort: one that ends without this is found gone or silent.
pub async fn closed(connections: &Connections, call: &SocketCall) -> Result<(), Problem> {
    let connection = connections.find(&call.connection_id).await?;
    let open_s = connection.as_ref().map(|one| call.now.unix_timestamp().saturating_sub(one.opened));
    let (code, reason) = call.ended.as_ref().map_or((None, None), |(code, reason)| (*code, reason.as_deref()));
    tracing::info!(connection_id = call.connection_id, code, reason, open_s, "connection closed");
    match connection {
        Some(one) => connections.remove(&one.id, one.holder.user_id).await,
        None => Ok(()),
    }
}

/// What the deliverer works with.
pub struct Courier<'a> {
    /// Who holds which connection.
    pub connections: &'a Connections,
    /// Everybody's.
    pub all: &'a AllConnections,
    /// Posts to them, and closes them.
    pub sockets: &'a Sockets,
    /// Its own queue, for the next page of a walk.
    pub deliver: &'a Queue<Deliver>,
    /// How often clients are asked to ping, in seconds.
    pub heartbeat_s: u32,
}

impl Courier<'_> {
    /// Carries a delivery out. Connections are served side by side, so that none waits for another; frames of one
    /// connection go one after the other, so that they arrive in order.
    pub async fn deliver(&self, delivery: Delivery) -> Result<(), Problem> {
        match delivery {
            Delivery::Walk { id, what, place } => self.walk(id, what, place).await,
            Delivery::Close { user_id, session_id, kept } => {
                let of = |one: &Connection| session_id.is_none_or(|session| session == one.holder.session_id);
                let ends = |one: &Connection| of(one) && kept != Some(one.holder.session_id);
                self.end_some(self.connections.of(user_id).await?, ends, "session ended").await
            }
            Delivery::End { user_id, connections, reason } => {
                let ends = |one: &Connection| connections.contains(&one.id);
                self.end_some(self.connections.of(user_id).await?, ends, &reason).await
            }
            Delivery::Frames { user_id, frames, before } => {
                let (all, now) = (self.connections.of(user_id).await?, clock::epoch());
                let post = async |one: &Connection| {
                    let wants = |kind: &str| one.wants(kind);
                    let last = match (&one.types, frames.first()) {
                        (None, Some(first)) => first.prev_seq,
                        _ => before.iter().filter(|(kind, _)| wants(kind)).map(|(_, seq)| *seq).max().unwrap_or(0),
                    };
                    let texts = events::wanted(&frames, last, wants).into_iter().map(|frame| frame.text(&one.id));
                    self.post(one, texts, now).await
                };
                join_all(all.iter().map(post)).await.into_iter().collect()
            }
        }
    }

    /// Posts to a connection, one frame after the other.
    async fn post(&self, one: &Connection, texts: impl Iterator<Item = String>, now: i64) -> Result<(), Problem> {
        if one.holder.expires <= now {
            return self.end(one, "token expired").await;
        }
        for text in texts {
            match self.sockets.post(&one.id, &text).await {
                Posted::Sent => {}
                Posted::Gone if now.saturating_sub(one.opened) < YOUNG_S => return Ok(()),
                Posted::Gone => return self.end(one, "gone").await,
                // The next frame's prev_seq shows the client that it missed some: it resumes.
                Posted::Failed => return Ok(()),
            }
        }
        Ok(())
    }

    async fn end_some(
        &self,
        all: Vec<Connection>,
        ends: impl Fn(&Connection) -> bool,
        reason: &str,
    ) -> Result<(), Problem> {
        let ended = all.iter().filter(|one| ends(one));
        join_all(ended.map(|one| self.end(one, reason))).await.into_iter().collect()
    }

    async fn end(&self, one: &Connection, reason: &str) -> Result<(), Problem> {
        tracing::info!(connection_id = one.id, reason, "connection ended");
        if reason != "gone" {
            self.sockets.close(&one.id).await;
        }
        self.connections.remove(&one.id, one.holder.user_id).await
    }
}

/// Asks a client to open a new connection.
fn reconnect(reason: &str) -> Value {
    json!({"type": "reconnect", "data": {"reason": reason}})
}
