//! Frames that clients send, and what they are answered with.

use crate::{
    domain::{
        auth,
        events::{self, Page},
    },
    platform::{
        db::{ReadDb, Tx},
        live::{Connections, Holder},
        problem::Problem,
        serve::SocketCall,
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// What a client may send. Fields that are not known are ignored: a newer client may say more.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame {
    Hello { last_seq: Option<i64> },
    Ping,
    Pong,
    Resume { last_seq: Option<i64>, last_message_id: Option<String> },
}

fn error(code: &str, detail: &str) -> Value {
    json!({"type": "error", "data": {"code": code, "detail": detail}})
}

/// Answers a frame. A bad one is told so and the connection stays.
pub async fn answer(
    db: &ReadDb,
    connections: &Connections,
    heartbeat_s: u32,
    call: &SocketCall,
) -> Result<String, Problem> {
    let mut answer = match call.frame.as_deref().map(serde_json::from_str::<Frame>) {
        None => error("binary_frame", "Send JSON as text."),
        Some(Err(_)) => error("bad_frame", "Send JSON with a type of hello, ping, pong or resume."),
        Some(Ok(Frame::Ping)) => json!({"type": "pong"}),
        // An answer to a pong would be answered in turn.
        Some(Ok(Frame::Pong)) => return Ok(String::new()),
        Some(Ok(Frame::Hello { last_seq })) => match holder(db, connections, call).await? {
            None => error("session_ended", "Log in again and open a new connection."),
            Some(holder) => hello(db, &holder, heartbeat_s, last_seq, &call.connection_id).await?,
        },
        Some(Ok(Frame::Resume { last_seq, last_message_id })) => match holder(db, connections, call).await? {
            None => error("session_ended", "Log in again and open a new connection."),
            Some(holder) => match last_seq.or_else(|| number_of(last_message_id.as_deref(), holder.user_id)) {
                Some(from) if from >= 0 => resume(db, &holder, from).await?,
                _ => error("bad_frame", "Send resume with the last_seq, or the last_message_id, that you have."),
            },
        },
    };
    if let Some(object) = answer.as_object_mut() {
        object.insert("timestamp".into(), call.now.format(&Rfc3339).unwrap_or_default().into());
        object.insert("connection_id".into(), call.connection_id.clone().into());
    }
    Ok(answer.to_string())
}

/// The number inside the id of one of the user's frames.
fn number_of(id: Option<&str>, user_id: Uuid) -> Option<i64> {
    let (user, seq) = id?.split_once(':')?;
    if user.parse() == Ok(user_id) { seq.parse().ok() } else { None }
}

/// Who is on this connection, if the session still stands: authority is not what it was when the socket opened.
async fn holder(db: &ReadDb, connections: &Connections, call: &SocketCall) -> Result<Option<Holder>, Problem> {
    let Some(holder) = connections.find(&call.connection_id).await? else { return Ok(None) };
    let stands = call.now.unix_timestamp() < holder.expires
        && auth::session_stands(db, holder.user_id, holder.session_id, call.now).await?;
    Ok(stands.then_some(holder))
}

async fn hello(
    db: &ReadDb,
    holder: &Holder,
    heartbeat_s: u32,
    last_seq: Option<i64>,
    connection_id: &str,
) -> Result<Value, Problem> {
    let seq = db.tx(async |tx: &mut Tx| events::last_seq(tx, holder.user_id).await).await?;
    let data = json!({
        "user_id": holder.user_id,
        "connection_id": connection_id,
        "seq": seq,
        "heartbeat_s": heartbeat_s,
        "missed": last_seq.map(|last| seq.saturating_sub(last).max(0)),
    });
    Ok(json!({"type": "connected", "data": data}))
}

async fn resume(db: &ReadDb, holder: &Holder, from: i64) -> Result<Value, Problem> {
    let page = db.tx(async |tx: &mut Tx| events::resume(tx, holder.user_id, from).await).await?;
    Ok(match page {
        Page::Frames { frames, to, complete } => {
            json!({"type": "resumed", "data": {"from": from, "to": to, "complete": complete, "frames": frames}})
        }
        Page::ResyncRequired { seq } => json!({"type": "resync_required", "data": {"seq": seq}}),
    })
}
