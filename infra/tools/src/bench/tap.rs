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
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
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
}

pub struct Tap {
    pub port: u16,
    sent: Arc<Mutex<Vec<u8>>>,
    pump: JoinHandle<Result<TcpStream>>,
}

impl Tap {
    /// Waits for one connection and passes everything on to `host`, port `port`.
    pub fn open(host: &str, port: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let at = listener.local_addr()?.port();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (seen, host) = (sent.clone(), host.to_owned());
        let pump = thread::spawn(move || {
            let (client, _) = listener.accept()?;
            pump(client, TcpStream::connect((host, port))?, &seen)
        });
        Ok(Self { port: at, sent, pump })
    }

    /// How much was sent so far.
    pub fn mark(&self) -> Result<usize> {
        Ok(self.sent.lock().map_err(|_| anyhow!("the tap broke"))?.len())
    }

    /// Takes the connection over from a client that has gone, with what it executed after `mark`.
    pub fn take(self, mark: usize) -> Result<(Wire, Vec<Step>)> {
        let server = self.pump.join().map_err(|_| anyhow!("the tap broke"))??;
        let sent = self.sent.lock().map_err(|_| anyhow!("the tap broke"))?;
        Ok((Wire::new(server), steps(&sent, mark)?))
    }
}

fn pump(mut client: TcpStream, server: TcpStream, sent: &Mutex<Vec<u8>>) -> Result<TcpStream> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    server.set_read_timeout(Some(LOOK))?;
    let gone = Arc::new(AtomicBool::new(false));
    let (mut from, mut to, over) = (server.try_clone()?, client.try_clone()?, gone.clone());
    let back = thread::spawn(move || -> Result<()> {
        let mut buffer = vec![0; 1 << 16];
        while !over.load(Ordering::Relaxed) {
            match from.read(&mut buffer) {
                Ok(0) => bail!("Postgres closed the connection"),
                Ok(read) => to.write_all(buffer.get(..read).unwrap_or_default())?,
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
        sent.lock().map_err(|_| anyhow!("the tap broke"))?.extend_from_slice(bytes);
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
                steps.push(Step { name, statement, parameters: parameters.to_vec() });
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

    #[test]
    fn a_parameter_is_replaced_behind_a_null() {
        let (sent, mark) = conversation();
        let mut step = steps(&sent, mark).unwrap().remove(0);
        step.replace_parameter(1, &[8, 9]).unwrap();
        assert_eq!(step.parameters, [0, 0, 0, 2, 255, 255, 255, 255, 0, 0, 0, 2, 8, 9, 0, 0]);
        assert!(step.replace_parameter(1, &[0; 64]).is_err());
    }
}
