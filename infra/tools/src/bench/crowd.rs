//! Many at once, on the local cloud: sockets that all must hear of everything, and clients that all want an answer.

use super::{
    figures::{Sample, ms, verdict},
    frames::User,
};
use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tungstenite::{Message, WebSocket, client::client};

const USERS: usize = 40;
/// A phone, a tablet, a laptop, and two that were forgotten.
const SOCKETS: usize = 5;
const EVENTS: usize = 1000;
/// A phone's app pings more often than it must.
const PING: Duration = Duration::from_secs(20);
const TYPICAL: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_mins(1);

const CLIENTS: usize = 500;
const REQUESTS: usize = 4;

/// Frames of one socket: which transaction, and when it came.
type Heard = Vec<(String, Instant)>;

pub fn run(api: &str, url: &str, events_a_second: u32) -> Result<()> {
    ensure!(events_a_second > 0, "--rate must be at least 1");
    eprintln!("registering {USERS} users");
    let users = (0..USERS).map(|n| register(api, n)).collect::<Result<Vec<_>>>()?;
    fan_out(&users, url, events_a_second)?;
    crowd(&users);
    Ok(())
}

/// A user who registers from an address of its own: from one address only some may in an hour.
fn register(api: &str, n: usize) -> Result<User> {
    let rest = api.strip_prefix("http://").context("API_URL is not http://")?;
    let (host, path) = rest.split_once('/').context("API_URL has no stage")?;
    let [minute, second] = [shared::platform::clock::now().minute(), shared::platform::clock::now().second()];
    let from =
        Ipv4Addr::new(127, minute.saturating_add(100), second.saturating_add(1), u8::try_from(n)?.saturating_add(1));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&host.parse::<SocketAddr>()?.into())?;
    let (mut stream, body) = (TcpStream::from(socket), User::account().to_string());
    let head = format!(
        "POST /{path}/auth/register HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let json = answer.split_once("\r\n\r\n").context("no answer")?.1;
    let tokens: Value =
        serde_json::from_str(json).with_context(|| format!("registering was answered with {answer}"))?;
    let token = tokens.get("access_token").and_then(Value::as_str).with_context(|| format!("no token in {json}"))?;
    Ok(User::of(api, token.to_owned()))
}

/// Every socket of a user hears of each of the user's transactions, once and in order.
fn fan_out(users: &[User], url: &str, events_a_second: u32) -> Result<()> {
    let each = EVENTS / USERS;
    eprintln!("opening {} sockets", USERS * SOCKETS);
    let open = |user: &User| (0..SOCKETS).map(|_| open(user, url)).collect::<Result<Vec<_>>>();
    let sockets = users.iter().map(open).collect::<Result<Vec<_>>>()?;
    let heard = AtomicUsize::new(0);
    let pause = Duration::from_secs(1).saturating_mul(u32::try_from(USERS)?) / events_a_second;
    let (sent, heard) = thread::scope(|scope| {
        let count = &heard;
        let listeners: Vec<_> = sockets
            .into_iter()
            .map(|all| {
                let listeners = all.into_iter().enumerate().map(|(n, socket)| {
                    // Apps were opened at any moment: they do not ping at one.
                    let pinged = PING / u32::try_from(SOCKETS).unwrap_or(1) * u32::try_from(n).unwrap_or(0);
                    scope.spawn(move || listen(socket, each, count, pinged))
                });
                listeners.collect::<Vec<_>>()
            })
            .collect();
        // One user after the other, not all of them at the same moments.
        let turn = |n: usize| pause / u32::try_from(USERS).unwrap_or(1) * u32::try_from(n).unwrap_or(0);
        let begin = |(n, user)| scope.spawn(move || write(user, each, turn(n), pause));
        let writers: Vec<_> = users.iter().enumerate().map(begin).collect();
        while !writers.iter().all(thread::ScopedJoinHandle::is_finished) {
            thread::sleep(Duration::from_secs(2));
            eprintln!("  {} of {} frames have come", count.load(Ordering::Relaxed), EVENTS * SOCKETS);
        }
        let join = |_| anyhow!("a thread panicked");
        let sent = writers.into_iter().map(|one| one.join().map_err(join)?).collect::<Result<Vec<_>>>()?;
        let heard = listeners
            .into_iter()
            .map(|all| all.into_iter().map(|one| one.join().map_err(join)?).collect::<Result<Vec<Heard>>>())
            .collect::<Result<Vec<_>>>()?;
        Ok::<_, anyhow::Error>((sent, heard))
    })?;
    let mut waits = Vec::new();
    for (sent, sockets) in sent.iter().zip(&heard) {
        for socket in sockets {
            let ids: BTreeSet<_> = socket.iter().map(|(id, _)| id).collect();
            ensure!(ids.len() == sent.len() && ids.iter().all(|id| sent.contains_key(*id)), "a socket missed frames");
            waits.extend(socket.iter().filter_map(|(id, at)| Some(at.duration_since(*sent.get(id)?))));
        }
    }
    let waits = Sample::new(waits);
    println!(
        "\n{EVENTS} transactions to {} sockets, {events_a_second} a second: each came to each of its {SOCKETS}, once and in order",
        USERS * SOCKETS
    );
    println!("{:<28}{:>10}{:>10}{:>10}   target", "POST to frame, ms", "p50", "p95", "p99");
    let holds = verdict(waits.p50() <= TYPICAL && waits.percentile(95) <= SLOW);
    println!("{:<28}{}   ≤ {} and {} ms  {holds}", "", waits.columns(), ms(TYPICAL), ms(SLOW));
    Ok(())
}

fn open(user: &User, url: &str) -> Result<WebSocket<TcpStream>> {
    let ticket = user.post("/auth/ws-ticket", &json!({}))?;
    let ticket = ticket.get("ticket").and_then(Value::as_str).context("no ticket")?;
    let host = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).context("WS_URL is not ws://")?;
    let stream = TcpStream::connect(host).with_context(|| host.to_owned())?;
    stream.set_nodelay(true)?;
    let (socket, _) =
        client(format!("{url}?ticket={ticket}"), stream).map_err(|error| anyhow!("the socket was refused: {error}"))?;
    socket.get_ref().set_read_timeout(Some(Duration::from_millis(500)))?;
    Ok(socket)
}

/// Frames in order without a gap, until all are there.
fn listen(mut socket: WebSocket<TcpStream>, expected: usize, count: &AtomicUsize, pinged: Duration) -> Result<Heard> {
    let (mut heard, mut last) = (Heard::new(), Instant::now());
    let mut pinged = Instant::now().checked_sub(pinged).unwrap_or_else(Instant::now);
    while heard.len() < expected {
        ensure!(last.elapsed() < PATIENCE, "no frame for {} s: {} of {expected}", PATIENCE.as_secs(), heard.len());
        if pinged.elapsed() > PING {
            pinged = Instant::now();
            socket.send(Message::text(r#"{"type":"ping"}"#))?;
        }
        let text = match socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(error) => bail!("a connection ended: {error}"),
        };
        let (at, frame) = (Instant::now(), serde_json::from_str::<Value>(&text)?);
        if frame.get("type").and_then(Value::as_str) != Some("transaction_update") {
            continue;
        }
        let seq = frame.get("seq").and_then(Value::as_u64).context("a frame has no number")?;
        let next = u64::try_from(heard.len())?.saturating_add(1);
        // A frame that comes again is allowed.
        if seq >= next {
            ensure!(seq == next, "frame {seq} came after {}", next.saturating_sub(1));
            let id = frame.pointer("/data/id").and_then(Value::as_str).context("a transaction has no id")?;
            heard.push((id.to_owned(), at));
            count.fetch_add(1, Ordering::Relaxed);
            last = at;
        }
    }
    Ok(heard)
}

/// When each transaction was sent.
fn write(user: &User, count: usize, first: Duration, pause: Duration) -> Result<BTreeMap<String, Instant>> {
    let (mut sent, begun) = (BTreeMap::new(), Instant::now());
    for n in 0..u32::try_from(count)? {
        thread::sleep((first + pause.saturating_mul(n)).saturating_sub(begun.elapsed()));
        let today = shared::platform::clock::now().date().to_string();
        let body = json!({"amount": format!("{}.50", n + 1), "date": today, "merchant_raw": "Corner shop"});
        let started = Instant::now();
        let created = user.post("/transactions", &body)?;
        let id = created.get("id").and_then(Value::as_str).context("a transaction has no id")?;
        sent.insert(id.to_owned(), started);
    }
    Ok(sent)
}

/// Answers, good or late: a refusal for their number is one, a failure is none.
fn crowd(users: &[User]) {
    eprintln!("{CLIENTS} clients at once, {REQUESTS} requests each");
    let start = Barrier::new(CLIENTS);
    let answers = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|n| {
                let (user, start) = (users.get(n % users.len()), &start);
                scope.spawn(move || {
                    start.wait();
                    (0..REQUESTS)
                        .map(|_| user.map_or(0, |user| user.status("/transactions?limit=20")))
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect::<Vec<u16>>()
    });
    let mut counts = BTreeMap::<u16, usize>::new();
    for status in answers {
        *counts.entry(status).or_default() += 1;
    }
    let good = counts.keys().all(|status| (200..300).contains(status) || *status == 429);
    println!(
        "\n{CLIENTS} clients at once, {REQUESTS} GET /transactions each: {counts:?} (0: no answer)  {}",
        verdict(good)
    );
}
