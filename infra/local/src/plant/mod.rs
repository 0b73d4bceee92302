//! `cargo local plant`: puts each bug of `tests/planted` into a copy of this checkout, and demands that the tests it names fail.

mod copy;
mod list;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use time::OffsetDateTime;

use crate::{
    environment::{self, Environment},
    install::{NEXTEST, cargo_tool},
    paths::Paths,
    postgres,
    process::output,
    progress::{say, seconds, step},
    run,
};
use copy::Tree;
use list::{Bug, Suite};

#[derive(Args)]
pub struct Options {
    /// Bugs whose names contain one of these; all when none is named
    names: Vec<String>,
    /// Those of this suite alone
    #[arg(long)]
    suite: Vec<Suite>,
    /// Take it for granted that the tests succeed without a bug, which is else tried first
    #[arg(long)]
    sure: bool,
    /// Say which there are, and plant none
    #[arg(long)]
    list: bool,
}

/// What became of a bug.
enum Outcome {
    /// These tests failed.
    Caught(BTreeSet<String>),
    Survived,
    /// It could not be tried: why.
    Void(String),
}

pub fn plant(paths: &Paths, options: &Options) -> Result<()> {
    let bugs = list::read(paths, &options.names, &options.suite)?;
    if options.list {
        for bug in &bugs {
            say(format_args!("{:<44} {:<8} {}", bug.name, bug.properties, bug.file));
        }
        return Ok(());
    }
    let left = run::with_scratch_database(paths, "tallybook_planted", |address, state, credentials| {
        let mut environment = environment::of_database(state, credentials)?;
        environment.insert("DATABASE_URL".into(), address.url(None));
        postgres::set_passwords(paths, address, credentials)?;
        let tree = step("Copying the checkout", || Tree::of(paths))?;
        let grounds = Grounds { nextest: cargo_tool(paths, &NEXTEST)?, tree, environment };
        let sound = if options.sure { Ok(()) } else { grounds.are_sound(&bugs) };
        let left = sound.and_then(|()| grounds.try_all(paths, &bugs));
        if bugs.iter().any(|bug| bug.suite == Suite::Blackbox) {
            grounds.stop_cloud()?;
        }
        left
    })?;
    ensure!(left.is_empty(), "not caught: {}", left.join(", "));
    Ok(())
}

/// Where bugs are planted.
struct Grounds {
    nextest: PathBuf,
    tree: Tree,
    environment: Environment,
}

impl Grounds {
    /// Without a bug the tests succeed: else their failing would say nothing.
    fn are_sound(&self, bugs: &[Bug]) -> Result<()> {
        let mut suites = BTreeMap::<Suite, BTreeSet<&String>>::new();
        for bug in bugs {
            suites.entry(bug.suite).or_default().extend(&bug.tests);
        }
        for (suite, tests) in suites {
            let tests: Vec<_> = tests.into_iter().cloned().collect();
            match step(&format!("{suite:?} tests without a bug"), || self.run(suite, &tests, false))? {
                Outcome::Survived => {}
                Outcome::Caught(tests) => bail!("these fail without a bug: {tests:?}"),
                Outcome::Void(why) => bail!("{why}"),
            }
        }
        Ok(())
    }

    /// The names of those that were not caught.
    fn try_all(&self, paths: &Paths, bugs: &[Bug]) -> Result<Vec<String>> {
        let mut left = Vec::new();
        for (number, bug) in bugs.iter().enumerate() {
            let begun = Instant::now();
            let outcome = self.try_one(bug)?;
            let (word, by) = match &outcome {
                Outcome::Caught(tests) => ("caught", tests.iter().cloned().collect::<Vec<_>>().join(", ")),
                Outcome::Survived => ("SURVIVED", bug.tests.join(", ")),
                Outcome::Void(why) => ("VOID", why.clone()),
            };
            let took = seconds(begun.elapsed());
            say(format_args!("{:>3}/{} {word:<8} {} ({took}): {by}", number + 1, bugs.len(), bug.name));
            match outcome {
                Outcome::Caught(tests) => record(paths, bug, &tests)?,
                Outcome::Survived | Outcome::Void(_) => left.push(bug.name.clone()),
            }
        }
        say(format_args!("{} of {} were caught.", bugs.len() - left.len(), bugs.len()));
        Ok(left)
    }

    fn try_one(&self, bug: &Bug) -> Result<Outcome> {
        let file = self.tree.root.join(&bug.file);
        let text = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        let planted = match bug.plant(&text) {
            Ok(planted) => planted,
            Err(error) => return Ok(Outcome::Void(error.to_string())),
        };
        fs::write(&file, planted)?;
        let outcome = self.run(bug.suite, &bug.tests, bug.is_sql());
        fs::write(&file, text)?;
        outcome
    }

    fn run(&self, suite: Suite, tests: &[String], online: bool) -> Result<Outcome> {
        let environment = match suite {
            Suite::Unit | Suite::Postgres => self.environment.clone(),
            Suite::Blackbox => match self.deployed()? {
                Ok(environment) => environment,
                // What does not compile must not be taken for what fails.
                Err(said) => return Ok(Outcome::Void(excerpt(&said))),
            },
        };
        let names = tests.iter().map(|test| format!("test({test})")).collect::<Vec<_>>().join(" or ");
        let mut command = Command::new(&self.nextest);
        environment::give(&mut command, &environment)
            .args(["nextest", "run", "--package"])
            .args(match suite {
                Suite::Unit => ["shared", "--lib"].as_slice(),
                Suite::Postgres => &["shared", "--test", "postgres"],
                Suite::Blackbox => &["tests", "--test", "blackbox"],
            })
            // A statement that `.sqlx` does not know is described by the database.
            .env("SQLX_OFFLINE", if online { "false" } else { "true" })
            // A bug may have a test run for ever.
            .args(["--tool-config-file", &format!("tallybook:{}", self.tree.timeouts.display())])
            .args(["--filterset", &names]);
        let (succeeded, said) = self.tree.say(&mut command)?;
        let failed: BTreeSet<_> = said.lines().filter_map(failure).collect();
        Ok(match (succeeded, failed.is_empty()) {
            (true, true) => Outcome::Survived,
            (false, false) => Outcome::Caught(failed),
            _ => Outcome::Void(excerpt(&said)),
        })
    }

    /// Has the copy's own cloud run what the copy is now; what was said if that fails.
    fn deployed(&self) -> Result<Result<Environment, String>> {
        let (succeeded, said) = self.tree.say(Command::new(env::current_exe()?).args(["up", "--detach"]))?;
        if !succeeded {
            return Ok(Err(said));
        }
        let addresses = output(self.tree.settle(Command::new(env::current_exe()?).args(["env", "--json"])))?;
        Ok(Ok(serde_json::from_str(&addresses)?))
    }

    fn stop_cloud(&self) -> Result<()> {
        self.tree.say(Command::new(env::current_exe()?).arg("down")).map(drop)
    }
}

/// The name of the test that a line of nextest's says has failed.
fn failure(line: &str) -> Option<String> {
    let (word, rest) = line.trim_start().split_once('[')?;
    let failed = ["FAIL", "TIMEOUT", "SIGABRT", "SIGSEGV", "ABORT"].iter().any(|one| word.trim_end().ends_with(one));
    let name = rest.split_once(']')?.1.split_whitespace().last()?;
    failed.then(|| name.to_owned())
}

/// What went wrong: the first error of the compiler, or the end of what was said.
fn excerpt(said: &str) -> String {
    let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let at = lines.iter().position(|line| line.starts_with("error")).unwrap_or(lines.len().saturating_sub(8));
    lines.iter().skip(at).take(8).copied().collect::<Vec<_>>().join("\n        ")
}

/// Writes down which tests caught a bug, and when.
fn record(paths: &Paths, bug: &Bug, tests: &BTreeSet<String>) -> Result<()> {
    let file = paths.root.join("docs/planted-bugs.md");
    let text = fs::read_to_string(&file)?;
    let (head, table) = text.split_once("|---|---|---|---|\n").context("docs/planted-bugs.md has no table")?;
    let mut rows: BTreeSet<String> = table.lines().map(str::to_owned).collect();
    let beginning = format!("| `{}` |", bug.name);
    rows.retain(|row| !row.starts_with(&beginning));
    let by = tests.iter().take(3).map(|test| format!("`{test}`")).collect::<Vec<_>>().join(", ");
    let more = if tests.len() > 3 { format!(" and {} more", tests.len() - 3) } else { String::new() };
    let today = OffsetDateTime::now_utc().date();
    rows.insert(format!("{beginning} {} | {by}{more} | {today} |", bug.properties));
    let rows = rows.iter().fold(String::new(), |table, row| table + row + "\n");
    Ok(fs::write(&file, format!("{head}|---|---|---|---|\n{rows}"))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_test_is_told_from_one_that_succeeded() {
        let name = |line| failure(line).unwrap_or_default();
        assert_eq!(
            name("        FAIL [   0.012s] (1/3) shared domain::money::tests::odd"),
            "domain::money::tests::odd"
        );
        assert_eq!(name("     TIMEOUT [ 120.000s] (2/3) shared::postgres tx::a"), "tx::a");
        assert_eq!(name("        PASS [   0.012s] (3/3) shared::postgres tx::a"), "");
        assert_eq!(name("error[E0308]: mismatched types"), "");
    }
}
