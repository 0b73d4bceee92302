//! `cargo ship`: deploys a release, takes it back, says what is called, and tries it.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a command line prints, and is configured by the shell it is called from"
)]

mod deploy;
mod guard;
mod local;
mod refuse;
mod sign;
mod stage;
mod wire;

use std::{process::ExitCode, time::Instant};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand, builder::PossibleValuesParser};
use ship::{
    lambda::Version,
    release::{self, Published, Standing},
    smoke, stack, watch,
};
use stage::{STAGES, Stage};

/// Releases Tallybook.
#[derive(Parser)]
#[command(name = "cargo ship", bin_name = "cargo ship", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check, build, deploy, migrate, try, send all callers to it, watch, and go back by itself when an alarm rings
    Deploy(deploy::Options),
    /// Send all callers back to the release before, or to another one
    Rollback {
        #[arg(value_parser = PossibleValuesParser::new(STAGES))]
        stage: String,
        /// A release that `status` lists
        #[arg(long)]
        to: Option<String>,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// What is called, what there is to go back to, and which alarms ring
    Status {
        #[arg(value_parser = PossibleValuesParser::new(STAGES))]
        stage: String,
    },
    /// Try what is called, function by function and over the wire
    Smoke {
        #[arg(value_parser = PossibleValuesParser::new(STAGES))]
        stage: String,
    },
    /// Refuse migrations that the release which serves could not live with
    CheckMigrations,
}

fn main() -> ExitCode {
    let done = match &Cli::parse().command {
        Command::Deploy(options) => deploy::run(options),
        Command::Rollback { stage, to, yes } => rollback(stage, to.as_deref(), *yes),
        Command::Status { stage } => status(stage),
        Command::Smoke { stage } => try_all(stage),
        Command::CheckMigrations => check_migrations(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn standing(stage: &Stage) -> Result<Vec<Standing>> {
    release::standing(&stage.aws, &stack::functions(&stage.aws, &stage.stack)?)
}

fn rollback(stage: &str, to: Option<&str>, yes: bool) -> Result<()> {
    let begun = Instant::now();
    let stage = Stage::open(stage)?;
    let (release, moves, without) =
        release::backward(&standing(&stage)?, to, &|handler| stage.events.is_worker(handler))?;
    refuse::unless_meant(&stage, "This takes back what serves on", yes)?;
    release::go(&stage.aws, &moves)?;
    eprintln!("{} functions are called as {release} after {} s", moves.len(), begun.elapsed().as_secs());
    if !without.is_empty() {
        eprintln!("{release} had no {}: they stay as they are", without.join(", "));
    }
    eprintln!("The database stays as it is: each release can live with the migrations of the next");
    Ok(())
}

fn status(stage: &str) -> Result<()> {
    let stage = Stage::open(stage)?;
    let all = standing(&stage)?;
    println!("{} in {}: {}", stage.stack, stage.place, stack::status(&stage.aws, &stage.stack)?.unwrap_or_default());
    for (release, count) in release::called(&all) {
        println!("called    {release}  by {count} of {} functions", all.len());
    }
    let mut kept: Vec<_> = all.iter().flat_map(|one| &one.versions).map(|version| version.release.as_str()).collect();
    kept.sort_unstable();
    for names in kept.chunk_by(|a, b| a == b) {
        println!("kept      {}  of {} functions", names.first().copied().unwrap_or_default(), names.len());
    }
    for alarm in watch::ringing(&stage.aws, &stage.name)? {
        println!("alarm     {alarm}");
    }
    Ok(())
}

fn try_all(stage: &str) -> Result<()> {
    let stage = Stage::open(stage)?;
    let called = |one: Standing| {
        let version: Version = one.versions.iter().find(|version| version.number == one.alias.version)?.clone();
        Some(Published { name: one.name, version })
    };
    let called: Vec<_> = standing(&stage)?.into_iter().filter_map(called).collect();
    let mut faults = smoke::faults(&stage.aws, &stage.events, &called);
    println!("{} functions were called by themselves", called.len());
    faults.extend(wire::faults(&stage)?);
    if faults.is_empty() {
        return Ok(());
    }
    bail!("{} faults:\n{}", faults.len(), faults.join("\n"))
}

fn check_migrations() -> Result<()> {
    let found = guard::refusals(&guard::migrations(&local::root()?)?, None);
    if found.is_empty() {
        return Ok(());
    }
    let list: Vec<_> = found.iter().map(ToString::to_string).collect();
    bail!("{} statements would hurt the release that serves while they run:\n{}", found.len(), list.join("\n"))
}
