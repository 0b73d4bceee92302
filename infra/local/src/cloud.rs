//! The AWS on this machine: ministack, started through our launcher.

use std::{
    env,
    ffi::OsStr,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rustix::process::Signal;

use crate::{
    aws::{self, Aws},
    install,
    paths::Paths,
    postgres::port,
    process::{daemon, tail},
    progress::step,
    state::{Server, State},
};

pub fn up(paths: &Paths, state: &mut State) -> Result<Aws> {
    up_with(paths, state, &[])
}

/// The same, with something else in its environment, which functions inherit.
pub fn up_with(paths: &Paths, state: &mut State, special: &[(&str, String)]) -> Result<Aws> {
    if let Some(server) = &state.cloud
        && server.process.alive()
        && Aws::at(server.port).healthy()
    {
        return Ok(Aws::at(server.port));
    }
    down(paths, state)?;
    let python = install::cloud_python(paths)?;
    step("Starting the local AWS", || start(paths, state, &python, special))
}

fn start(paths: &Paths, state: &mut State, python: &std::path::Path, special: &[(&str, String)]) -> Result<Aws> {
    let port = port(state.cloud.as_ref().map(|server| server.port))?;
    let aws = Aws::at(port);
    let data = paths.state.join("cloud");
    let temporary = paths.state.join("tmp");
    std::fs::create_dir_all(&temporary)?;
    let log = paths.log("cloud");
    // A bare environment, for the functions inherit all of it: what happens to be set in a shell
    // must not decide how they behave. HOME is one of ours, or SDKs would read the user's ~/.aws.
    let mut command = Command::new(python);
    command
        .arg(paths.python("launcher.py"))
        .env_clear()
        .env("PATH", env::var_os("PATH").as_deref().unwrap_or(OsStr::new("/usr/bin:/bin")))
        .env("HOME", &temporary)
        .env("TMPDIR", &temporary)
        .env("BIND_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("MINISTACK_REGION", aws::REGION)
        .env("AWS_ENDPOINT_URL", aws.url(""))
        .env("LAMBDA_EXECUTOR", "local")
        // As on AWS there is an end to how many run at once, beyond which callers get 429. Each is a process here, with a
        // connection of PostgreSQL's four hundred.
        .env("LAMBDA_ACCOUNT_CONCURRENCY", "50")
        .env("DOCKER_HOST", "")
        // Otherwise it also listens on 8883, on every address.
        .env("IOT_MTLS_ENABLED", "0")
        .env("PERSIST_STATE", "1")
        .env("STATE_DIR", &data)
        .env("S3_PERSIST", "1")
        .env("S3_DATA_DIR", data.join("s3"))
        .env("LAMBDA_LOG", paths.log("functions"))
        .env("LOG_LEVEL", "WARNING")
        .envs(special.iter().map(|(name, value)| (name, value)))
        .current_dir(&temporary);
    // `cargo local coverage` says where functions leave what they count.
    command.envs(env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
    let process = daemon(&mut command, &log)?;
    state.cloud = Some(Server { port, process: process.clone() });
    state.save(paths)?;
    let until = Instant::now() + Duration::from_mins(1);
    while !aws.healthy() {
        if !process.alive() || Instant::now() > until {
            bail!("the local AWS did not start; its log ends with:\n{}", tail(&log, 2_000));
        }
        sleep(Duration::from_millis(100));
    }
    Ok(aws)
}

pub fn down(paths: &Paths, state: &mut State) -> Result<()> {
    if let Some(server) = &state.cloud {
        // It saves its state on SIGTERM, which takes a few seconds.
        server.process.stop(Signal::TERM, Duration::from_secs(30))?;
    }
    state.save(paths)
}
