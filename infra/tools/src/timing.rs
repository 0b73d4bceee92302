//! Whether an answer's time tells if an address has an account.

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde_json::json;
use socket2::{Domain, Socket, Type};
use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Medians may differ by so much, in thousandths.
const APART: u128 = 50;

#[derive(Args)]
pub struct Options {
    /// The local API; the limits would stop whoever measured another
    #[arg(long, env = "API_URL")]
    api_url: String,
    /// Answers of each kind
    #[arg(long, default_value_t = 200)]
    rounds: u32,
}

pub fn run(options: &Options) -> Result<()> {
    let known = address();
    let account = json!({"email": known, "password": "a long password", "full_name": "Timing"});
    ask(options, "/auth/register", &account.to_string(), 201)?;
    let login = |email: &str| json!({"email": email, "password": "not the password"}).to_string();
    let forgot = |email: &str| json!({"email": email}).to_string();
    compare(options, "/auth/login", &known, login, 401)?;
    compare(options, "/auth/password/forgot", &known, forgot, 202)
}

fn address() -> String {
    format!("timing-{}@example.com", Uuid::now_v7().simple())
}

fn compare(options: &Options, path: &str, known: &str, body: impl Fn(&str) -> String, status: u16) -> Result<()> {
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    // One after the other, the first of a pair by turns, so that what else the machine does falls on both alike.
    for round in 0..options.rounds.saturating_add(5) {
        let unknown = address();
        for first in [true, false] {
            let is_known = first == (round % 2 == 0);
            let time = ask(options, path, &body(if is_known { known } else { &unknown }), status)?;
            if round >= 5 {
                if is_known { of_known.push(time) } else { of_unknown.push(time) }
            }
        }
    }
    let (known, unknown) = (median(of_known), median(of_unknown));
    let apart = known.abs_diff(unknown).as_micros().saturating_mul(1000) / unknown.as_micros().max(1);
    println!("{path}: known {known:.1?}, unknown {unknown:.1?}; medians {}.{} % apart", apart / 10, apart % 10);
    ensure!(apart <= APART, "the time of {path} tells known addresses from unknown ones");
    Ok(())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Asks from an address of its own, so that no limit is met, and returns how long the answer took.
fn ask(options: &Options, path: &str, body: &str, status: u16) -> Result<Duration> {
    let (host, base) = options
        .api_url
        .strip_prefix("http://127.")
        .and_then(|rest| rest.split_once('/'))
        .context("API_URL is not on this machine: `eval \"$(cargo local env)\"`")?;
    let server: SocketAddr = format!("127.{host}").parse()?;
    let bytes = Uuid::now_v7().into_bytes();
    let octet = |n: usize| bytes.get(n).map_or(2, |byte| byte % 250 + 2);
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, octet(12), octet(13), octet(14)), 0)).into())?;
    socket.connect(&server.into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    let request = format!(
        "POST /{base}{path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let start = Instant::now();
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let time = start.elapsed();
    if answer.split(' ').nth(1) != Some(status.to_string().as_str()) {
        bail!("{path} answered {}", answer.lines().next().unwrap_or("nothing"));
    }
    Ok(time)
}
