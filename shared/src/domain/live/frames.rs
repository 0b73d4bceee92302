//! Frames that clients send, and what they are answered with.

use super::ANNOUNCEMENT;
use crate::{
    domain::{
        auth,
        events::{self, Page},
    },
    platform::{
        db::{ReadDb, Tx},
        limits::Limits,
        live::{Connection, Connections},
        problem::Problem,
        queue::{Deliver, Queue},
        rates::{Class, Place, Tier},
        serve::SocketCall,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// No frame that a client has to send is nearly as long.
const LONGEST: usize = 4 * 1024;

/// What a client may send. Fields that are not known are ignored: a newer client may say more.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::domain) enum Frame {
    Hello { last_seq: Option<i64>, previous_connection_id: Option<String> },
    Ping,
    Pong,
    Resume { last_seq: Option<i64>, last_message_id: Option<String> },
    Subscribe { types: BTreeSet<String> },
    Unsubscribe { types: BTreeSet<String> },
}

/// Reads what came, or says what is wrong with it.
pub(in crate::domain) fn read(frame: Option<&str>) -> Result<Frame, Value> {
    match frame {
        None => Err(error("binary_frame", "Send JSON as text.")),
        Some(text) if text.len() > LONGEST => Err(error("frame_too_large", "Send at most 4,096 bytes.")),
        Some(text) => serde_json::from_str(text).map_err(|_| {
            bad("Send JSON with a type of hello, ping, pong, subscribe, unsubscribe or resume, and its fields.")
        }),
    }
}

/// What it takes to answer.
pub struct Desk<'a> {
    /// Sessions and the log of frames.
    pub db: &'a ReadDb,
    /// Who holds which connection.
    pub connections: &'a Connections,
    /// How many frames a user may send.
    pub limits: &'a Limits,
    /// Ends connections.
    pub deliver: &'a Queue<Deliver>,
    /// How often clients are asked to ping, in seconds.
    pub heartbeat_s: u32,
}

fn error(code: &str, detail: &str) -> Value {
    json!({"type": "error", "data": {"code": code, "detail": detail}})
}

fn bad(detail: &str) -> Value {
    error("bad_frame", detail)
}

impl Desk<'_> {
    /// Answers a frame. A bad one is told so and the connection stays.
    pub async fn answer(&self, call: &SocketCall) -> Result<String, Problem> {
        let mut answer = match self.connections.find(&call.connection_id).await? {
            None => super::reconnect("unknown_connection"),
            Some(connection) => self.answer_known(call, &connection).await?,
        };
        let Some(object) = answer.as_object_mut() else { return Ok(String::new()) };
        object.insert("timestamp".into(), call.now.format(&Rfc3339).unwrap_or_default().into());
        object.insert("connection_id".into(), call.connection_id.clone().into());
        Ok(answer.to_string())
    }

    async fn answer_known(&self, call: &SocketCall, connection: &Connection) -> Result<Value, Problem> {
        let (user_id, now) = (connection.holder.user_id, call.now.unix_timestamp());
        let place = Place::of(user_id.to_string(), Class::Frame, Tier::Default);
        match self.limits.count(&place, &place.window(now)).await {
            Ok(_) => {}
            Err(problem) if problem.status == 429 => return Ok(self.end(connection, "too_many_frames").await),
            Err(problem) => return Err(problem),
        }
        if now >= connection.holder.expires {
            return Ok(self.end(connection, "session_ended").await);
        }
        if now.saturating_sub(connection.heard) > i64::from(self.heartbeat_s / 2) {
            self.connections.hear(&connection.id, now).await?;
        }
        match read(call.frame.as_deref()) {
            Err(answer) => Ok(answer),
            Ok(Frame::Ping) => Ok(json!({"type": "pong"})),
            // An answer to a pong would be answered in turn.
            Ok(Frame::Pong) => Ok(Value::Null),
            Ok(frame) => self.answer_with_authority(frame, call, connection).await,
        }
    }

    /// What needs the session to stand: authority is not what it was when the socket opened.
    async fn answer_with_authority(
        &self,
        frame: Frame,
        call: &SocketCall,
        connection: &Connection,
    ) -> Result<Value, Problem> {
        let holder = &connection.holder;
        if !auth::session_stands(self.db, holder.user_id, holder.session_id, call.now).await? {
            return Ok(self.end(connection, "session_ended").await);
        }
        match frame {
            Frame::Ping | Frame::Pong => Ok(Value::Null),
            Frame::Hello { last_seq, previous_connection_id } => {
                self.succeed(connection, previous_connection_id.as_deref()).await?;
                self.hello(connection, last_seq).await
            }
            Frame::Resume { last_seq, last_message_id } => {
                match last_seq.or_else(|| number_of(last_message_id.as_deref(), holder.user_id)) {
                    Some(from) if from >= 0 => self.resume(connection, from).await,
                    _ => Ok(bad("Send resume with the last_seq, or the last_message_id, that you have.")),
                }
            }
            Frame::Subscribe { types } => {
                let wanted = match &connection.types {
                    Some(before) => before.union(&types).cloned().collect(),
                    None => types.clone(),
                };
                self.want(connection, &types, wanted).await
            }
            Frame::Unsubscribe { types } => {
                let before = connection.types.clone().unwrap_or_else(|| all_types().collect());
                self.want(connection, &types, before.difference(&types).cloned().collect()).await
            }
        }
    }

    /// Tells why, and has the connection closed.
    async fn end(&self, connection: &Connection, code: &str) -> Value {
        events::end(self.deliver, connection.holder.user_id, vec![connection.id.clone()], code).await;
        match code {
            "too_many_frames" => error(code, "Send less, and open a new connection after a minute."),
            _ => error(code, "Log in again and open a new connection."),
        }
    }

    /// Takes the place of the connection that the client had before: its filter, and its rows, if they are still there.
    async fn succeed(&self, connection: &Connection, previous: Option<&str>) -> Result<(), Problem> {
        let Some(id) = previous.filter(|id| *id != connection.id) else { return Ok(()) };
        let Some(previous) = self.connections.find(id).await? else { return Ok(()) };
        let user_id = connection.holder.user_id;
        if previous.holder.user_id == user_id {
            if let Some(types) = &previous.types {
                self.connections.want(&connection.id, user_id, types).await?;
            }
            events::end(self.deliver, user_id, vec![previous.id], "succeeded").await;
        }
        Ok(())
    }

    async fn hello(&self, connection: &Connection, last_seq: Option<i64>) -> Result<Value, Problem> {
        let seq = self.last_seq(connection).await?;
        let data = json!({
            "user_id": connection.holder.user_id,
            "connection_id": connection.id,
            "seq": seq,
            "heartbeat_s": self.heartbeat_s,
            "missed": last_seq.map(|last| seq.saturating_sub(last).max(0)),
        });
        Ok(json!({"type": "connected", "data": data}))
    }

    async fn resume(&self, connection: &Connection, from: i64) -> Result<Value, Problem> {
        let user_id = connection.holder.user_id;
        let page =
            self.db.tx(async |tx: &mut Tx| events::resume(tx, user_id, from, |kind| connection.wants(kind)).await);
        Ok(match page.await? {
            Page::Frames { frames, to, complete } => {
                json!({"type": "resumed", "data": {"from": from, "to": to, "complete": complete, "frames": frames}})
            }
            Page::ResyncRequired { seq } => json!({"type": "resync_required", "data": {"seq": seq}}),
        })
    }

    /// The number is read after the filter was stored: what comes later passes by it, and what came before is there to
    /// resume from.
    async fn want(
        &self,
        connection: &Connection,
        named: &BTreeSet<String>,
        wanted: BTreeSet<String>,
    ) -> Result<Value, Problem> {
        if let Some(unknown) = named.iter().find(|name| !all_types().any(|known| known == **name)) {
            let all = all_types().collect::<Vec<_>>().join(", ");
            let unknown: String = unknown.chars().take(64).collect();
            return Ok(bad(&format!("There is no type {unknown:?}: send some of {all}.")));
        }
        self.connections.want(&connection.id, connection.holder.user_id, &wanted).await?;
        let seq = self.last_seq(connection).await?;
        Ok(json!({"type": "subscribed", "data": {"types": wanted, "seq": seq}}))
    }

    async fn last_seq(&self, connection: &Connection) -> Result<i64, Problem> {
        let user_id = connection.holder.user_id;
        self.db.tx(async |tx: &mut Tx| events::last_seq(tx, user_id).await).await
    }
}

fn all_types() -> impl Iterator<Item = String> {
    events::TYPES.into_iter().chain([ANNOUNCEMENT]).map(ToOwned::to_owned)
}

/// The number inside the id of one of the user's frames.
fn number_of(id: Option<&str>, user_id: Uuid) -> Option<i64> {
    let (user, seq) = id?.split_once(':')?;
    if user.parse() == Ok(user_id) { seq.parse().ok() } else { None }
}
