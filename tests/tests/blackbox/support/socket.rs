//! A client of the WebSocket.

use super::{http::connect, user::User};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    net::{Ipv4Addr, TcpStream},
    time::{Duration, Instant},
};
use tungstenite::{HandshakeError, Message, WebSocket, client::client};

/// On a machine under load a message to the relay may be given up, and then the sweeper sends what waits: within a
/// minute, as its schedule says.
const PATIENCE: Duration = Duration::from_secs(80);
/// Often enough for any heartbeat.
const PING: Duration = Duration::from_secs(20);

/// A connection.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocket<TcpStream>,
    /// Frames that came while an answer was waited for.
    early: VecDeque<Value>,
    /// Whether it hears what everybody is told: another test may tell something.
    pub announcements: bool,
    /// Pings of its own, between those that a test sends, whose pongs are to come.
    pings: u32,
}

/// What a connection had to say.
pub enum Polled {
    Frame(Value),
    Nothing,
    Closed,
}

impl Socket {
    /// Opens a connection, or returns the status that the handshake was refused with.
    pub fn open(query: &str) -> Result<Self, u16> {
        let url = format!("{}?{query}", super::setting("WS_URL"));
        let host = url.trim_start_matches("ws://").split('/').next().unwrap().to_owned();
        let tcp = connect(&host, Ipv4Addr::LOCALHOST).unwrap();
        match client(url.as_str(), tcp) {
            Ok((stream, _)) => Ok(Self { stream, early: VecDeque::new(), announcements: false, pings: 0 }),
            Err(HandshakeError::Failure(tungstenite::Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    /// Opens a connection for a user by a ticket, and says hello.
    pub fn of(user: &User) -> (Self, Value) {
        let mut socket = Self::open(&format!("ticket={}", ticket(user))).expect("a fresh ticket opens a connection");
        let connected = socket.ask(&json!({"type": "hello"}));
        assert_eq!(connected["type"], "connected", "{connected}");
        (socket, connected)
    }

    pub fn send(&mut self, frame: &Value) {
        self.send_raw(Message::text(frame.to_string()));
    }

    pub fn send_raw(&mut self, message: Message) {
        self.stream.send(message).unwrap();
    }

    /// Sends a frame and returns its answer. What is pushed meanwhile is numbered and kept for later.
    #[track_caller]
    pub fn ask(&mut self, frame: &Value) -> Value {
        self.send(frame);
        loop {
            let answer = self.read(PATIENCE).expect("an answer comes");
            if answer["seq"].is_null() {
                return answer;
            }
            self.early.push_back(answer);
        }
    }

    /// The next frame.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        self.within(PATIENCE).expect("a frame comes, at the latest with the sweeper")
    }

    /// The next frame, if one comes in time; `None` too when the server closes.
    pub fn within(&mut self, time: Duration) -> Option<Value> {
        self.early.pop_front().or_else(|| self.read(time))
    }

    fn read(&mut self, time: Duration) -> Option<Value> {
        let end = Instant::now() + time;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.stream.get_ref().set_read_timeout(Some(left.min(PING))).unwrap();
            match self.stream.read() {
                Ok(Message::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
                    if frame["type"] == "pong" && self.pings > 0 {
                        self.pings -= 1;
                    } else if self.announcements || frame["type"] != "announcement" {
                        return Some(frame);
                    }
                }
                Ok(Message::Close(_)) => return None,
                Ok(_) => {}
                // Who waits in silence is disconnected.
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock && left > PING => {
                    self.pings += 1;
                    self.try_send(&json!({"type": "ping"})).ok()?;
                }
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
                Err(
                    tungstenite::Error::ConnectionClosed
                    | tungstenite::Error::AlreadyClosed
                    | tungstenite::Error::Io(_),
                ) => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// What there is within the time.
    pub fn poll(&mut self, time: Duration) -> Polled {
        self.stream.get_ref().set_read_timeout(Some(time)).unwrap();
        match self.stream.read() {
            Ok(Message::Text(text)) => Polled::Frame(serde_json::from_str(&text).expect("a frame is JSON")),
            Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => Polled::Nothing,
            Ok(Message::Close(_)) | Err(_) => Polled::Closed,
            Ok(_) => Polled::Nothing,
        }
    }

    /// Sends a frame, if the connection still stands.
    pub fn try_send(&mut self, frame: &Value) -> Result<(), tungstenite::Error> {
        self.stream.send(Message::text(frame.to_string()))
    }

    /// The next frame of a type; others before it are passed over.
    #[track_caller]
    pub fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let frame = self.next();
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// Frames until the given number, in the order they came; one that comes again is passed over.
    pub fn until(&mut self, seq: i64) -> Vec<Value> {
        let (mut frames, mut last) = (Vec::new(), 0);
        while last < seq {
            let frame = self.next();
            let number = frame["seq"].as_i64().unwrap_or_else(|| panic!("a frame without a number: {frame}"));
            if number > last {
                last = number;
                frames.push(frame);
            }
        }
        frames
    }

    /// Whether the server ends the connection in time.
    pub fn ends_within(&mut self, seconds: u64) -> bool {
        let end = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < end {
            self.stream.get_ref().set_read_timeout(Some(Duration::from_millis(200))).unwrap();
            match self.stream.read() {
                Err(tungstenite::Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                Ok(Message::Close(_)) | Err(_) => return true,
                Ok(_) => {}
            }
        }
        false
    }

    /// Leaves without a word, as a phone in a tunnel does.
    pub fn cut(self) {
        let _ = self.stream.get_ref().shutdown(std::net::Shutdown::Both);
    }
}

/// A fresh ticket.
pub fn ticket(user: &User) -> String {
    super::user::text(&user.post("/auth/ws-ticket", &json!({})).expect(200)["ticket"])
}
