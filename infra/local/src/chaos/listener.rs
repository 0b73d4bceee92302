//! A user's app: listens, notices what is missing, asks for it, connects again, and sometimes goes without a word.

use std::{
    collections::BTreeMap,
    io::ErrorKind,
    net::{Shutdown, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tungstenite::{Error, Message, WebSocket, client::client};

use super::{
    client::{Call, Client, Outcome},
    writer::Shared,
};
use crate::random::Random;

/// As often it looks up from reading.
const TICK: Duration = Duration::from_millis(200);
/// Having heard nothing for so long it asks, for the last frame of all may be the one that was lost.
const QUIET: Duration = Duration::from_secs(3);
/// An answer that takes longer does not come.
const ANSWER: Duration = Duration::from_secs(12);
/// It goes without a word after so many frames, on average.
const LOSES: u64 = 150;

pub struct Listener {
    pub user: String,
    pub address: String,
    pub client: Client,
    pub random: Random,
    pub shared: Arc<Shared>,
    /// Everything has been written and relayed: catch up and end.
    pub finish: Arc<AtomicBool>,
}

/// What came.
#[derive(Default)]
pub struct Heard {
    pub frames: BTreeMap<i64, Value>,
    /// How many came by themselves, and how many were asked for.
    pub pushed: u64,
    pub resumed: u64,
    pub connections: u64,
    /// Nothing is missing up to here.
    whole: i64,
}

type Socket = WebSocket<TcpStream>;

/// Why a connection is of no use any more.
struct Lost;

impl Listener {
    pub fn run(mut self) -> Heard {
        let mut heard = Heard::default();
        let mut patience = None;
        loop {
            if let Some(mut socket) = self.connect() {
                heard.connections += 1;
                if let Ok(true) = self.listen(&mut socket, &mut heard) {
                    return heard;
                }
                // As a phone in a tunnel does.
                socket.get_ref().shutdown(Shutdown::Both).ok();
            }
            if self.finish.load(Ordering::Relaxed) {
                let until = *patience.get_or_insert_with(|| Instant::now() + Duration::from_mins(1));
                if Instant::now() > until {
                    self.shared.violation(format!("every frame comes, once or more: {}: cannot catch up", self.user));
                    return heard;
                }
            }
            sleep(Duration::from_millis(100 + self.random.below(300)));
        }
    }

    fn connect(&self) -> Option<Socket> {
        let Outcome::Done(ticket) = self.client.once(&Call::json("POST", "/auth/ws-ticket", &json!({}))) else {
            return None;
        };
        let ticket = ticket.get("ticket").and_then(Value::as_str)?;
        let host = self.address.trim_start_matches("ws://").split('/').next()?;
        let stream = TcpStream::connect(host).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(ANSWER)).ok()?;
        let (socket, _) = client(format!("{}?ticket={ticket}", self.address), stream).ok()?;
        socket.get_ref().set_read_timeout(Some(TICK)).ok()?;
        Some(socket)
    }

    /// Until everything was heard, which is the answer, or the connection is lost.
    fn listen(&mut self, socket: &mut Socket, heard: &mut Heard) -> Result<bool, Lost> {
        say(socket, &json!({"type": "hello", "last_seq": heard.whole}))?;
        let mut asked = ask(socket, heard)?;
        let mut last = Instant::now();
        loop {
            let finishing = self.finish.load(Ordering::Relaxed);
            if asked.is_some_and(|at| at.elapsed() > ANSWER) {
                return Err(Lost);
            }
            if asked.is_none() && (last.elapsed() > QUIET || heard.is_missing_one()) {
                asked = ask(socket, heard)?;
            }
            let Some(frame) = next(socket)? else { continue };
            last = Instant::now();
            match frame.get("type").and_then(Value::as_str).unwrap_or_default() {
                "resumed" => {
                    let data = frame.get("data").unwrap_or(&Value::Null);
                    for one in data.get("frames").and_then(Value::as_array).into_iter().flatten() {
                        self.take(one, heard);
                        heard.resumed += 1;
                    }
                    let complete = data.get("complete").and_then(Value::as_bool) == Some(true);
                    asked = if complete { None } else { ask(socket, heard)? };
                    if complete && finishing {
                        return Ok(true);
                    }
                }
                // The server has forgotten the connection; it may still look open.
                "error" => return Err(Lost),
                "resync_required" => {
                    self.shared
                        .violation(format!("every frame comes, once or more: {}: told to resync: {frame}", self.user));
                    return Err(Lost);
                }
                _ if frame.get("seq").is_some() => {
                    self.take(&frame, heard);
                    heard.pushed += 1;
                    if self.random.one_in(LOSES) {
                        return Err(Lost);
                    }
                }
                _ => {}
            }
            if finishing && asked.is_none() {
                asked = ask(socket, heard)?;
            }
        }
    }

    fn take(&self, frame: &Value, heard: &mut Heard) {
        let seq = frame.get("seq").and_then(Value::as_i64).unwrap_or_default();
        let id = frame.get("id").and_then(Value::as_str).unwrap_or_default();
        if id != format!("{}:{seq}", self.user) {
            self.shared.violation(format!("every frame comes, once or more: {}: the foreign frame {frame}", self.user));
        }
        let mut frame = frame.clone();
        if let Some(frame) = frame.as_object_mut() {
            // It alone differs from one connection to the next.
            frame.remove("connection_id");
        }
        if let Some(before) = heard.frames.insert(seq, frame.clone())
            && before != frame
        {
            self.shared.violation(format!(
                "every frame comes, once or more: {}: {seq} came as {before} and as {frame}",
                self.user
            ));
        }
        while heard.frames.contains_key(&(heard.whole + 1)) {
            heard.whole += 1;
        }
    }
}

impl Heard {
    fn is_missing_one(&self) -> bool {
        self.frames.last_key_value().is_some_and(|(last, _)| *last > self.whole)
    }
}

fn say(socket: &mut Socket, frame: &Value) -> Result<(), Lost> {
    socket.send(Message::text(frame.to_string())).map_err(|_| Lost)
}

/// Asks for what is missing; since when an answer is awaited.
fn ask(socket: &mut Socket, heard: &Heard) -> Result<Option<Instant>, Lost> {
    say(socket, &json!({"type": "resume", "last_seq": heard.whole}))?;
    Ok(Some(Instant::now()))
}

/// The next frame, or none for now.
fn next(socket: &mut Socket) -> Result<Option<Value>, Lost> {
    match socket.read() {
        Ok(Message::Text(text)) => serde_json::from_str(&text).map(Some).map_err(|_| Lost),
        Ok(Message::Close(_)) => Err(Lost),
        Ok(_) => Ok(None),
        Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(None),
        Err(_) => Err(Lost),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_noticed_until_it_is_filled() {
        let mut heard = Heard { whole: 1, ..Heard::default() };
        assert!(!heard.is_missing_one());
        heard.frames.insert(3, Value::Null);
        assert!(heard.is_missing_one());
        heard.whole = 3;
        assert!(!heard.is_missing_one());
    }
}
