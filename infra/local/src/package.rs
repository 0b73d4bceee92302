//! What `cargo ship` needs of this crate: the zip as AWS gets it, and the SAM CLI with its credentials.

use std::{env, process::Command};

use anyhow::{Context, Result, ensure};

use crate::{
    build::{self, Compression},
    install,
    paths::Paths,
    process::run,
    progress::{say, step},
    state::State,
};

/// Builds the bootstrap as AWS gets it, once for all functions, and prints where the zip lies.
pub fn package(paths: &Paths, arch: &str) -> Result<()> {
    let here = env::consts::ARCH.replace("aarch64", "arm64");
    ensure!(
        here == arch,
        "this machine is {here}, and a bootstrap for {arch} is built on {arch}: the deploy workflow does it on a runner of that \
         kind (docs/deployment.md)"
    );
    let _lock = paths.lock()?;
    step("Building the release", || {
        run(Command::new(install::cargo())
            .args(["build", "--quiet", "--release", "--locked", "--package", "bootstrap"])
            .env("SQLX_OFFLINE", "true")
            .env_remove("DATABASE_URL")
            .current_dir(&paths.root))
    })?;
    let bootstrap = build::target(paths)?.join("release/bootstrap");
    let mut state = State::load(paths);
    build::pack(paths, &mut state, &bootstrap, arch, Compression::Best)?;
    say(paths.zip().display());
    Ok(())
}

/// The SAM CLI in our version, with the shell's own profile.
pub fn sam(paths: &Paths, args: &[String]) -> Result<()> {
    run(Command::new(install::sam_python(paths)?)
        .args(["-m", "samcli"])
        .args(args)
        .env("SAM_CLI_TELEMETRY", "0")
        .current_dir(&paths.root))
}

/// They are printed for a pipe alone: `cargo ship` reads them.
pub fn credentials(paths: &Paths) -> Result<()> {
    run(Command::new(install::sam_python(paths)?).arg(paths.python("credentials.py"))).context("no credentials")
}
