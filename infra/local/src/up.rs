//! The commands that start and stop everything.

use std::{fs, path::Path, process::Command, sync::mpsc, thread, time::Instant};

use anyhow::{Context, Result, anyhow};

use crate::{
    aws::Aws,
    build::{self, Built},
    cloud, deploy, doctor, environment, install, logs,
    paths::Paths,
    postgres,
    process::run,
    progress::{say, seconds, step},
    state::{Credentials, State},
};

pub fn up(paths: &Paths, detach: bool) -> Result<()> {
    // Before minutes of building, not after.
    doctor::require()?;
    let lock = paths.lock()?;
    let begun = Instant::now();
    start(paths)?;
    let env = environment::of(paths)?;
    let of = |name: &str| env.get(name).map(String::as_str).unwrap_or_default();
    say(format_args!("Running after {}.", seconds(begun.elapsed())));
    say(format_args!("  API        {}", of("API_URL")));
    say(format_args!("  WebSocket  {}", of("WS_URL")));
    say(format_args!("  Docs       {}/docs", of("API_URL")));
    drop(lock);
    if detach {
        say("`cargo local logs` follows it, `cargo local down` stops it.");
        return Ok(());
    }
    say("Logs follow; Ctrl-C stops everything.");
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // The receiver is gone when we are already stopping.
        stop.send(()).ok();
    })?;
    let log = paths.log("functions");
    thread::spawn(move || logs::follow(&log, None, logs::From::Now));
    stopped.recv()?;
    eprintln!();
    down(paths)
}

fn start(paths: &Paths) -> Result<()> {
    let mut state = State::load(paths);
    let credentials = Credentials::load(paths)?;
    // pip waits for the network and cargo for the processor.
    let built = thread::scope(|scope| {
        let tools = scope.spawn(|| {
            install::postgres_bin(paths)?;
            install::cloud_python(paths)?;
            install::sam_python(paths)
        });
        let built = build::build(paths);
        tools.join().map_err(|_| anyhow!("the installation panicked"))??;
        built
    })?;
    let database = postgres::up(paths, &mut state, &credentials)?;
    let aws = cloud::up(paths, &mut state)?;
    migrate(paths, &state, &credentials, &built)?;
    postgres::set_passwords(paths, &database, &credentials).context("the roles of the first migration")?;
    let merchants = paths.root.join("infra/data/merchants.csv");
    if !merchants.exists() {
        eprintln!("No infra/data/merchants.csv; nothing to recognise merchants by");
    } else if !postgres::has_merchants(paths, &database)? {
        step("Importing merchants", || {
            tools(paths, &state, &credentials, &built, &["import-merchants".as_ref(), merchants.as_path()])
        })?;
    }
    deploy::deploy(paths, &mut state, &credentials, &built, &aws, &database, &deploy::Plan::default())?;
    Ok(())
}

pub fn migrate(paths: &Paths, state: &State, credentials: &Credentials, built: &Built) -> Result<()> {
    step("Migrating", || tools(paths, state, credentials, built, &["migrate".as_ref(), "up".as_ref()]))
}

fn tools(paths: &Paths, state: &State, credentials: &Credentials, built: &Built, args: &[&Path]) -> Result<()> {
    let environment = environment::of_database(state, credentials)?;
    run(environment::give(&mut Command::new(&built.tools), &environment).args(args).current_dir(&paths.root))
}

/// After a change of code or template.
pub fn redeploy(paths: &Paths, options: &deploy::Options) -> Result<()> {
    let _lock = paths.lock()?;
    let begun = Instant::now();
    let mut state = State::load(paths);
    let credentials = Credentials::load(paths)?;
    let server = state.cloud.as_ref().filter(|server| server.process.alive());
    let aws = Aws::at(server.context("nothing runs; `cargo local up` first")?.port);
    let database = postgres::address(&state, &credentials)?.context("no database; `cargo local up` first")?;
    let built = build::build(paths)?;
    // Who holds the release back has its own function migrate.
    if !options.hold {
        migrate(paths, &state, &credentials, &built)?;
    }
    let special = options.release.iter().map(|release| ("Release", release.clone())).collect();
    let plan = deploy::Plan { special, hold: options.hold };
    let changed = deploy::deploy(paths, &mut state, &credentials, &built, &aws, &database, &plan)?;
    let what = if changed { "Deployed" } else { "Nothing to deploy" };
    say(format_args!("{what} after {}", seconds(begun.elapsed())));
    Ok(())
}

pub fn down(paths: &Paths) -> Result<()> {
    let _lock = paths.lock()?;
    stop(paths)
}

fn stop(paths: &Paths) -> Result<()> {
    let mut state = State::load(paths);
    step("Stopping", || {
        cloud::down(paths, &mut state)?;
        postgres::down(paths, &mut state)
    })?;
    eprintln!("Stopped. `cargo local up` goes on where this ended.");
    Ok(())
}

pub fn reset(paths: &Paths) -> Result<()> {
    let _lock = paths.lock()?;
    stop(paths)?;
    if paths.cluster.exists() {
        fs::remove_dir_all(&paths.cluster)?;
    }
    for entry in fs::read_dir(&paths.state)? {
        let path = entry?.path();
        // The lock is held; whoever waits for it must wake up holding the same file.
        if path.file_name().is_some_and(|name| name == "lock") {
            continue;
        }
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    eprintln!("The data of this checkout is gone; a database named by DATABASE_URL is left alone.");
    Ok(())
}
