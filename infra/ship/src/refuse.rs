//! What is not begun, and why: each with the sentence that says what to do.

use std::io::{BufRead, IsTerminal, stdin};

use anyhow::{Context, Result, bail, ensure};
use ship::{release::Standing, stack};

use crate::{guard, local, stage::Stage};

/// Only what is committed, and outside dev only what everybody has.
pub fn unclean(stage: &str) -> Result<()> {
    let changed = local::git(&["status", "--porcelain"])?;
    ensure!(
        changed.is_empty(),
        "there are changes that are not committed: commit or stash them, so that what is deployed can be found again\n{}",
        changed.lines().take(10).collect::<Vec<_>>().join("\n")
    );
    if stage == "dev" {
        return Ok(());
    }
    let on_main = local::git(&["merge-base", "--is-ancestor", "HEAD", "origin/main"]).is_ok();
    ensure!(
        on_main,
        "this commit is not on origin/main: {stage} takes what was merged. Merge it, `git fetch`, check it out"
    );
    Ok(())
}

/// Migrations that the release which serves could not live with.
pub fn migrations(stage: &Stage, serving: Option<&str>) -> Result<()> {
    let released = match serving.and_then(|release| release.rsplit_once('-')) {
        Some((_, commit)) if !stage.is_local() => Some(newest_of(commit)?),
        _ => None,
    };
    let found = guard::refusals(&guard::migrations(&stage.root)?, released);
    if !found.is_empty() {
        let list: Vec<_> = found.iter().map(ToString::to_string).collect();
        bail!("{} migrations would hurt the release that serves:\n{}", found.len(), list.join("\n"));
    }
    Ok(())
}

/// The newest migration of the commit that serves.
fn newest_of(commit: &str) -> Result<u32> {
    let files = local::git(&["ls-tree", "--name-only", commit, "migrations/"])
        .with_context(|| format!("commit {commit}, which serves, is not here: `git fetch`"))?;
    let numbers = files.lines().filter_map(|path| path.rsplit('/').next()?.split('_').next()?.parse().ok());
    Ok(numbers.max().unwrap_or(0))
}

/// A stack that something is still done to, or that was left half-way.
pub fn unfinished(stage: &Stage) -> Result<Option<String>> {
    let status = stack::status(&stage.aws, &stage.stack)?;
    if let Some(status) = &status {
        if status.ends_with("_IN_PROGRESS") {
            bail!("stack {} is {status}: somebody deploys. Wait until it is done", stage.stack);
        }
        if status.ends_with("_FAILED") || status == "ROLLBACK_COMPLETE" {
            bail!(
                "stack {} is {status}: mend it first. `aws cloudformation describe-stack-events --stack-name {}` says what failed; \
                 UPDATE_ROLLBACK_FAILED goes on with `continue-update-rollback`, ROLLBACK_COMPLETE has to be deleted",
                stage.stack,
                stage.stack
            );
        }
    }
    Ok(status)
}

/// Functions of which some were moved and some not.
pub fn half_moved(all: &[Standing]) -> Result<()> {
    let mut written: Vec<_> = all
        .iter()
        .filter_map(|one| one.alias.description.split([' ', ',']).next())
        .filter(|name| !name.is_empty())
        .collect();
    written.sort_unstable();
    written.dedup();
    ensure!(
        written.len() <= 1,
        "the last deployment did not reach all functions: {} are called side by side. `cargo ship status` says which; then \
         `cargo ship rollback STAGE --to RELEASE`, or `cargo ship deploy STAGE --resume` goes on",
        written.join(" and ")
    );
    Ok(())
}

/// Asks a person, where there is one.
pub fn unless_meant(stage: &Stage, what: &str, yes: bool) -> Result<()> {
    if yes || stage.name != "prod" {
        return Ok(());
    }
    ensure!(stdin().is_terminal(), "{what} prod needs --yes where nobody can be asked");
    eprintln!("{what} prod ({}). Type prod to go on:", stage.place);
    let mut line = String::new();
    stdin().lock().read_line(&mut line)?;
    ensure!(line.trim() == "prod", "nothing was done");
    Ok(())
}
