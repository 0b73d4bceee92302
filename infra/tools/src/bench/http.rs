//! The little HTTP/1.1 that a server on this machine needs: no library stands between the clock and the socket.

use anyhow::{Context, Result, bail};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
    time::Instant,
};

/// One request, whole.
pub struct Request {
    pub method: String,
    pub path: String,
    pub body: Vec<u8>,
    headers: Vec<(String, String)>,
    /// When its last byte was read.
    pub at: Instant,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// A connection that requests come in on.
pub struct Connection {
    reader: BufReader<TcpStream>,
    pub writer: Arc<TcpStream>,
}

impl Connection {
    pub fn new(stream: TcpStream) -> Result<Self> {
        // Nagle's algorithm would hold an answer back for 40 ms.
        stream.set_nodelay(true)?;
        Ok(Self { writer: Arc::new(stream.try_clone()?), reader: BufReader::with_capacity(1 << 16, stream) })
    }

    /// The next request; `None` once the client has gone.
    pub fn read(&mut self) -> Result<Option<Request>> {
        let mut line = String::new();
        if self.reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_ascii_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else { bail!("no HTTP request: {line:?}") };
        let (method, path) = (method.to_owned(), path.to_owned());
        let (mut headers, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                bail!("a request ended within its headers");
            }
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().context("content-length")?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                bail!("a {value} body: only one with a content-length is expected here");
            }
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body)?;
        Ok(Some(Request { method, path, body, headers, at: Instant::now() }))
    }
}

/// A whole answer, ready to be written at once.
pub fn answer(status: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        for part in [*name, ": ", *value, "\r\n"] {
            head.push_str(part);
        }
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// Writes an answer to a connection that others may hold, too.
pub fn send(mut to: &TcpStream, answer: &[u8]) -> Result<()> {
    to.write_all(answer).context("the client hung up before its answer")
}
