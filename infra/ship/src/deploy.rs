//! A deployment, from the refusals to the alarms.

use std::{
    collections::BTreeSet,
    fs,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use ship::{
    lambda,
    release::{self, Move, Published},
    smoke, stack, watch,
};
use time::{OffsetDateTime, macros::format_description};

use crate::{local, refuse, stage::Stage};

#[derive(clap::Args)]
pub struct Options {
    /// local, dev, staging or prod
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(crate::stage::STAGES))]
    stage: String,
    /// What the functions run on; arm64 is built on an arm64 machine
    #[arg(long, default_value = "x86_64", value_parser = ["x86_64", "arm64"])]
    arch: String,
    /// Minutes to watch the alarms afterwards
    #[arg(long, default_value_t = 5)]
    watch: u64,
    /// Go on where the last deployment was cut off
    #[arg(long)]
    resume: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Parameters of template.yaml, as Name=Value; what is not named stays as it is
    #[arg(last = true)]
    parameters: Vec<String>,
}

/// The zip may be so large: what a cold start has to load. It has 4.9 MB for x86-64; for arm64, where the tables of unwinding
/// stay in (`functions/bootstrap/build.rs`), about half a megabyte more.
const LARGEST: u64 = 6_000_000;
/// One call of the function that migrates: a connection on which nothing is said for four minutes is cut on the way out of many
/// networks, GitHub's runners' among them.
const CALL: &str = r#"{"seconds": 150}"#;
const PATIENCE: Duration = Duration::from_secs(200);
/// An hour and a half in all.
const CALLS: u32 = 36;

pub fn run(options: &Options) -> Result<()> {
    let begun = Instant::now();
    let say = |what: &str| eprintln!("[{:>4} s] {what}", begun.elapsed().as_secs());
    if options.stage != "local" {
        refuse::unclean(&options.stage)?;
    }
    let stage = Stage::open(&options.stage)?;
    say(&format!("{} in {}", stage.stack, stage.place));
    let status = refuse::unfinished(&stage)?;
    let serving = if status.is_some() { serving(&stage, options.resume)? } else { None };
    say(&format!("Serving now: {}", serving.as_deref().unwrap_or("nothing")));
    refuse::migrations(&stage, serving.as_deref())?;
    refuse::unless_meant(&stage, "This deploys to", options.yes)?;

    let name = name(&stage)?;
    say(&format!("Release {name}"));
    templates(&stage, options, &name, &say)?;
    migrate(&stage, &say)?;
    let (published, moves) = publish(&stage, &name, &say)?;
    try_out(&stage, &published, &moves, &say)?;

    let ringing = watch::ringing(&stage.aws, &stage.name)?;
    if !ringing.is_empty() {
        say(&format!("Already ringing, and no reason to go back: {}", list(&ringing)));
    }
    release::go(&stage.aws, &moves)?;
    say(&format!("All {} functions are called as {name}", moves.len()));
    watch_over(&stage, options, &moves, &ringing, &say)?;

    let names: Vec<_> = published.into_iter().map(|one| one.name).collect();
    let gone = release::prune(&stage.aws, &names).context("the release serves; old versions could not be deleted")?;
    say(&format!("Done. {gone} old versions were deleted"));
    Ok(())
}

/// The release that most functions are called as.
fn serving(stage: &Stage, resume: bool) -> Result<Option<String>> {
    let all = release::standing(&stage.aws, &stack::functions(&stage.aws, &stage.stack)?)?;
    if !resume {
        refuse::half_moved(&all)?;
    }
    let called = release::called(&all);
    Ok(called.into_iter().max_by_key(|(_, count)| *count).map(|(release, _)| release.to_owned()))
}

/// When, and of which commit: no two deployments are called the same.
fn name(stage: &Stage) -> Result<String> {
    let at = OffsetDateTime::now_utc().format(format_description!("[year][month][day]T[hour][minute][second]"))?;
    let commit = match local::git(&["rev-parse", "--short=12", "HEAD"]) {
        Err(_) if stage.is_local() => "local".to_owned(),
        commit => commit?,
    };
    Ok(format!("{at}-{commit}"))
}

/// Builds, packs and deploys everything but what callers are sent to.
fn templates(stage: &Stage, options: &Options, name: &str, say: &dyn Fn(&str)) -> Result<()> {
    if stage.is_local() {
        say("Building and deploying to the local cloud");
        return local::run(&["deploy", "--release", name, "--hold"]);
    }
    say("Checking the templates");
    local::run(&["lint"])?;
    say(&format!("Building for {}; some minutes", options.arch));
    let zip = local::output(&["package", "--arch", &options.arch])?;
    let size = fs::metadata(&zip).with_context(|| format!("no {zip}"))?.len();
    ensure!(size <= LARGEST, "{zip} has {size} bytes, more than {LARGEST}: look for what grew with `cargo bloat`");
    say(&format!("{zip}: {size} bytes. Deploying the stacks"));
    let mut overrides =
        vec![format!("Stage={}", stage.name), format!("Release={name}"), format!("Architecture={}", options.arch)];
    overrides.extend(options.parameters.iter().cloned());
    let mut args =
        vec!["sam", "deploy", "--config-env", &stage.name, "--no-confirm-changeset", "--parameter-overrides"];
    args.extend(overrides.iter().map(String::as_str));
    local::run(&args).context(
        "the stacks were not deployed, CloudFormation puts back what it changed, and everybody is served as before. \
         `aws cloudformation describe-stack-events` says what failed",
    )
}

/// Brings the database to this release, while the one before serves.
fn migrate(stage: &Stage, say: &dyn Fn(&str)) -> Result<()> {
    say("Migrating");
    for _ in 0..CALLS {
        let answer = lambda::invoke(&stage.aws, &stage.migrate(), "$LATEST", CALL, PATIENCE)?;
        if answer.status >= 300 || answer.function_error.is_some() {
            bail!(
                "the database was not migrated, and everybody is served as before: {}. Mend it and deploy again; what was applied \
                 stays, and the release that serves can live with it",
                answer.message()
            );
        }
        let said: Value = serde_json::from_str(&answer.body)?;
        let applied = said.get("applied").and_then(Value::as_array).map_or(0, Vec::len);
        let version = said.get("version").and_then(Value::as_i64).unwrap_or_default();
        if said.get("done").and_then(Value::as_bool) == Some(true) {
            say(&format!("The database is at version {version}; {applied} migrations were applied in this call"));
            return Ok(());
        }
        say(&format!("At version {version}: {}", said.get("working").and_then(Value::as_str).unwrap_or("it goes on")));
    }
    bail!("after {CALLS} calls the database is still being migrated: deploy again, it goes on where it is")
}

fn publish(stage: &Stage, name: &str, say: &dyn Fn(&str)) -> Result<(Vec<Published>, Vec<Move>)> {
    let names = stack::functions(&stage.aws, &stage.stack)?;
    let before = release::standing(&stage.aws, &names)?;
    say(&format!("Publishing a version of {} functions", names.len()));
    let published = release::publish(&stage.aws, &names)?;
    let others: Vec<_> =
        published.iter().filter(|one| one.version.release != name).map(|one| one.name.as_str()).collect();
    ensure!(
        others.is_empty(),
        "{} functions have not become {name}, {} among them: somebody else deploys. Nobody was sent to it; deploy again",
        others.len(),
        others.first().copied().unwrap_or_default()
    );
    let moves = release::forward(&before, &published, &|handler| stage.events.is_worker(handler));
    Ok((published, moves))
}

/// Calls each version once. Those of a release that fails are taken away again.
fn try_out(stage: &Stage, published: &[Published], moves: &[Move], say: &dyn Fn(&str)) -> Result<()> {
    say("Trying each version");
    let faults = smoke::faults(&stage.aws, &stage.events, published);
    if faults.is_empty() {
        return Ok(());
    }
    let new: Vec<_> = moves.iter().filter(|one| one.to != one.from.version).map(|one| &one.name).collect();
    let new: Vec<_> = published.iter().filter(|one| new.contains(&&one.name)).cloned().collect();
    release::discard(&stage.aws, &new)?;
    bail!(
        "{} of {} versions fail, so nobody was sent to any of them; everybody is served as before:\n{}",
        faults.len(),
        published.len(),
        faults.join("\n")
    )
}

/// Looks at the alarms for a while, and sends everybody back when one rings.
fn watch_over(
    stage: &Stage,
    options: &Options,
    moves: &[Move],
    before: &BTreeSet<String>,
    say: &dyn Fn(&str),
) -> Result<()> {
    let told = |left: Duration| {
        if left.as_secs() % 60 < 10 {
            say(&format!("Watching the alarms for {} s more", left.as_secs()));
        }
    };
    let time = Duration::from_secs(options.watch * 60);
    if let Some(alarms) = watch::first_alarm(&stage.aws, &stage.name, before, time, &told)? {
        say(&format!("{} rings: everybody is sent back", list(&alarms)));
        release::take_back(&stage.aws, moves)?;
        bail!(
            "{} rang after the release, and everybody was sent back to the one before. docs/operations.md says what the alarm \
             means; the new versions are kept to be looked at",
            list(&alarms)
        );
    }
    Ok(())
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
