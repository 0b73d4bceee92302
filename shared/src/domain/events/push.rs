//! From the log to the sockets. A message says only whose frames are waiting; what and in which order is read from the
//! log, so lost, repeated and reordered messages do no harm.

use super::{announcement::Announcement, frames::Frame, sql};
use crate::platform::{
    db::{Db, Tx},
    jwt::{hex, sha256},
    live::Place,
    problem::Problem,
    queue::{Deliver, Ordered, Queue, Relay},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::timeout;
use uuid::Uuid;

/// Frames read at a time. All of them, at their largest, fit into one SQS message of 256 KB.
const BATCH: i64 = 7;
/// A kick that does not get through in time is the sweeper's to repeat; the answer does not wait for it.
const KICK: Duration = Duration::from_secs(2);

/// Work for the deliverer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Post frames to all of a user's connections.
    Frames {
        /// The user.
        user_id: Uuid,
        /// In order.
        frames: Vec<Frame>,
        /// Of each type, the number of the last frame before these: what a connection that does not want all of them has.
        #[serde(default)]
        before: BTreeMap<String, i64>,
    },
    /// Close the connections of a session that ended, or all of the user's.
    Close {
        /// The user.
        user_id: Uuid,
        /// The session.
        session_id: Option<Uuid>,
        /// The one that goes on, where all others have ended.
        #[serde(default)]
        kept: Option<Uuid>,
    },
    /// Close single connections.
    End {
        /// The user.
        user_id: Uuid,
        /// Their ids.
        connections: Vec<String>,
        /// Why, for the log.
        reason: String,
    },
    /// Go through everybody's connections: one page of them, and the next one by another message.
    Walk {
        /// Which walk, so that no page of it is begun twice within minutes.
        id: String,
        /// What for.
        what: Walk,
        /// Where the page begins; at the beginning without it.
        #[serde(default)]
        place: Option<Place>,
    },
}

/// What to do with everybody's connections.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Walk {
    /// End those whose time is over, and ask those to come again whose time will soon be.
    Sweep,
    /// Tell something that is not about a user's data.
    Announce(Announcement),
}

impl Delivery {
    /// Hands this over, in the user's order.
    pub async fn send(&self, deliver: &Queue<Deliver>, user_id: Uuid, dedup: String) -> Result<(), Problem> {
        self.send_in(deliver, user_id.to_string(), dedup).await
    }

    async fn send_in(&self, deliver: &Queue<Deliver>, group: String, dedup: String) -> Result<(), Problem> {
        let body = serde_json::to_string(self).map_err(Problem::internal)?;
        deliver.send_ordered(&[Ordered { group, dedup, body }]).await
    }

    /// Begins a walk through everybody's connections, or goes on with it.
    pub async fn walk(deliver: &Queue<Deliver>, id: String, what: Walk, place: Option<Place>) -> Result<(), Problem> {
        let at = place.as_ref().map(ToString::to_string).unwrap_or_default();
        // An id of the queue's has 128 characters at most, and a connection's may be of any form.
        let dedup = hex(&sha256(format!("{id} {at}").as_bytes()));
        Self::Walk { id: id.clone(), what, place }.send_in(deliver, format!("walk:{id}"), dedup).await
    }
}

/// Tells the relay that a user has frames waiting. After the commit, and never a reason to fail: a sweeper looks, too.
pub async fn kick(relay: &Queue<Relay>, user_id: Uuid) {
    let message = Ordered { group: user_id.to_string(), dedup: Uuid::now_v7().to_string(), body: user_id.to_string() };
    match timeout(KICK, relay.send_ordered(&[message])).await {
        Ok(Ok(())) => {}
        Ok(Err(problem)) => tracing::warn!(%problem, "relay not kicked: the sweeper will"),
        Err(_) => tracing::warn!("relay not kicked in time: the sweeper will"),
    }
}

/// [`kick`] for many users, as many at a time as the queue takes.
pub async fn kick_all(relay: &Queue<Relay>, users: &[Uuid]) {
    for some in users.chunks(10) {
        let message = |user_id: &Uuid| Ordered {
            group: user_id.to_string(),
            dedup: Uuid::now_v7().to_string(),
            body: user_id.to_string(),
        };
        let messages: Vec<_> = some.iter().map(message).collect();
        match timeout(KICK, relay.send_ordered(&messages)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => tracing::warn!(%problem, "relay not kicked: the sweeper will"),
            // A queue that does not answer is not asked again and again while the program waits.
            Err(_) => return tracing::warn!("relay not kicked in time: the sweeper will"),
        }
    }
}

/// Has the connections of a session closed, or all of the user's. The session is over already, so a connection that
/// stays a little longer hears of nothing new it may not know; this is no reason to fail.
pub async fn close(deliver: &Queue<Deliver>, user_id: Uuid, session_id: Option<Uuid>) {
    hand_over(deliver, user_id, &Delivery::Close { user_id, session_id, kept: None }).await;
}

/// Has all of the user's connections closed but those of one session.
pub async fn close_others(deliver: &Queue<Deliver>, user_id: Uuid, kept: Uuid) {
    hand_over(deliver, user_id, &Delivery::Close { user_id, session_id: None, kept: Some(kept) }).await;
}

/// Has single connections of a user closed.
pub async fn end(deliver: &Queue<Deliver>, user_id: Uuid, connections: Vec<String>, reason: &str) {
    hand_over(deliver, user_id, &Delivery::End { user_id, connections, reason: reason.to_owned() }).await;
}

async fn hand_over(deliver: &Queue<Deliver>, user_id: Uuid, close: &Delivery) {
    if let Err(problem) = close.send(deliver, user_id, Uuid::now_v7().to_string()).await {
        tracing::warn!(%problem, "connections not closed: they end with their token");
    }
}

/// Hands all of a user's waiting frames to the deliverer. Killed between sending and noting it, it sends the same
/// again, under the same deduplication ids.
pub async fn relay(db: &Db, deliver: &Queue<Deliver>, user_id: Uuid) -> Result<(), Problem> {
    loop {
        let waiting = db
            .tx(async |tx: &mut Tx| {
                let Some(pushed) = sql::pushed(tx, user_id).await? else { return Ok::<_, Problem>(None) };
                Ok(Some((sql::after(tx, user_id, pushed.seq, BATCH).await?, pushed.types.0)))
            })
            .await?;
        let Some((waiting, before)) = waiting else { return Ok(()) };
        let frames: Vec<_> = waiting.into_iter().map(|stored| Frame::of(user_id, stored)).collect();
        let (Some(first), Some(last)) = (frames.first().map(|f| f.seq), frames.last().map(|f| f.seq)) else {
            return Ok(());
        };
        let types: BTreeMap<_, _> = frames.iter().map(|frame| (frame.kind.clone(), frame.seq)).collect();
        Delivery::Frames { user_id, frames, before }
            .send(deliver, user_id, format!("{user_id}:{first}-{last}"))
            .await?;
        db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::set_pushed(tx, user_id, last, &types).await?)).await?;
    }
}

/// Users whose frames wait although nobody was told: after a kill between commit and kick.
pub async fn unpushed(tx: &mut Tx, limit: i64) -> Result<Vec<Uuid>, Problem> {
    Ok(sql::unpushed(tx, limit).await?)
}
