//! What `cargo local` does for us: it knows how to build and pack, and where the SAM CLI is.

use std::{
    env,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The checkout that we are in.
pub fn root() -> Result<PathBuf> {
    let here = env::current_dir()?;
    let is_root = |dir: &Path| dir.join("template.yaml").is_file() && dir.join("infra/ship").is_dir();
    let found = here.ancestors().find(|dir| is_root(dir));
    Ok(found
        .with_context(|| {
            format!("run this inside a checkout of Tallybook: no template.yaml in {} or above", here.display())
        })?
        .to_owned())
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg("local").args(args);
    command
}

/// Runs it, its output being ours.
pub fn run(args: &[&str]) -> Result<()> {
    let name = args.first().copied().unwrap_or_default();
    let status = command(args).status().context("cargo cannot be run")?;
    if !status.success() {
        bail!("`cargo local {name}` failed: see above");
    }
    Ok(())
}

/// Runs it and returns what it says.
pub fn output(args: &[&str]) -> Result<String> {
    let out = command(args).stdin(Stdio::null()).stderr(Stdio::inherit()).output().context("cargo cannot be run")?;
    if !out.status.success() {
        bail!("`cargo local {}` failed: see above", args.first().copied().unwrap_or_default());
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// What git says.
pub fn git(args: &[&str]) -> Result<String> {
    let out = Command::new("git").args(args).output().context("git cannot be run")?;
    if !out.status.success() {
        bail!("git {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}
