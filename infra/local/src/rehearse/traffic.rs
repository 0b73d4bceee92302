//! Users who go on as if nothing happened: one reads, one writes, one listens. Every request counts, by what went on.

use std::{
    io::ErrorKind,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tungstenite::{Error, Message};

use crate::demo::{
    api::Api,
    socket::{connect, in_order},
};

const PAUSE: Duration = Duration::from_millis(150);
/// Idle for twice the heartbeat of the local stage, the server would end the connection.
const PING: Duration = Duration::from_secs(20);

/// What happened while something went on.
#[derive(Default)]
pub struct Tally {
    pub requests: u64,
    pub failed: Vec<String>,
}

#[derive(Default)]
struct Seen {
    phase: String,
    tallies: Vec<(String, Tally)>,
    /// Ids of transactions that were answered 201.
    written: u64,
}

/// Shared by all users and whoever directs.
#[derive(Clone, Default)]
pub struct Traffic {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
}

impl Traffic {
    fn with<T>(&self, work: impl FnOnce(&mut Seen) -> T) -> T {
        work(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on this goes on.
    pub fn phase(&self, what: &str) {
        self.with(|seen| {
            what.clone_into(&mut seen.phase);
            seen.tallies.push((what.to_owned(), Tally::default()));
        });
    }

    fn note(&self, phase: &str, result: Result<()>) {
        self.with(|seen| {
            let found = seen.tallies.iter_mut().rev().find(|(name, _)| name == phase);
            if let Some((_, tally)) = found {
                tally.requests += 1;
                tally.failed.extend(result.err().map(|error| format!("{error:#}")));
            }
        });
    }

    fn now(&self) -> String {
        self.with(|seen| seen.phase.clone())
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Requests by phase, and how many transactions were stored.
    pub fn end(&self) -> (Vec<(String, Tally)>, u64) {
        self.with(|seen| (std::mem::take(&mut seen.tallies), seen.written))
    }
}

/// The threads of one user.
pub struct User {
    api: Arc<Api>,
    threads: Vec<JoinHandle<()>>,
    listener: JoinHandle<Result<u64>>,
}

impl User {
    pub fn start(api: Api, socket: &str, traffic: &Traffic) -> Result<Self> {
        let ticket = api.ticket()?;
        let api = Arc::new(api);
        let listener = {
            let (traffic, url) = (traffic.clone(), socket.to_owned());
            thread::spawn(move || listen(&url, &ticket, &traffic))
        };
        let repeat = |work: fn(&Api, u64) -> Result<()>, writes: bool| {
            let (api, traffic) = (api.clone(), traffic.clone());
            thread::spawn(move || {
                for number in 0.. {
                    if traffic.stopped() {
                        return;
                    }
                    // It counts to what went on when it began.
                    let phase = traffic.now();
                    let result = work(&api, number);
                    if writes && result.is_ok() {
                        traffic.with(|seen| seen.written += 1);
                    }
                    traffic.note(&phase, result);
                    sleep(PAUSE);
                }
            })
        };
        let threads = vec![repeat(read, false), repeat(write, true)];
        Ok(Self { api, threads, listener })
    }

    /// How many transactions there are, and the number of the last frame that came.
    pub fn end(self, traffic: &Traffic) -> Result<(u64, u64)> {
        traffic.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().map_err(|_| anyhow!("a user's thread failed"))?;
        }
        let heard = self.listener.join().map_err(|_| anyhow!("the listener failed"))??;
        Ok((self.api.total()?, heard))
    }
}

fn read(api: &Api, number: u64) -> Result<()> {
    let path = match number % 3 {
        0 => "/transactions?limit=20",
        1 => "/budgets/status",
        _ => "/auth/me",
    };
    api.get(path).map(drop)
}

fn write(api: &Api, number: u64) -> Result<()> {
    let body = json!({"amount": "1.25", "date": "2026-01-15", "merchant_raw": format!("REHEARSAL {number}")});
    api.post("/transactions", &body).map(drop)
}

/// Hears every frame of the user's until the end, without a gap; the number of the last.
fn listen(url: &str, ticket: &str, traffic: &Traffic) -> Result<u64> {
    let mut socket = connect(url, ticket)?;
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(200)))?;
    socket.send(Message::text(json!({"type": "hello"}).to_string()))?;
    let (mut last, mut spoke, mut quiet) = (Some(0), Instant::now(), None::<Instant>);
    loop {
        // What was written last is still on its way.
        if traffic.stopped() && quiet.get_or_insert_with(Instant::now).elapsed() > Duration::from_secs(8) {
            socket.close(None).ok();
            return Ok(last.unwrap_or_default());
        }
        if spoke.elapsed() > PING {
            socket.send(Message::text(json!({"type": "ping"}).to_string()))?;
            spoke = Instant::now();
        }
        match socket.read() {
            Ok(Message::Text(text)) => {
                let frame: Value = serde_json::from_str(&text)?;
                in_order(&mut last, &frame)?;
            }
            Ok(Message::Close(_)) => bail!("the socket was closed while {}", traffic.now()),
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error).with_context(|| format!("the socket broke while {}", traffic.now())),
        }
    }
}
