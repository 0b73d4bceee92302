//! Listens in on one function's connection to Postgres, then keeps that connection.
//!
//! So the floor is the function's own statement, with its own parameters, on a connection that is set up and prepared
//! as the function left it. Nothing is written down twice, and no driver stands between the clock and the server.

use super::wire::Wire;
use anyhow::{Context, Result, anyhow, bail};
use std::{
    collections::HashMap,
    io::{ErrorKind, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How often the thread that reads from the server looks whether the client is still there.
const LOOK: Duration = Duration::from_millis(20);

/// A prepared statement as it was sent.
#[derive(Clone)]
pub struct Statement {
    pub sql: String,
    /// The count and object ids of its parameters' types, as they stand on the wire.
    pub types: Vec<u8>,
}

/// One execution: a statement with its parameters.
#[derive(Clone)]
pub struct Step {
    pub name: String,
    pub statement: Statement,
    /// Parameters and formats, as they stand on the wire.
    pub parameters: Vec<u8>,
    /// Where it stands in all that was sent.
    pub at: usize,
}

/// From a client's sending something to the last it heard before it sent more.
struct Turn {
    /// Where it begins in all that was sent.
    at: usize,
    sent: Instant,
    heard: Instant,
}

#[derive(Default)]
struct Heard {
    sent: Vec<u8>,
    turns: Vec<Turn>,
}

pub struct Tap {
    pub port: u16,
    heard: Arc<Mutex<Heard>>,
    pump: JoinHandle<Result<TcpStream>>,
}

impl Tap {
    /// Waits for one connection and passes everything on to `host`, port `port`.
    pub fn open(host: &str, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let at = listener.local_addr()?.port();
        let heard = Arc::new(Mutex::new(Heard::default()));
        let (kept, host) = (heard.clone(), host.to_owned());
        let pump = thread::spawn(move || {
            let (client, _) = listener.accept()?;
            pump(client, TcpStream::connect((host, port))?, &kept)
        });
        Ok(Self { port: at, heard, pump })
    }

    /// How much was sent so far.
    pub fn mark(&self) -> Result<usize> {
        Ok(lock(&self.heard)?.sent.len())
    }

    /// What was executed after `mark`.
    pub fn steps(&self, mark: usize) -> Result<Vec<Step>> {
        steps(&lock(&self.heard)?.sent, mark)
    }

    /// How long the server took for what was sent at `at`, and for the last that was sent since: the COMMIT.
    pub fn took(&self, at: usize) -> Result<Duration> {
        let heard = lock(&self.heard)?;
        let took = |turn: &Turn| turn.heard.duration_since(turn.sent);
        let first = heard.turns.iter().rev().find(|turn| turn.at <= at).context("it was not sent")?;
        let last = heard.turns.last().filter(|last| last.at > first.at);
        Ok(took(first).saturating_add(last.map(took).unwrap_or_default()))
    }

    /// Takes the connection over from a client that has gone, with what it executed after `mark`.
    pub fn take(self, mark: usize) -> Result<(Wire, Vec<Step>)> {
        let server = self.pump.join().map_err(|_| anyhow!("the tap broke"))??;
        let steps = steps(&lock(&self.heard)?.sent, mark)?;
        Ok((Wire::new(server), steps))
    }
}

fn lock(heard: &Mutex<Heard>) -> Result<MutexGuard<'_, Heard>> {
    heard.lock().map_err(|_| anyhow!("the tap broke"))
}

fn pump(mut client: TcpStream, server: TcpStream, heard: &Arc<Mutex<Heard>>) -> Result<TcpStream> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    server.set_read_timeout(Some(LOOK))?;
    let gone = Arc::new(AtomicBool::new(false));
    let (mut from, mut to, over) = (server.try_clone()?, client.try_clone()?, gone.clone());
    let kept = heard.clone();
    let back = thread::spawn(move || -> Result<()> {
        let mut buffer = vec![0; 1 << 16];
        while !over.load(Ordering::Relaxed) {
            match from.read(&mut buffer) {
                Ok(0) => bail!("Postgres closed the connection"),
                Ok(read) => {
                    if let Some(turn) = lock(&kept)?.turns.last_mut() {
                        turn.heard = Instant::now();
                    }
                    to.write_all(buffer.get(..read).unwrap_or_default())?;
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    });
    let mut buffer = vec![0; 1 << 16];
    // A killed client resets its connection rather than close it.
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let bytes = buffer.get(..read).unwrap_or_default();
        {
            let (mut heard, now) = (lock(heard)?, Instant::now());
            let at = heard.sent.len();
            heard.turns.push(Turn { at, sent: now, heard: now });
            heard.sent.extend_from_slice(bytes);
        }
        (&server).write_all(bytes)?;
    }
    gone.store(true, Ordering::Relaxed);
    back.join().map_err(|_| anyhow!("the tap broke"))??;
    server.set_read_timeout(None)?;
    Ok(server)
}

/// What was executed after `mark`, out of all that a client sent since its start-up message.
fn steps(sent: &[u8], mark: usize) -> Result<Vec<Step>> {
    let (mut statements, mut steps) = (HashMap::new(), Vec::new());
    // The start-up message alone has no type.
    let mut at = length(sent).context("no start-up message")?;
    while let Some(message) = sent.get(at..).filter(|rest| !rest.is_empty()) {
        let (kind, rest) = message.split_first().context("a message")?;
        let length = length(rest).context("a message's length")?;
        let body = rest.get(4..length).context("a message's body")?;
        match kind {
            b'P' => {
                let (name, rest) = text(body).context("a statement's name")?;
                let (sql, types) = text(rest).context("a statement's text")?;
                statements.insert(name, Statement { sql, types: types.to_vec() });
            }
            b'B' if at >= mark => {
                let (_, rest) = text(body).context("a portal's name")?;
                let (name, parameters) = text(rest).context("a statement's name")?;
                let statement = statements.get(&name).with_context(|| format!("{name} was never prepared"))?.clone();
                steps.push(Step { name, statement, parameters: parameters.to_vec(), at });
            }
            _ => {}
        }
        at = at.saturating_add(length).saturating_add(1);
    }
    Ok(steps)
}

/// The number that a message begins with: its own length.
fn length(bytes: &[u8]) -> Option<usize> {
    usize::try_from(u32::from_be_bytes(*bytes.first_chunk()?)).ok()
}

/// A text up to its NUL, and what comes after.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    let text = String::from_utf8(bytes.get(..end)?.to_vec()).ok()?;
    Some((text, bytes.get(end.checked_add(1)?..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::wire::message;

    /// No formats, a NULL, a parameter of two bytes, no result formats.
    const PARAMETERS: &[u8] = &[0, 0, 0, 2, 255, 255, 255, 255, 0, 0, 0, 2, 7, 7, 0, 0];

    fn conversation() -> (Vec<u8>, usize) {
        let startup = [0, 0, 0, 9, 0, 3, 0, 0, 0].to_vec();
        let parse = message(b'P', &[b"s1\0SELECT $1, $2\0", &[0, 0]]).unwrap();
        let bind = message(b'B', &[b"\0s1\0", PARAMETERS]).unwrap();
        let before = [startup, parse, bind.clone()].concat();
        let mark = before.len();
        ([before, bind, message(b'S', &[]).unwrap()].concat(), mark)
    }

    #[test]
    fn executions_are_told_from_a_mark_on_with_statements_prepared_before_it() {
        let (sent, mark) = conversation();
        assert_eq!(steps(&sent, 0).unwrap().len(), 2);
        let after = steps(&sent, mark).unwrap();
        let [step] = after.as_slice() else { panic!("{} steps", after.len()) };
        assert_eq!((step.name.as_str(), step.statement.sql.as_str()), ("s1", "SELECT $1, $2"));
        assert_eq!((step.statement.types.as_slice(), step.parameters.as_slice()), ([0, 0].as_slice(), PARAMETERS));
    }
}
