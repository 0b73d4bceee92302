//! `cargo local coverage`: which lines of the domains the tests reach, over HTTP too. In a build of its own, whose functions
//! count what they run.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::{
    install,
    paths::Paths,
    process::{output, run},
    progress::{say, step},
    state::State,
    up,
};

#[derive(Args)]
pub struct Options {
    /// Domains to look at, such as `auth`; all when none is named
    #[arg(long)]
    domain: Vec<String>,
    /// Fail below so many percent of the lines of any domain
    #[arg(long, default_value_t = 95)]
    at_least: usize,
    /// Look at what the last run counted, without running anything
    #[arg(long)]
    again: bool,
    /// Add to what the last run counted: for the tests that it left out
    #[arg(long, conflicts_with = "again")]
    more: bool,
    /// Further arguments for `cargo nextest run`
    #[arg(last = true)]
    tests: Vec<String>,
}

const DOMAINS: &str = "shared/src/domain/";

pub fn measure(paths: &Paths, options: &Options) -> Result<()> {
    let python = install::coverage_python(paths)?;
    // Links between its libraries are made when it first starts.
    output(Command::new(&python).args(["-c", ""]))?;
    let tools = python.parent().context("a program is in a folder")?;
    let counts = paths.state.join("coverage");
    if !options.again {
        count(paths, &counts, options)?;
    }
    let lines = step("Reading what was counted", || lines(paths, tools, &counts))?;
    let excluded = fs::read_to_string(paths.root.join("infra/local/coverage.txt"))?;
    let report = report(paths, &lines, &exclusions(&excluded)?, &options.domain)?;
    let short: Vec<_> = report.iter().filter(|(_, domain)| domain.share() < options.at_least * 100).collect();
    for (name, domain) in &report {
        let share = domain.share();
        say(format_args!("{name}: {}.{:02} % of {} lines", share / 100, share % 100, domain.lines));
    }
    ensure!(!report.is_empty(), "there is no such domain");
    ensure!(short.is_empty(), "below {} %: see above for the lines", options.at_least);
    Ok(())
}

/// Runs the tests on a build that counts.
fn count(paths: &Paths, counts: &Path, options: &Options) -> Result<()> {
    let found_running = State::load(paths).running();
    // Functions get their environment from the local AWS, which must be started with ours.
    up::down(paths)?;
    if counts.exists() && !options.more {
        fs::remove_dir_all(counts)?;
    }
    fs::create_dir_all(counts)?;
    let ran = run(counting(paths, Command::new(env::current_exe()?))
        .env("LLVM_PROFILE_FILE", counts.join("%8m%c.profraw"))
        .args(["test", "--"])
        .args(&options.tests));
    up::down(paths)?;
    if found_running {
        up::up(paths, true)?;
    }
    ran
}

/// With a build that counts, in the cache: nothing of it gets among what is deployed.
fn counting(paths: &Paths, mut command: Command) -> Command {
    command
        .env("CARGO_TARGET_DIR", paths.cache.join("coverage"))
        .env("RUSTC_WORKSPACE_WRAPPER", paths.root.join("infra/local/instrumented.sh"))
        .env("SQLX_OFFLINE", "true")
        .current_dir(&paths.root);
    command
}

/// How often each line ran, by file and number.
type Lines = BTreeMap<String, BTreeMap<usize, u64>>;

fn lines(paths: &Paths, tools: &Path, counts: &Path) -> Result<Lines> {
    let all = counts.join("all.profdata");
    let files = fs::read_dir(counts)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    let files = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "profraw"));
    // A function that is ended while it writes leaves a file that cannot be read, which says nothing of the others.
    let merge = ["merge", "-sparse", "-failure-mode=all", "-o"];
    output(Command::new(tools.join("llvm-profdata")).args(merge).arg(&all).args(files))?;
    let mut export = Command::new(tools.join("llvm-cov"));
    export.args(["export", "--format=lcov", "--skip-functions", "-instr-profile"]).arg(&all);
    for (place, binary) in binaries(paths)?.iter().enumerate() {
        if place > 0 {
            export.arg("-object");
        }
        export.arg(binary);
    }
    Ok(read(&output(export.arg("-sources").arg(paths.root.join(DOMAINS)))?, &paths.root))
}

/// The bootstrap and all tests.
fn binaries(paths: &Paths) -> Result<Vec<PathBuf>> {
    let list = ["nextest", "list", "--workspace", "--list-type", "binaries-only", "--message-format", "json"];
    let listed = output(counting(paths, Command::new(install::cargo())).args(list))?;
    let listed: Value = serde_json::from_str(&listed)?;
    let tests = listed.get("rust-binaries").and_then(Value::as_object).context("nextest lists no tests")?;
    let path = |test: &Value| test.get("binary-path").and_then(Value::as_str).map(PathBuf::from);
    let mut all = vec![paths.cache.join("coverage/debug/bootstrap")];
    all.extend(tests.values().filter_map(path));
    Ok(all)
}

/// What `llvm-cov` says in the format of lcov.
fn read(text: &str, root: &Path) -> Lines {
    let (mut lines, mut file) = (Lines::new(), String::new());
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("SF:") {
            file = Path::new(path).strip_prefix(root).unwrap_or(Path::new(path)).display().to_string();
        } else if let Some((number, count)) = line.strip_prefix("DA:").and_then(|line| line.split_once(','))
            && let (Ok(number), Ok(count)) =
                (number.parse(), count.split(',').next().unwrap_or_default().parse::<u64>())
        {
            let ran = lines.entry(file.clone()).or_default().entry(number).or_default();
            *ran = count.max(*ran);
        }
    }
    lines
}

/// A line that no test reaches, and why.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Exclusion {
    file: String,
    part: String,
}

fn exclusions(text: &str) -> Result<BTreeSet<Exclusion>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let one = |line: &str| {
        let mut parts = line.splitn(3, " | ").map(str::trim).filter(|part| !part.is_empty());
        let (Some(file), Some(part), Some(_)) = (parts.next(), parts.next(), parts.next()) else {
            anyhow::bail!("infra/local/coverage.txt: \"{line}\" is not file | line | reason");
        };
        Ok(Exclusion { file: file.to_owned(), part: part.to_owned() })
    };
    lines.map(one).collect()
}

#[derive(Default)]
struct Domain {
    reached: usize,
    lines: usize,
}

impl Domain {
    /// In hundredths of a percent, rounded down: 100 % is all of them.
    fn share(&self) -> usize {
        self.reached * 10_000 / self.lines.max(1)
    }
}

/// Prints each file's figures and the lines that are not reached.
fn report(
    paths: &Paths,
    lines: &Lines,
    excluded: &BTreeSet<Exclusion>,
    asked: &[String],
) -> Result<BTreeMap<String, Domain>> {
    let (mut domains, mut used) = (BTreeMap::<String, Domain>::new(), BTreeSet::new());
    for (path, counts) in lines {
        let Some(file) = path.strip_prefix(DOMAINS).filter(|file| !file.contains("/tests")) else { continue };
        let name = file.split(['/', '.']).next().unwrap_or_default();
        if !asked.is_empty() && !asked.iter().any(|one| one == name) {
            continue;
        }
        let source = fs::read_to_string(paths.root.join(path))?;
        let (total, missed) = missed(file, &source, counts, excluded, &mut used);
        let domain = domains.entry(name.to_owned()).or_default();
        domain.lines += total;
        domain.reached += total - missed.len();
        say(format_args!("{:>5}/{total:<5} {file}", total - missed.len()));
        for (number, text) in missed {
            say(format_args!("{number:>17}  {text}"));
        }
    }
    let of = |one: &&Exclusion| domains.contains_key(one.file.split(['/', '.']).next().unwrap_or_default());
    let idle: Vec<_> = excluded.iter().filter(of).filter(|one| !used.contains(one)).collect();
    ensure!(idle.is_empty(), "infra/local/coverage.txt excludes what is reached, or not there: {idle:?}");
    Ok(domains)
}

/// How many lines count, and which of them were not reached.
fn missed<'a, 's>(
    file: &str,
    source: &'s str,
    counts: &BTreeMap<usize, u64>,
    excluded: &'a BTreeSet<Exclusion>,
    used: &mut BTreeSet<&'a Exclusion>,
) -> (usize, Vec<(usize, &'s str)>) {
    let (mut total, mut missed) = (0, Vec::new());
    // Tests stand at the end.
    let code = source.lines().take_while(|line| *line != "#[cfg(test)]");
    for (number, text) in code.enumerate().map(|(place, text)| (place + 1, text)) {
        let Some(count) = counts.get(&number) else { continue };
        let reason = excluded.iter().find(|one| one.file == file && text.contains(one.part.as_str()));
        if let Some(reason) = reason.filter(|_| *count == 0) {
            used.insert(reason);
            continue;
        }
        total += 1;
        if *count == 0 {
            missed.push((number, text));
        }
    }
    (total, missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_counts_where_any_binary_ran_it() {
        let text = "SF:/house/shared/src/domain/a.rs\nDA:1,0\nDA:2,3\nend_of_record\nSF:/house/shared/src/domain/a.rs\nDA:1,1,x\nDA:2,0\n";
        let lines = read(text, Path::new("/house"));
        assert_eq!(lines, BTreeMap::from([("shared/src/domain/a.rs".to_owned(), BTreeMap::from([(1, 1), (2, 3)]))]));
    }

    #[test]
    fn excluded_lines_and_tests_do_not_count() -> Result<()> {
        let excluded = exclusions("# why\n\na.rs | Err(away) | nothing goes away there\n")?;
        let source = "fn a() {\n    Err(away)\n    lost\n}\n#[cfg(test)]\nmod tests {\n}";
        let counts = BTreeMap::from([(1, 1), (2, 0), (3, 0), (6, 0)]);
        let mut used = BTreeSet::new();
        assert_eq!(missed("a.rs", source, &counts, &excluded, &mut used), (2, vec![(3, "    lost")]));
        assert_eq!(used.len(), 1);
        assert!(exclusions("a.rs | Err(away)\n").is_err(), "without a reason");
        Ok(())
    }
}
