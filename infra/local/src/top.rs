//! What the dashboards show on AWS, live in the terminal: requests, queues, sockets, the database and its slowest statements.

mod database;
mod queues;
mod requests;

use std::{
    fmt::Write as _,
    io::{IsTerminal, Write as _, stdout},
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result};
use time::OffsetDateTime;

use self::{database::Database, requests::Requests};
use crate::{
    aws::Aws,
    environment::{self, Environment},
    install,
    paths::Paths,
    postgres,
    state::{Credentials, State},
};

#[derive(clap::Args)]
pub struct Options {
    /// Print what there is once and return
    #[arg(long)]
    once: bool,
    /// Seconds between looks
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    every: u64,
}

/// What a frame is made of; gathered anew each time.
struct Sources {
    aws: Aws,
    environment: Environment,
    database: Database,
    requests: Requests,
}

pub fn show(paths: &Paths, options: &Options) -> Result<()> {
    let (state, credentials) = (State::load(paths), Credentials::load(paths)?);
    let environment = environment::of(paths)?;
    let cloud = state.cloud.as_ref().filter(|server| server.process.alive());
    let aws = Aws::at(cloud.context("nothing runs; `cargo local up` first")?.port);
    let address = postgres::address(&state, &credentials)?.context("no database; `cargo local up` first")?;
    let database = Database { address, bin: install::postgres_bin(paths)? };
    let mut sources = Sources { aws, environment, database, requests: Requests::of(&paths.log("functions")) };
    let fresh = stdout().is_terminal() && !options.once;
    loop {
        // On a screen the rest has to be seen, too.
        let frame = sources.frame(if fresh { 12 } else { usize::MAX })?;
        // Home and clear what is below, rather than all at once: that would flicker.
        let text = if fresh { format!("\x1b[H{}\x1b[J", frame.replace('\n', "\x1b[K\n")) } else { frame };
        // Whoever reads may have left, as `head` does.
        if stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()).is_err() || options.once {
            return Ok(());
        }
        sleep(Duration::from_secs(options.every));
    }
}

impl Sources {
    fn frame(&mut self, most: usize) -> Result<String> {
        let now = OffsetDateTime::now_utc();
        self.requests.read(now)?;
        let mut out = String::new();
        writeln!(out, "Tallybook, {:02}:{:02}:{:02} UTC, the last minute", now.hour(), now.minute(), now.second())?;
        self.requests.write(&mut out, most)?;
        // What is away is said in its place, and the rest is shown all the same.
        let database = self.database.look();
        let ages = database.as_ref().map(|found| found.oldest.clone()).unwrap_or_default();
        match queues::look(&self.aws, &self.environment) {
            Ok(found) => queues::write(&found, &ages, &mut out)?,
            Err(error) => writeln!(out, "\nqueues      {error:#}")?,
        }
        match &database {
            Ok(found) => found.write(&mut out)?,
            Err(error) => writeln!(out, "\ndatabase    {}", error.to_string().lines().next().unwrap_or_default())?,
        }
        if let Ok(sockets) = queues::sockets(&self.aws, &self.environment) {
            writeln!(out, "sockets     {sockets} open")?;
        }
        if database.is_ok() {
            self.database.write_statements(&mut out)?;
        }
        Ok(out)
    }
}

/// `12.3`, of tenths.
fn tenths(value: u64) -> String {
    format!("{}.{}", value / 10, value % 10)
}
