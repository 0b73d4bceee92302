//! `cargo local security`: what checkov thinks unsafe in the templates, without what is meant to be so.

use std::{collections::BTreeSet, fmt, fs, process::Command};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{deploy, install, paths::Paths, process::output, progress::step};

/// What is meant to be so.
const MEANT: &str = "infra/checkov.txt";

#[derive(Deserialize)]
struct Report {
    results: Results,
    summary: Summary,
}

#[derive(Deserialize)]
struct Results {
    failed_checks: Vec<Failed>,
}

#[derive(Deserialize)]
struct Summary {
    parsing_errors: u32,
    resource_count: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
struct Failed {
    check_id: String,
    check_name: String,
    /// From the root, with a slash before it.
    file_path: String,
    /// Type and name, with a dot between.
    resource: String,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} | {}:{} | {}",
            self.check_id,
            self.file_path.trim_start_matches('/'),
            self.resource,
            self.check_name
        )
    }
}

/// A line of the file: `check | file:Type.Name | why`, in which `*` stands for anything.
#[derive(Clone, Debug)]
struct Meant<'a> {
    line: &'a str,
    check: &'a str,
    place: &'a str,
}

impl Meant<'_> {
    fn covers(&self, failed: &Failed) -> bool {
        let place = format!("{}:{}", failed.file_path.trim_start_matches('/'), failed.resource);
        failed.check_id == self.check && matches(self.place, &place)
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text
            .strip_prefix(before)
            .is_some_and(|rest| (0..=rest.len()).filter_map(|at| rest.get(at..)).any(|rest| matches(after, rest))),
    }
}

fn meant(text: &str) -> Result<Vec<Meant<'_>>> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut parts = line.splitn(3, " | ");
            let (check, place, why) = (parts.next(), parts.next(), parts.next());
            let (Some(check), Some(place), Some(_)) = (check, place, why) else {
                anyhow::bail!("{MEANT}: `{line}` is not `check | file:Type.Name | why`");
            };
            Ok(Meant { line, check, place })
        })
        .collect()
}

/// What nobody meant, and what is meant and not there any more.
fn compare(report: &[Failed], meant: &[Meant<'_>]) -> Vec<String> {
    let unmeant = report.iter().filter(|failed| !meant.iter().any(|one| one.covers(failed)));
    let mut found: Vec<_> = unmeant.collect::<BTreeSet<_>>().into_iter().map(ToString::to_string).collect();
    let gone = meant.iter().filter(|one| !report.iter().any(|failed| one.covers(failed)));
    found.extend(gone.map(|one| format!("in {MEANT}, and not so any more: {}", one.line)));
    found
}

/// Offline: its rules come with it.
pub fn examine(paths: &Paths) -> Result<()> {
    let python = install::checkov_python(paths)?;
    let mut checkov = Command::new(python);
    checkov.args([
        "-m",
        "checkov.main",
        "--framework",
        "cloudformation",
        "--skip-download",
        "--compact",
        "--quiet",
        "--soft-fail",
    ]);
    checkov.args(["--output", "json"]).current_dir(&paths.root);
    for file in deploy::templates(paths)? {
        checkov.arg("--file").arg(file.strip_prefix(&paths.root)?);
    }
    step("checkov", || {
        let report: Report = serde_json::from_str(&output(&mut checkov)?).context("checkov says no JSON")?;
        ensure!(report.summary.parsing_errors == 0, "checkov cannot read a template: see cfn-lint");
        ensure!(report.summary.resource_count > 500, "checkov read {} resources only", report.summary.resource_count);
        let text = fs::read_to_string(paths.root.join(MEANT)).context(MEANT)?;
        let found = compare(&report.results.failed_checks, &meant(&text)?);
        ensure!(found.is_empty(), "mend these, or say in {MEANT} why they are meant so:\n{}", found.join("\n"));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(check: &str, file: &str, resource: &str) -> Failed {
        let [check_id, check_name] = [check, "Ensure it"].map(str::to_owned);
        Failed { check_id, check_name, file_path: file.into(), resource: resource.into() }
    }

    #[test]
    fn what_is_meant_covers_its_place_and_nothing_else() {
        let text =
            "# why\n\nCKV_1 | infra/*:AWS::SQS::Queue.* | a reason | with a bar\nCKV_2 | template.yaml:A.B | a reason";
        let meant = meant(text).unwrap();
        let queue = failed("CKV_1", "/infra/queues.yaml", "AWS::SQS::Queue.High");
        let one = failed("CKV_2", "/template.yaml", "A.B");
        assert_eq!(compare(&[queue.clone(), one.clone()], &meant), [""; 0]);
        for other in [
            failed("CKV_1", "/infra/queues.yaml", "AWS::SNS::Topic.High"),
            failed("CKV_1", "/functions/auth/template.yaml", "AWS::SQS::Queue.High"),
            failed("CKV_3", "/infra/queues.yaml", "AWS::SQS::Queue.High"),
            failed("CKV_2", "/template.yaml", "A.BC"),
        ] {
            let said = compare(&[queue.clone(), one.clone(), other.clone()], &meant);
            assert_eq!(said, [other.to_string()]);
        }
    }

    #[test]
    fn what_is_meant_and_gone_is_told_as_is_a_line_without_a_reason() {
        let meant_text = "CKV_1 | a:b | a reason";
        let said = compare(&[], &meant(meant_text).unwrap());
        assert!(said.len() == 1 && said.iter().all(|line| line.contains("not so any more: CKV_1")), "{said:?}");
        assert!(meant("CKV_1 | a:b").is_err());
    }
}
