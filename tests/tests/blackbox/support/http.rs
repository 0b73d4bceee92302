//! HTTP/1.1 by hand: requests that a library would refuse to send must be sent, and from an address of choice.

use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// The body, when the status is the one that was expected.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        if self.text.is_empty() { Value::Null } else { self.json() }
    }

    /// The code of a problem of this status.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        let problem = self.expect(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        problem["code"].as_str().expect("a problem has a code").to_owned()
    }
}

/// A caller with a loopback address of its own.
#[derive(Clone, Debug)]
pub struct Client {
    address: Ipv4Addr,
}

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Request {
    address: Ipv4Addr,
    base: String,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Client {
    pub fn new() -> Self {
        let octet = || u8::try_from(super::random(250)).expect("fits") + 2;
        Self { address: Ipv4Addr::new(127, octet(), octet(), octet()) }
    }

    /// To the API, with a path below the stage.
    pub fn request(&self, method: &str, path: &str) -> Request {
        self.to(&super::setting("API_URL"), method, path)
    }

    /// To any server of this machine.
    pub fn to(&self, base: &str, method: &str, path: &str) -> Request {
        let (base, method, path) = (base.to_owned(), method.to_owned(), path.to_owned());
        Request { address: self.address, base, method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).json(body).send()
    }
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        if kind.is_empty() { self } else { self.header("content-type", kind) }
    }

    #[track_caller]
    pub fn send(self) -> Answer {
        let what = format!("{} {}", self.method, self.path);
        self.try_send().unwrap_or_else(|error| panic!("{what}: {error}"))
    }

    /// An error is a connection that broke; any answer is none.
    pub fn try_send(self) -> std::io::Result<Answer> {
        let (host, prefix) = self.base.trim_start_matches("http://").split_once('/').unwrap_or((&self.base, ""));
        let host = host.trim_start_matches("http://");
        let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
        let mut stream = connect(host, self.address)?;
        let mut head =
            format!("{} {prefix}{} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n", self.method, self.path);
        if !self.body.is_empty() || !["GET", "HEAD"].contains(&self.method.as_str()) {
            head.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(&[head.as_bytes(), b"\r\n", &self.body].concat())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| std::io::Error::other("the connection broke before an answer"))
    }
}

/// A connection to `host:port` from the given address.
pub fn connect(host: &str, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&host.parse::<SocketAddr>().map_err(std::io::Error::other)?.into())?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(40)))?;
    Ok(stream)
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let (status, headers) = head.split_once("\r\n")?;
    let status = status.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, String)> = headers
        .split("\r\n")
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let body = &answer[end + 4..];
    let body = if chunked { joined(body)? } else { body.to_vec() };
    let length =
        headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse::<usize>().ok());
    if length.is_some_and(|length| body.len() < length) {
        return None;
    }
    Some(Answer { status, headers, text: String::from_utf8_lossy(&body).into_owned() })
}

fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).ok()?.split(';').next()?, 16).ok()?;
        if size == 0 {
            return Some(whole);
        }
        let start = line + 2;
        whole.extend_from_slice(body.get(start..start + size)?);
        body = body.get(start + size + 2..)?;
    }
}
