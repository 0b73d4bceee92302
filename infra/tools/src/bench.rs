//! `bench`: what a request costs, beside what its SQL alone costs in the same run.
//!
//! The release bootstrap is driven over the Lambda Runtime API by this program itself; no emulator is in the way.
//! Secrets come from an endpoint within this program, too, so their fetching is part of a start but takes no time of a
//! network.

mod cases;
mod cloud;
mod crowd;
mod data;
mod export;
mod figures;
mod floor;
mod frames;
mod http;
mod import;
mod measure;
mod merkle;
mod nights;
mod partitions;
mod plans;
mod process;
mod tap;
mod wire;

use anyhow::{Context, Result, anyhow, ensure};
use cases::{Caller, Case};
use clap::{Args, Subcommand};
use cloud::{Cloud, Login, Secrets};
use data::{Data, SERVICE_TOKEN, User};
use process::{Launch, Process};
use serde_json::Value;
use shared::platform::jwt::{KeySet, random};
use sqlx::{ConnectOptions, postgres::PgConnectOptions};
use std::{
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

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
    /// Only functions whose name contains this, such as `transactions.list`; may be given several times
    #[arg(long, global = true)]
    function: Vec<String>,
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
    /// Write the plan of every statement to infra/plans
    Explain {
        /// Change nothing; fail when a growing table is read from end to end that was not before
        #[arg(long)]
        check: bool,
    },
    /// Two hundred sockets and a thousand transactions, then five hundred clients, on the local cloud that is up
    Crowd {
        /// Transactions a second
        #[arg(long, default_value_t = 10)]
        rate: u32,
    },
    /// Import a bank's file
    Import,
    /// Export everything of the longest history
    Export,
    /// Look through everybody, as the night's jobs do
    Nights,
    /// Compare the table of transactions with one of 64 partitions by user
    Partitions {
        /// Transactions; each takes about a kilobyte of disk while it is measured
        #[arg(long, default_value_t = 2_000_000)]
        rows: i64,
    },
    /// Compute the root of a Merkle tree
    Merkle {
        /// Leaves
        #[arg(long, default_value_t = 1_000_000)]
        leaves: u64,
    },
}

pub async fn run(url: &str, options: &Options) -> Result<()> {
    if let Some(Only::Merkle { leaves }) = options.only {
        return merkle::run(leaves);
    }
    if let Some(Only::Partitions { rows }) = options.only {
        return partitions::run(url, rows).await;
    }
    let stack = options.api_url.as_deref().zip(options.ws_url.as_deref());
    if options.only == Some(Only::Frames) {
        let (api, socket) =
            stack.context("API_URL and WS_URL are not set: `cargo local up`, then `cargo local bench frames`")?;
        return frames::run(api, socket);
    }
    if let Some(Only::Crowd { rate }) = options.only {
        let (api, socket) =
            stack.context("API_URL and WS_URL are not set: `cargo local up`, then `cargo local bench crowd`")?;
        return crowd::run(api, socket, rate);
    }
    // First what fails most easily.
    let bootstrap = if options.only == Some(Only::Nights) { PathBuf::new() } else { bootstrap(options)? };
    let data = if options.reuse { Data::open(url).await? } else { Data::make(url, options.full).await? };
    if options.only == Some(Only::Nights) {
        nights::run(&data).await?;
        return if options.keep || options.reuse { Ok(()) } else { data.drop().await };
    }
    let bench = Bench::prepare(&data, options, bootstrap)?;
    match (options.only, stack) {
        (Some(Only::Explain { check }), _) => bench.explain(check).await?,
        (Some(Only::Import), _) => bench.import().await?,
        (Some(Only::Export), _) => bench.export()?,
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
    if matches!(options.only, Some(Only::Explain { .. })) {
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
    functions: &'a [String],
    keys: KeySet,
    read: Login,
    write: Login,
}

impl<'a> Bench<'a> {
    fn prepare(data: &'a Data, options: &'a Options, bootstrap: PathBuf) -> Result<Self> {
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
        let functions = options.function.as_slice();
        Ok(Self { data, cloud, bootstrap, functions, keys: signer, read, write })
    }

    fn sign(&self, claims: &Value) -> Result<String> {
        self.keys.sign(claims).map_err(|problem| anyhow!("{problem}"))
    }

    fn token(&self, user: &User, session: usize) -> Result<String> {
        self.sign(&user.claims(session))
    }

    fn cases(&self, user: &User) -> Result<Vec<Case>> {
        let tokens = (0..user.sessions.len()).map(|session| self.sign(&user.refresh_claims(session)));
        let tokens = tokens.collect::<Result<Vec<_>>>()?;
        let mut cases = cases::all(user, tokens);
        let wanted = |case: &Case| self.functions.iter().any(|part| case.handler.contains(part.as_str()));
        cases.retain(|case| self.functions.is_empty() || wanted(case));
        Ok(cases)
    }

    fn login(&self, case: &Case) -> &Login {
        if case.writes() { &self.write } else { &self.read }
    }

    fn launch(&self) -> Launch<'_> {
        Launch { bootstrap: self.bootstrap.clone(), cloud: &self.cloud, postgres: self.data.server().1 }
    }

    /// Puts request number `n` through, looks at its answer, and says how long it took.
    fn ask(&self, process: &mut Process, user: &User, case: &Case, n: usize) -> Result<Duration> {
        // The first session stays.
        let token = match case.caller {
            Caller::User => self.token(user, 0)?,
            Caller::EachSession => self.token(user, n + 1)?,
            Caller::Program => SERVICE_TOKEN.to_owned(),
        };
        let answered = process.invoke(&case.event(&token, n)?)?;
        case.check(&answered.body)?;
        Ok(answered.took)
    }
}

/// A role's way into the bench's database. Where the server asks for no password the secret has one all the same: a
/// function refuses a short one.
fn login(data: &Data, role: &str, url: Option<&str>) -> Result<Login> {
    let url = url.map(|url| url.parse::<PgConnectOptions>().map(|options| options.to_url_lossy())).transpose()?;
    let password = url.as_ref().and_then(|url| url.password()).unwrap_or("not asked for here").to_owned();
    Ok(Login { host: data.server().0.to_owned(), dbname: data.name().to_owned(), username: role.to_owned(), password })
}
