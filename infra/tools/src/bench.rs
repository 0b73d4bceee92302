//! `bench`: what a request costs, beside what its SQL alone costs in the same run.
//!
//! The release bootstrap is driven over the Lambda Runtime API by this program itself; no emulator is in the way.
//! Secrets come from an endpoint within this program, too, so their fetching is part of a start but takes no time of a
//! network.

mod cases;
mod cloud;
mod data;
mod figures;
mod floor;
mod frames;
mod http;
mod import;
mod process;
mod tap;
mod wire;

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, Subcommand};
use cloud::{Cloud, Login, Secrets};
use data::{Data, User};
use figures::{Sample, mb, ms, ratio, verdict};
use floor::Floor;
use process::{Launch, Process};
use serde_json::Value;
use shared::platform::jwt::{KeySet, random};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};
use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const STARTS: u32 = 20;
const WARM_UP: u32 = 50;
/// Requests between a BEGIN and a COMMIT on the floor's connection; less than the time one may idle in between.
const STRETCH: u32 = 100;

#[derive(Args)]
pub struct Options {
    #[command(subcommand)]
    only: Option<Only>,
    /// Two million transactions rather than 200,000; making them takes minutes
    #[arg(long, global = true)]
    full: bool,
    /// A bootstrap that is built already, rather than the release build
    #[arg(long, global = true)]
    bootstrap: Option<PathBuf>,
    /// Leave the database `tallybook_bench` there afterwards
    #[arg(long, global = true)]
    keep: bool,
    /// Use the database that an earlier run left there, and leave it
    #[arg(long, global = true, conflicts_with = "full")]
    reuse: bool,
    #[arg(long, env = "DATABASE_READ_URL", hide = true, hide_env_values = true, global = true)]
    read_url: Option<String>,
    #[arg(long, env = "DATABASE_WRITE_URL", hide = true, hide_env_values = true, global = true)]
    write_url: Option<String>,
    #[arg(long, env = "API_URL", hide = true, global = true)]
    api_url: Option<String>,
    #[arg(long, env = "WS_URL", hide = true, global = true)]
    ws_url: Option<String>,
}

#[derive(Subcommand, Clone, Copy, PartialEq, Eq)]
enum Only {
    /// From POST to the frame on a socket, on the local cloud that is up
    Frames,
    /// Print the plan of every read
    Explain,
    /// Import a bank's file
    Import,
}

pub async fn run(url: &str, options: &Options) -> Result<()> {
    let stack = options.api_url.as_deref().zip(options.ws_url.as_deref());
    if options.only == Some(Only::Frames) {
        let (api, socket) =
            stack.context("API_URL and WS_URL are not set: `cargo local up`, then `cargo local bench frames`")?;
        return frames::run(api, socket);
    }
    // First what fails most easily.
    let bootstrap = bootstrap(options)?;
    let data = if options.reuse { Data::open(url).await? } else { Data::make(url, options.full).await? };
    let bench = Bench::prepare(&data, options, bootstrap)?;
    match (options.only, stack) {
        (Some(Only::Explain), _) => bench.explain()?,
        (Some(Only::Import), _) => bench.import().await?,
        (_, Some((api, socket))) => {
            bench.measure().await?;
            frames::run(api, socket)?;
        }
        _ => {
            bench.measure().await?;
            println!("\nPOST to frame: not measured, because no local cloud is up");
        }
    }
    if options.keep || options.reuse { Ok(()) } else { data.drop().await }
}

/// The release build, or what the options name. A plan is the same whoever asks, so for plans the build that is there
/// beside this program will do.
fn bootstrap(options: &Options) -> Result<PathBuf> {
    if let Some(path) = &options.bootstrap {
        return Ok(path.clone());
    }
    if options.only == Some(Only::Explain) {
        return Ok(std::env::current_exe()?.with_file_name("bootstrap"));
    }
    eprintln!("building the release bootstrap: minutes the first time");
    let built = Command::new("cargo")
        .args(["build", "--release", "--package", "bootstrap", "--message-format", "json-render-diagnostics"])
        .current_dir(ROOT)
        .stderr(Stdio::inherit())
        .output()
        .context("cargo")?;
    ensure!(built.status.success(), "the release bootstrap does not build");
    let messages = String::from_utf8(built.stdout)?;
    let executable = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)));
    executable.context("cargo named no executable")
}

struct Bench<'a> {
    data: &'a Data,
    cloud: Cloud,
    bootstrap: PathBuf,
    keys: KeySet,
    read: Login,
    write: Login,
}

impl<'a> Bench<'a> {
    fn prepare(data: &'a Data, options: &Options, bootstrap: PathBuf) -> Result<Self> {
        let hex = || -> Result<String> {
            let [a, b] = [random::<16>(), random::<16>()].map(|bytes| bytes.map(u128::from_be_bytes));
            let (a, b) = a.and_then(|a| Ok((a, b?))).map_err(|problem| anyhow!("{problem}"))?;
            Ok(format!("{a:032x}{b:032x}"))
        };
        let keys = serde_json::json!({"jwt": [{"kid": "bench", "secret": hex()?}], "app": hex()?}).to_string();
        let signer: KeySet = serde_json::from_str(&keys)?;
        let login = |role: &str, url: Option<&str>| login(data, role, url);
        let read = login("tallybook_read", options.read_url.as_deref())?;
        let write = login("tallybook_write", options.write_url.as_deref())?;
        let cloud = Cloud::start(Secrets { keys, read: read.clone(), write: write.clone() })?;
        Ok(Self { data, cloud, bootstrap, keys: signer, read, write })
    }

    fn token(&self, user: &User) -> Result<String> {
        self.keys.sign(&user.claims()).map_err(|problem| anyhow!("{problem}"))
    }

    fn launch(&self) -> Launch<'_> {
        Launch { bootstrap: self.bootstrap.clone(), cloud: &self.cloud, postgres: self.data.server().1 }
    }

    async fn measure(&self) -> Result<()> {
        let size = fs::metadata(&self.bootstrap)?.len();
        let (all, own) = (self.data.rows, self.data.user.rows);
        println!("\n{all} transactions, {own} of them the user's; {}", self.bootstrap.display());
        println!("{:<28}{:>10}{:>10}{:>10}   target", "ms", "p50", "p95", "p99");
        let (ready, answered) = self.starts()?;
        against("start to first /next", &ready, 15);
        against("start to first list", &answered, 60);
        println!(
            "\n{:<28}{:>10}{:>10}{:>10}{:>8}{:>8}{:>12}   target",
            "warm, ms", "p50", "p95", "p99", "ratio", "CPU", "statements"
        );
        let mut resident = 0;
        for case in cases::all(&self.data.user) {
            resident = resident.max(self.warm(&case)?);
        }
        self.histories()?;
        self.import().await?;
        println!(
            "\nresident, the largest of them  {:>8} MB   ≤ 25 MB     {}",
            mb(resident),
            verdict(resident <= 25_000_000)
        );
        println!("bootstrap, stripped            {:>8} MB   ≤ 12 MB     {}", mb(size), verdict(size <= 12_000_000));
        Ok(())
    }

    /// Starts: until it asks for work, and until it has answered with a list.
    fn starts(&self) -> Result<(Sample, Sample)> {
        let (case, launch) = (cases::list(), self.launch());
        let event = case.event(&self.token(&self.data.user)?, 0);
        let (mut ready, mut answered) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        // The first one finds its file on disk.
        for round in 0..=STARTS {
            let mut process = Process::start(&launch, case.handler, launch.postgres)?;
            let at = process.invoke(&event)?.at;
            if round > 0 {
                ready.push(process.ready);
                answered.push(at.duration_since(process.spawned));
            }
        }
        eprintln!("{STARTS} starts in {} ms", begun.elapsed().as_millis());
        Ok((Sample::new(ready), Sample::new(answered)))
    }

    /// Warm requests, each beside its floor. Returns the function's resident memory in bytes.
    fn warm(&self, case: &cases::Case) -> Result<u64> {
        let (launch, token) = (self.launch(), self.token(&self.data.user)?);
        let login = if case.writes { &self.write } else { &self.read };
        let mut floor = Floor::record(&launch, login, case, &token)?;
        let mut process = Process::start(&launch, case.handler, launch.postgres)?;
        let kicks = self.cloud.kicks();
        floor.begin()?;
        for n in 0..WARM_UP {
            let answer = process.invoke(&case.event(&token, n))?;
            check(case, &answer.body)?;
            floor.once()?;
        }
        floor.end()?;
        let (mut wall, mut sql, before) = (Vec::new(), Vec::new(), process.cpu()?);
        for n in 0..case.rounds {
            if n % STRETCH == 0 {
                floor.begin()?;
            }
            let event = case.event(&token, WARM_UP + n);
            sql.push(floor.once()?);
            wall.push(process.invoke(&event)?.took);
            if n % STRETCH == STRETCH - 1 {
                floor.end()?;
            }
        }
        let cpu = process.cpu()?.saturating_sub(before) / case.rounds;
        let kicked = self.cloud.kicks() - kicks;
        ensure!(!case.writes || kicked == u64::from(WARM_UP + case.rounds), "{kicked} kicks reached the relay's queue");
        let (wall, sql) = (Sample::new(wall), Sample::new(sql));
        let most = sql.p50() * 3 / 2 + Duration::from_micros(500);
        let holds = wall.p50() <= most && (cpu <= Duration::from_micros(500) || !case.promised);
        let promise = if case.promised { ", CPU ≤ 0.50" } else { "" };
        println!(
            "{:<28}{}{:>8}{:>8}{:>12}   ≤ {}{promise}  {}",
            case.title,
            wall.columns(),
            ratio(wall.p50(), sql.p50()),
            ms(cpu),
            floor.steps.len() + 1,
            ms(most),
            verdict(holds),
        );
        println!("{:<28}{}", "  its floor", sql.columns());
        Ok(process.resident()?.saturating_mul(1024))
    }

    /// The same reads of users with a short and a long history.
    fn histories(&self) -> Result<()> {
        let [short, long] = self.data.others.as_slice() else { return Ok(()) };
        let launch = self.launch();
        println!("\n{:<28}{:>10}{:>10}{:>8}   target", "history, ms (p50)", short.rows, long.rows, "ratio");
        for (of_short, of_long) in cases::all(short).iter().zip(&cases::all(long)).filter(|(case, _)| !case.writes) {
            let mut took = Vec::new();
            for (user, case) in [(short, of_short), (long, of_long)] {
                let (token, mut process) = (self.token(user)?, Process::start(&launch, case.handler, launch.postgres)?);
                let mut wall = Vec::new();
                for n in 0..WARM_UP + case.rounds {
                    let answer = process.invoke(&case.event(&token, n))?;
                    wall.extend((n >= WARM_UP).then_some(answer.took));
                }
                took.push(Sample::new(wall).p50());
            }
            let [short, long] = took.as_slice() else { continue };
            let holds = !of_short.first_page || *long <= *short * 2;
            let target = if of_short.first_page { format!("≤ 2.00  {}", verdict(holds)) } else { String::new() };
            println!("{:<28}{:>10}{:>10}{:>8}   {target}", of_short.title, ms(*short), ms(*long), ratio(*long, *short));
        }
        Ok(())
    }

    fn explain(&self) -> Result<()> {
        let (launch, token) = (self.launch(), self.token(&self.data.user)?);
        let mut scans = 0_u32;
        for case in cases::all(&self.data.user) {
            let login = if case.writes { &self.write } else { &self.read };
            let mut floor = Floor::record(&launch, login, &case, &token)?;
            floor.begin()?;
            for step in floor.steps.clone() {
                if ["INSERT ", "UPDATE ", "DELETE "].iter().any(|writing| step.statement.sql.contains(writing)) {
                    continue;
                }
                println!("\n== {} ({} {})\n{}\n", case.title.trim(), case.method, case.path, step.statement.sql);
                for line in floor.wire.explain(&step)? {
                    let scan = line.contains("Seq Scan on transactions");
                    scans += u32::from(scan);
                    println!("{} {line}", if scan { "!!" } else { "  " });
                }
            }
        }
        println!("\n{scans} sequential scans of transactions");
        Ok(())
    }
}

/// A role's way into the bench's database. Where the server asks for no password the secret has one all the same: a
/// function refuses a short one.
fn login(data: &Data, role: &str, url: Option<&str>) -> Result<Login> {
    let url = url.map(|url| url.parse::<PgConnectOptions>().map(|options| options.to_url_lossy())).transpose()?;
    let password = url.as_ref().and_then(|url| url.password()).unwrap_or("not asked for here").to_owned();
    Ok(Login { host: data.server().0.to_owned(), dbname: data.name().to_owned(), username: role.to_owned(), password })
}

/// A fast wrong answer is no figure.
fn check(case: &cases::Case, body: &str) -> Result<()> {
    let answer: Value = serde_json::from_str(body)?;
    let rows = answer.get("data").and_then(Value::as_array).map(Vec::len);
    let right = match case.handler {
        "transactions.list" if case.promised => rows.is_some_and(|rows| rows == 50),
        "budgets.list" => rows.is_some_and(|rows| rows == 10),
        "transactions.list" | "merchants.search" => rows.is_some_and(|rows| rows > 0),
        "transactions.get" => answer.get("id").and_then(Value::as_str) == case.id.as_deref(),
        _ => answer.get("id").is_some_and(Value::is_string),
    };
    ensure!(
        right,
        "{} answered without what it was asked for: {}",
        case.handler,
        body.chars().take(300).collect::<String>()
    );
    Ok(())
}

fn against(title: &str, sample: &Sample, target_ms: u64) {
    let holds = sample.p50() <= Duration::from_millis(target_ms);
    println!("{title:<28}{}   ≤ {target_ms} ms  {}", sample.columns(), verdict(holds));
}
