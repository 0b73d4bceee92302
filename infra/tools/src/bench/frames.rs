//! From a POST to the frame that tells of it, through everything: the gateway, the create, the relay, the deliverer and
//! the socket of the local cloud.

use super::figures::{Sample, ms, verdict};
use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use std::{
    net::TcpStream,
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};
use tungstenite::{Message, WebSocket, client::client};
use ureq::Agent;
use uuid::Uuid;

const WARM_UP: u32 = 5;
const ROUNDS: u32 = 50;
const TARGET: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(20);

pub fn run(api: &str, socket: &str) -> Result<()> {
    let user = User::register(api)?;
    let ticket = user.post("/auth/ws-ticket", &json!({}))?;
    let ticket = ticket.get("ticket").and_then(Value::as_str).context("no ticket")?;
    let arriving = listen(&format!("{socket}?ticket={ticket}"))?;
    arriving.recv_timeout(PATIENCE).context("hello was not answered")?;
    let (mut posted, mut framed) = (Vec::new(), Vec::new());
    for round in 0..WARM_UP + ROUNDS {
        let amount = format!("{}.50", round + 1);
        let body = json!({"amount": amount, "date": shared::platform::clock::now().date().to_string(), "merchant_raw": "Corner shop"});
        let started = Instant::now();
        let created = user.post("/transactions", &body)?;
        let answered = started.elapsed();
        let id = created.get("id").context("a transaction has no id")?;
        let at = loop {
            let (at, frame) = arriving.recv_timeout(PATIENCE).context("no frame within 20 s of a POST")?;
            if frame.pointer("/data/id") == Some(id) {
                break at;
            }
        };
        if round >= WARM_UP {
            posted.push(answered);
            framed.push(at.duration_since(started));
        }
    }
    let (posted, framed) = (Sample::new(posted), Sample::new(framed));
    println!("\n{:<28}{:>10}{:>10}{:>10}   target", "local cloud, ms", "p50", "p95", "p99");
    println!("{:<28}{}", "POST to its answer", posted.columns());
    let (columns, holds) = (framed.columns(), verdict(framed.p50() <= TARGET));
    println!("{:<28}{columns}   ≤ {} ms  {holds}", "POST to its frame", ms(TARGET));
    Ok(())
}

pub struct User {
    base: String,
    agent: Agent,
    token: String,
}

impl User {
    /// Who has a token already.
    pub fn of(api: &str, token: String) -> Self {
        let config = Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).build();
        Self { base: api.trim_end_matches('/').to_owned(), agent: config.into(), token }
    }

    /// A new account.
    pub fn account() -> Value {
        json!({
            "email": format!("{}@example.com", Uuid::now_v7()),
            "password": "a bench needs no secret",
            "full_name": "Bench",
        })
    }

    fn register(api: &str) -> Result<Self> {
        let mut user = Self::of(api, String::new());
        let tokens = user.post("/auth/register", &Self::account())?;
        tokens.get("access_token").and_then(Value::as_str).context("no access token")?.clone_into(&mut user.token);
        Ok(user)
    }

    /// The status of a read; 0 without an answer.
    pub fn status(&self, path: &str) -> u16 {
        let request = self.agent.get(format!("{}{path}", self.base));
        let answer = request.header("authorization", format!("Bearer {}", self.token)).call();
        answer.map_or(0, |answer| answer.status().as_u16())
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let mut request = self.agent.post(format!("{}{path}", self.base)).header("content-type", "application/json");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let mut answer = request.send(body.to_string()).with_context(|| format!("POST {path}"))?;
        let text = answer.body_mut().read_to_string()?;
        if !answer.status().is_success() {
            bail!("POST {path} answered {}: {text}", answer.status());
        }
        Ok(serde_json::from_str(&text)?)
    }
}

/// Frames with the moment they came, read on a thread of their own: one may come before its POST is answered.
fn listen(url: &str) -> Result<Receiver<(Instant, Value)>> {
    let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).context("WS_URL is not ws://")?;
    let stream = TcpStream::connect(host).with_context(|| host.to_owned())?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client(url, stream).map_err(|error| anyhow!("the socket was refused: {error}"))?;
    socket.send(Message::text(json!({"type": "hello"}).to_string()))?;
    let (found, frames) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(frame) = next(&mut socket) {
            if found.send(frame).is_err() {
                break;
            }
        }
    });
    Ok(frames)
}

fn next(socket: &mut WebSocket<TcpStream>) -> Result<(Instant, Value)> {
    loop {
        let message = socket.read()?;
        let at = Instant::now();
        if let Message::Text(text) = message {
            return Ok((at, serde_json::from_str(&text)?));
        }
    }
}
