//! Just enough of Postgres's protocol to execute what is prepared already, as bare as a client can.

use super::tap::Step;
use anyhow::{Context, Result, bail};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

/// An open connection, past its log-in.
pub struct Wire {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: vec![0; 1 << 16] }
    }

    /// Runs a statement without parameters.
    pub fn simple(&mut self, sql: &str) -> Result<()> {
        let request = message(b'Q', &[sql.as_bytes(), b"\0"])?;
        self.run(&request).map(drop)
    }

    /// Sends messages that end in a Sync or Query, and takes the time until the server is ready again.
    pub fn run(&mut self, request: &[u8]) -> Result<Duration> {
        self.rows(request, |_| {})
    }

    /// The same, with each row.
    pub fn rows(&mut self, request: &[u8], mut row: impl FnMut(&[u8])) -> Result<Duration> {
        let started = Instant::now();
        self.stream.write_all(request)?;
        let (mut filled, mut error) = (0, None);
        loop {
            if filled == self.buffer.len() {
                self.buffer.resize(filled.saturating_mul(2), 0);
            }
            let read = self.stream.read(self.buffer.get_mut(filled..).unwrap_or_default())?;
            if read == 0 {
                bail!("Postgres closed the connection");
            }
            filled = filled.saturating_add(read);
            let mut at = 0;
            while let Some((kind, body)) = self.buffer.get(at..filled).and_then(first_message) {
                match kind {
                    b'Z' => {
                        let took = started.elapsed();
                        return error.map_or(Ok(took), |error| Err(anyhow::anyhow!("Postgres: {error}")));
                    }
                    b'D' => row(body),
                    b'E' => error = Some(String::from_utf8_lossy(body).replace('\0', " ")),
                    _ => {}
                }
                at = at.saturating_add(body.len()).saturating_add(5);
            }
            self.buffer.copy_within(at..filled, 0);
            filled = filled.saturating_sub(at);
        }
    }

    /// The plan that a step's statement runs by, line by line.
    pub fn explain(&mut self, step: &Step) -> Result<Vec<String>> {
        let sql = format!("EXPLAIN (COSTS OFF) {}", step.statement.sql);
        let parse = message(b'P', &[b"\0", sql.as_bytes(), b"\0", &step.statement.types])?;
        let mut lines = Vec::new();
        self.rows(&[parse, execution("", &step.parameters)?].concat(), |row| {
            // One column, of text: its count and its length come first.
            lines.push(String::from_utf8_lossy(row.get(6..).unwrap_or_default()).into_owned());
        })?;
        Ok(lines)
    }
}

impl Step {
    /// The messages that execute it once more.
    pub fn request(&self) -> Result<Vec<u8>> {
        execution(&self.name, &self.parameters)
    }
}

fn first_message(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let length = usize::try_from(u32::from_be_bytes(*rest.first_chunk()?)).ok()?;
    Some((*kind, rest.get(4..length)?))
}

fn execution(name: &str, parameters: &[u8]) -> Result<Vec<u8>> {
    let bind = message(b'B', &[b"\0", name.as_bytes(), b"\0", parameters])?;
    Ok([bind, message(b'E', &[b"\0", &[0; 4]])?, message(b'S', &[])?].concat())
}

/// A message: its kind, its length, its body.
pub fn message(kind: u8, parts: &[&[u8]]) -> Result<Vec<u8>> {
    let body = parts.concat();
    let length = u32::try_from(body.len().saturating_add(4)).context("too long a message")?;
    Ok([&[kind], length.to_be_bytes().as_slice(), &body].concat())
}
