//! The WebSocket: a thread shows each frame when it arrives and hands it on to whoever waits for it.

use std::{
    io::ErrorKind,
    net::TcpStream,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use tungstenite::{Error, HandshakeError, Message, WebSocket, client::client, http::Uri};

use super::{screen::Screen, text};

/// How often the thread looks up from reading.
const TICK: Duration = Duration::from_millis(100);
const HANDSHAKE: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub struct Frame {
    /// When it was read, before anything was made of it.
    pub at: Instant,
    pub kind: String,
    pub data: Value,
}

impl Frame {
    pub fn says(&self, field: &str, value: &str) -> bool {
        text(&self.data, field).is_ok_and(|found| found == value)
    }
}

/// What is waited for.
pub struct Expected<'a> {
    pub what: &'a str,
    /// Those who send it, as `cargo local logs` names them.
    pub functions: &'a str,
    pub within: Duration,
}

pub struct Socket {
    frames: Receiver<Result<Frame>>,
    /// Dropping it asks the thread to close the connection.
    stop: Option<Sender<()>>,
    reader: Option<JoinHandle<()>>,
}

impl Socket {
    /// Connects and says hello; the answer to that is the first frame to wait for.
    pub fn open(url: &str, ticket: &str, screen: Screen) -> Result<Self> {
        let mut socket = connect(url, ticket)?;
        socket.send(Message::text(json!({"type": "hello"}).to_string()))?;
        socket.get_ref().set_read_timeout(Some(TICK))?;
        let (stop, stopped) = mpsc::channel();
        let (found, frames) = mpsc::channel();
        let reader = thread::spawn(move || {
            let mut session =
                Session { socket, screen, last: None, heartbeat: Duration::from_secs(30), spoke: Instant::now() };
            while stopped.try_recv() != Err(TryRecvError::Disconnected) {
                let next = session.next();
                let broken = next.is_err();
                if let Some(frame) = next.transpose() {
                    found.send(frame).ok();
                }
                if broken {
                    return;
                }
            }
            // The demo is over: whether the goodbye arrives makes no difference.
            session.socket.close(None).and_then(|()| session.socket.flush()).ok();
        });
        Ok(Self { frames, stop: Some(stop), reader: Some(reader) })
    }

    /// Takes frame after frame, and returns the one with which there are `enough`. Otherwise it says
    /// what is missing and which functions to ask why.
    pub fn until(&self, expected: &Expected, mut enough: impl FnMut(&Frame) -> bool) -> Result<Frame> {
        let Expected { what, functions, within } = expected;
        let look = format!("`cargo local logs {functions}` may show why");
        let deadline = Instant::now() + *within;
        loop {
            match self.frames.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(Ok(frame)) if enough(&frame) => return Ok(frame),
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return Err(error.context(format!("no {what}; {look}"))),
                Err(RecvTimeoutError::Timeout) => bail!("no {what} within {} s; {look}", within.as_secs()),
                Err(RecvTimeoutError::Disconnected) => bail!("no {what}, as the WebSocket has ended; {look}"),
            }
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(reader) = self.reader.take() {
            reader.join().ok();
        }
    }
}

struct Session {
    socket: WebSocket<TcpStream>,
    screen: Screen,
    /// The number of the last frame that had one.
    last: Option<u64>,
    heartbeat: Duration,
    spoke: Instant,
}

impl Session {
    /// The next frame, or nothing for now.
    fn next(&mut self) -> Result<Option<Frame>> {
        // Silent for two heartbeats, the server would end the connection.
        if self.spoke.elapsed() >= self.heartbeat {
            self.socket.send(Message::text(json!({"type": "ping"}).to_string()))?;
            self.spoke = Instant::now();
        }
        let message = match self.socket.read() {
            Ok(message) => message,
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(None);
            }
            Err(Error::ConnectionClosed) => bail!("the server closed the WebSocket"),
            Err(error) => return Err(error).context("the WebSocket broke"),
        };
        let at = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Close(_) => bail!("the server closed the WebSocket"),
            _ => return Ok(None),
        };
        let value: Value = serde_json::from_str(&text).context("a frame is no JSON")?;
        self.take(at, &value)
    }

    fn take(&mut self, at: Instant, value: &Value) -> Result<Option<Frame>> {
        let frame = Frame {
            at,
            kind: text(value, "type").context("a frame without a type")?,
            data: value.get("data").cloned().unwrap_or_default(),
        };
        if frame.kind == "connected" {
            self.last = frame.data.get("seq").and_then(Value::as_u64).or(self.last);
            let heartbeat = frame.data.get("heartbeat_s").and_then(Value::as_u64).filter(|seconds| *seconds > 0);
            self.heartbeat = heartbeat.map_or(self.heartbeat, Duration::from_secs);
        }
        if !in_order(&mut self.last, value)? {
            return Ok(None);
        }
        self.screen.frame(&frame);
        Ok(Some(frame))
    }
}

/// Delivery is at least once and without gaps: what was seen is passed over, what is missing is an error.
pub fn in_order(last: &mut Option<u64>, frame: &Value) -> Result<bool> {
    let number = |name: &str| frame.get(name).and_then(Value::as_u64);
    let Some(seq) = number("seq") else { return Ok(true) };
    if let Some(seen) = *last {
        if seq <= seen {
            return Ok(false);
        }
        let before = number("prev_seq").unwrap_or(seq.saturating_sub(1));
        ensure!(before <= seen, "frame {seq} follows {before}, but the last one that came is {seen}");
    }
    *last = Some(seq);
    Ok(true)
}

pub fn connect(url: &str, ticket: &str) -> Result<WebSocket<TcpStream>> {
    let address: Uri = url.parse().with_context(|| format!("WS_URL `{url}` is no address"))?;
    ensure!(address.scheme_str() == Some("ws"), "WS_URL `{url}` is not of the local cloud, which speaks ws");
    let host = address.host().with_context(|| format!("WS_URL `{url}` has no host"))?;
    let stream = TcpStream::connect((host, address.port_u16().unwrap_or(80)))
        .with_context(|| format!("nothing listens at {host}; `cargo local up` starts it"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(HANDSHAKE))?;
    let (socket, _) = client(format!("{url}?ticket={ticket}"), stream).map_err(|error| match error {
        HandshakeError::Failure(Error::Http(answer)) => {
            anyhow!("the WebSocket was refused with {}; `cargo local logs realtime` may show why", answer.status())
        }
        HandshakeError::Failure(error) => anyhow!(error).context("no WebSocket"),
        HandshakeError::Interrupted(_) => anyhow!("the WebSocket was not accepted within {} s", HANDSHAKE.as_secs()),
    })?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_frame_seen_is_passed_over_and_a_lost_one_is_noticed() {
        let mut last = None;
        let mut take = |frame: Value| in_order(&mut last, &frame);
        assert!(take(json!({"type": "pong"})).unwrap());
        assert!(take(json!({"seq": 3, "prev_seq": 2})).unwrap());
        assert!(!take(json!({"seq": 3, "prev_seq": 2})).unwrap());
        assert!(take(json!({"seq": 6, "prev_seq": 3})).unwrap(), "passed over by a filter, not lost");
        let error = take(json!({"seq": 9, "prev_seq": 8})).unwrap_err();
        assert_eq!(error.to_string(), "frame 9 follows 8, but the last one that came is 6");
    }
}
