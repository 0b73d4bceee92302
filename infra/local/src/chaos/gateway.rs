//! Between the functions and AWS: passes every call on, knows which one it is, and breaks it there. What goes through the
//! queues is written down, for the invariants and to be sent again.

use std::{
    collections::BTreeMap,
    io::{BufReader, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, sleep},
    time::Duration,
};

use anyhow::Result;
use serde_json::Value;

use super::{
    faults::{Armed, Class, Deed, Faults, Point, Tables, locked},
    http::Message,
};
use crate::random::Random;

/// One message in so many is held back for up to a second, so that others overtake it.
const HELD: u64 = 12;

pub struct Gateway {
    port: u16,
    emulator: u16,
    faults: Arc<Faults>,
    random: Mutex<Random>,
    sent: Mutex<Vec<Letter>>,
    handed: Mutex<BTreeMap<String, BTreeMap<i64, Value>>>,
}

/// A message that went to a queue.
#[derive(Clone)]
pub struct Letter {
    pub queue: String,
    pub group: Option<String>,
    pub body: String,
}

enum Call {
    Queue(Vec<Letter>),
    Table,
    Post,
    Other,
}

/// Where a call goes.
enum Way {
    On,
    /// It is answered here.
    Back(String),
    /// Nobody listens any more.
    Nowhere,
}

impl Gateway {
    pub fn open(listener: TcpListener, emulator: u16, faults: Arc<Faults>, random: Random) -> Result<Arc<Self>> {
        let port = listener.local_addr()?.port();
        let (random, sent, handed) = (Mutex::new(random), Mutex::default(), Mutex::default());
        let gateway = Arc::new(Self { port, emulator, faults, random, sent, handed });
        let inside = gateway.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let gateway = inside.clone();
                // A connection that breaks is what this is about.
                thread::spawn(move || gateway.serve(&client).ok());
            }
        });
        Ok(gateway)
    }

    /// All that was put into queues, the oldest first.
    pub fn sent(&self) -> Vec<Letter> {
        locked(&self.sent).clone()
    }

    /// The frames of a user that the relay has handed over.
    pub fn handed_over(&self, user: &str) -> BTreeMap<i64, Value> {
        locked(&self.handed).get(user).cloned().unwrap_or_default()
    }

    fn serve(&self, client: &TcpStream) -> std::io::Result<()> {
        let server = TcpStream::connect(("127.0.0.1", self.emulator))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let done = self.exchange(client, &server);
        client.shutdown(Shutdown::Both).ok();
        server.shutdown(Shutdown::Both).ok();
        done
    }

    fn exchange(&self, client: &TcpStream, server: &TcpStream) -> std::io::Result<()> {
        let from = client.peer_addr()?.port();
        let (mut requests, mut answers) = (BufReader::new(client), BufReader::new(server));
        while let Some(request) = Message::read(&mut requests, false)? {
            let call = call(&request);
            match self.before(&call, from) {
                Way::On => {}
                Way::Back(answer) => {
                    (&mut &*client).write_all(answer.as_bytes())?;
                    continue;
                }
                Way::Nowhere => return Ok(()),
            }
            (&mut &*server).write_all(&request.bytes())?;
            let Some(answer) = Message::read(&mut answers, request.first().0 == "HEAD")? else { return Ok(()) };
            if self.after(&call, &answer, from) {
                return Ok(());
            }
            (&mut &*client).write_all(&answer.bytes())?;
        }
        Ok(())
    }

    /// What becomes of a call that has come.
    fn before(&self, call: &Call, from: u16) -> Way {
        let fault = match call {
            Call::Table => {
                match self.faults.tables() {
                    None => {}
                    Some(Tables::Fail) => {
                        self.faults.note_hit(Class::Deliver);
                        return Way::Back(answer(500, "InternalServerError"));
                    }
                    Some(Tables::Slow) => sleep(self.some(900)),
                }
                None
            }
            Call::Post => self.faults.take(Point::Posting, Class::Deliver),
            Call::Queue(letters) => {
                if locked(&self.random).one_in(HELD) {
                    self.faults.count("messages held back");
                    sleep(self.some(1000));
                }
                self.faults.take(Point::BeforeSend, sender(letters))
            }
            Call::Other => None,
        };
        match fault {
            Some(fault) if fault.deed == Deed::Gone => {
                self.faults.count(&fault.to_string());
                Way::Back(answer(410, "GoneException"))
            }
            Some(fault) if self.strike(fault, from) => Way::Nowhere,
            _ => Way::On,
        }
    }

    /// Whether nobody is there any more who could hear the answer.
    fn after(&self, call: &Call, answer: &Message, from: u16) -> bool {
        let Call::Queue(letters) = call else { return false };
        let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let refused = said.get("Failed").and_then(Value::as_array).is_some_and(|failed| !failed.is_empty());
        if answer.first().1 != "200" || refused {
            return false;
        }
        for letter in letters {
            self.note(letter);
        }
        let class = sender(letters);
        let at = if class == Class::Relay { Point::HandedOver } else { Point::Sent };
        self.faults.take(at, class).is_some_and(|fault| self.strike(fault, from))
    }

    fn note(&self, letter: &Letter) {
        let body: Value = serde_json::from_str(&letter.body).unwrap_or_default();
        if let Some(frames) = body.get("frames") {
            let user = frames.get("user_id").and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut handed = locked(&self.handed);
            let known = handed.entry(user).or_default();
            for frame in frames.get("frames").and_then(Value::as_array).into_iter().flatten() {
                let seq = frame.get("seq").and_then(Value::as_i64).unwrap_or_default();
                known.insert(seq, frame.clone());
            }
        }
        locked(&self.sent).push(letter.clone());
    }

    fn strike(&self, fault: Armed, from: u16) -> bool {
        match fault.deed {
            Deed::Kill => self.faults.kill_behind(fault, from, self.port),
            Deed::Cut | Deed::Gone => {
                self.faults.count(&fault.to_string());
                true
            }
        }
    }

    fn some(&self, milliseconds: u64) -> Duration {
        Duration::from_millis(locked(&self.random).below(milliseconds))
    }
}

/// Who sends to a queue: the relay alone to the deliverer, but for sockets that are closed; to others anybody.
fn sender(letters: &[Letter]) -> Class {
    let to = |queue: &str| letters.first().is_some_and(|letter| letter.queue.contains(queue));
    if to("-deliver") {
        Class::Relay
    } else if to("-dead") {
        // A worker that buries: its message is to be found there once.
        Class::Clock
    } else {
        Class::Api
    }
}

fn call(request: &Message) -> Call {
    let target = request.header("x-amz-target").unwrap_or_default();
    match target.split_once('.') {
        Some(("AmazonSQS", "SendMessage" | "SendMessageBatch")) => Call::Queue(letters(&request.body)),
        Some((service, _)) if service.starts_with("DynamoDB") => Call::Table,
        _ if request.first().1.contains("/@connections/") && request.first().0 == "POST" => Call::Post,
        _ => Call::Other,
    }
}

fn letters(body: &[u8]) -> Vec<Letter> {
    let sent: Value = serde_json::from_slice(body).unwrap_or_default();
    let queue = sent.get("QueueUrl").and_then(Value::as_str).unwrap_or_default().to_owned();
    let one = |entry: &Value| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Letter { queue: queue.clone(), group: text("MessageGroupId"), body: text("MessageBody")? })
    };
    match sent.get("Entries").and_then(Value::as_array) {
        Some(entries) => entries.iter().filter_map(one).collect(),
        None => one(&sent).into_iter().collect(),
    }
}

fn answer(status: u16, kind: &str) -> String {
    let body = format!(r#"{{"__type":"{kind}","message":"a fault of the chaos suite"}}"#);
    format!(
        "HTTP/1.1 {status} {kind}\r\nx-amzn-errortype: {kind}\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_by_its_target_and_path() {
        let read = |text: &str| Message::read(&mut text.as_bytes(), false).unwrap().unwrap();
        let body = r#"{"QueueUrl":"http://x/0/a-deliver.fifo","Entries":[{"MessageBody":"b","MessageGroupId":"g"}]}"#;
        let head =
            format!("POST / HTTP/1.1\r\nX-Amz-Target: AmazonSQS.SendMessageBatch\r\ncontent-length: {}", body.len());
        let Call::Queue(letters) = call(&read(&format!("{head}\r\n\r\n{body}"))) else { panic!("no message") };
        assert_eq!((letters[0].body.as_str(), letters[0].group.as_deref()), ("b", Some("g")));
        assert_eq!(sender(&letters), Class::Relay);
        let table = "POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.GetItem\r\ncontent-length: 0\r\n\r\n";
        assert!(matches!(call(&read(table)), Call::Table));
        let post = "POST /_aws/execute-api/1/v1/@connections/c HTTP/1.1\r\ncontent-length: 0\r\n\r\n";
        assert!(matches!(call(&read(post)), Call::Post));
    }
}
