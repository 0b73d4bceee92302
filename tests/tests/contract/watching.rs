//! What rings and what is shown, and that somebody says what to do about it.

use crate::repository::Repository;
use serde_json::Value;
use std::collections::BTreeSet;

const ALARM: &str = "AWS::CloudWatch::Alarm";
/// In whole cents a month: a metric that an alarm reads.
const ALARM_CENTS: usize = 10;

/// The queues, named as their alarms are.
fn queues(repository: &Repository) -> BTreeSet<String> {
    let names = repository.resources("AWS::SQS::Queue").filter_map(|(.., queue)| {
        let name = queue["QueueName"]["Fn::Sub"].as_str()?.strip_prefix("tallybook-${Stage}-")?;
        Some(name.trim_end_matches(".fifo").to_owned())
    });
    names.filter(|name| !name.ends_with("-dead")).collect()
}

/// Alarms without what all have in common, and their properties.
fn alarms(repository: &Repository) -> impl Iterator<Item = (String, &Value)> {
    repository.resources(ALARM).map(|(_, name, alarm)| {
        let said = alarm["AlarmName"]["Fn::Sub"].as_str().and_then(|name| name.strip_prefix("tallybook-${Stage}-"));
        (said.map_or_else(|| format!("?{name}"), str::to_owned), alarm)
    })
}

/// What an alarm is called where people read of it: those of queues are told once for all.
fn known_as(alarm: &str, queues: &BTreeSet<String>) -> String {
    let of_queue =
        alarm.rsplit_once('-').filter(|(queue, what)| queues.contains(*queue) && ["old", "dead"].contains(what));
    of_queue.map_or_else(|| alarm.to_owned(), |(_, what)| format!("QUEUE-{what}"))
}

/// Each alarm is in the guide and has its paragraph among the runbooks, and neither tells of one that is none. Each queue has
/// its two. Each tells somebody, when it begins and when it is over.
pub fn told(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    let queues = queues(repository);
    let names: BTreeSet<String> = alarms(repository).map(|(name, _)| name).collect();
    for queue in &queues {
        let missing =
            ["old", "dead"].map(|what| format!("{queue}-{what}")).into_iter().filter(|name| !names.contains(name));
        found.extend(missing.map(|name| format!("there is no alarm {name}")));
    }
    let known: BTreeSet<String> = names.iter().map(|name| known_as(name, &queues)).collect();
    let page = |path: &str| repository.pages.get(path).map(String::as_str).unwrap_or_default();
    let part = page("docs/operations.md").split("## Alarms").nth(1).and_then(|rest| rest.split("\n## ").next());
    let rows: BTreeSet<String> = part
        .unwrap_or_default()
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned()))
        .collect();
    let paragraphs: BTreeSet<String> = page("docs/runbooks/alarms.md")
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(str::to_owned)
        .collect();
    for (place, there) in [("docs/operations.md", &rows), ("docs/runbooks/alarms.md", &paragraphs)] {
        found.extend(known.difference(there).map(|name| format!("{place} does not tell of the alarm {name}")));
        found.extend(there.difference(&known).map(|name| format!("{place} tells of {name}, which is no alarm")));
    }
    for (name, alarm) in alarms(repository) {
        for actions in ["AlarmActions", "OKActions"] {
            if alarm[actions].as_array().is_none_or(Vec::is_empty) {
                found.push(format!("the alarm {name} has no {actions}"));
            }
        }
        if alarm["TreatMissingData"].is_null() {
            found.push(format!("the alarm {name} does not say what missing data mean"));
        }
    }
    found
}

/// The sum that the guide says alarms cost.
pub fn costs(repository: &Repository) -> Vec<String> {
    let metrics = |alarm: &Value| {
        let parts = alarm["Metrics"].as_array().into_iter().flatten();
        parts.filter(|part| part["MetricStat"].is_object()).count().max(1)
    };
    let all: usize = alarms(repository).map(|(_, alarm)| metrics(alarm)).sum();
    let cents = all * ALARM_CENTS;
    let said = format!("which read {all} metrics, cost\n${}.{:02} a month", cents / 100, cents % 100);
    let guide = repository.pages.get("docs/operations.md").map(String::as_str).unwrap_or_default();
    if guide.contains(&said) { Vec::new() } else { vec![format!("docs/operations.md does not say {said:?}")] }
}

/// The memory that costs are reckoned with is the functions' own.
pub fn memory(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for request in repository.measured["requests"].as_array().into_iter().flatten() {
        let function = request["function"].as_str().unwrap_or_default();
        match repository.rows.iter().find(|row| row.handler == function) {
            Some(row) if request["memory"] == row.memory => {}
            Some(row) => found
                .push(format!("{function} has {} MB; measured.json reckons with {}", row.memory, request["memory"])),
            None => found.push(format!("measured.json reckons with {function}, which is no function")),
        }
    }
    found
}

/// Every feature's functions are on a dashboard with their times and with what Lambda ended, every queue with its depth and
/// age, and a dashboard is JSON that CloudWatch takes.
pub fn shown(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    let mut metrics = String::new();
    for (_, name, dashboard) in repository.resources("AWS::CloudWatch::Dashboard") {
        let text = dashboard["DashboardBody"]["Fn::Sub"].as_str().unwrap_or_default();
        match serde_json::from_str::<Value>(text) {
            Ok(body) if body["widgets"].as_array().is_some_and(|widgets| !widgets.is_empty()) => {
                let widgets = body["widgets"].as_array().into_iter().flatten();
                let lines: Vec<_> = widgets.map(|widget| widget["properties"]["metrics"].to_string()).collect();
                metrics.push_str(&(lines.join("\n") + "\n"));
            }
            Ok(_) => found.push(format!("the dashboard {name} shows nothing")),
            Err(error) => found.push(format!("the dashboard {name} is no JSON: {error}")),
        }
    }
    let features: BTreeSet<&str> =
        repository.rows.iter().filter_map(|row| Some(row.handler.split_once('.')?.0)).collect();
    for feature in features {
        for metric in ["Duration", "Errors"] {
            let search = format!("MetricName=\\\"{metric}\\\" tallybook ${{Stage}} {feature}'");
            if !metrics.contains(&search) {
                found.push(format!("no dashboard shows {metric} of {feature}"));
            }
        }
    }
    for queue in queues(repository) {
        for metric in ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"] {
            let of_queue = |line: &str| {
                line.contains(metric)
                    && [format!("${{Stage}}-{queue}\""), format!("${{Stage}}-{queue}.fifo\"")]
                        .iter()
                        .any(|n| line.contains(n))
            };
            if !metrics.lines().any(of_queue) {
                found.push(format!("no dashboard shows {metric} of {queue}"));
            }
        }
    }
    found
}

/// Commands in runbooks are marked as run by a test or as AWS's alone; nothing else stands in them that looks like one.
pub fn commands(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in repository.pages.iter().filter(|(path, _)| path.starts_with("docs/runbooks/")) {
        let marks = text.lines().filter_map(|line| line.strip_prefix("```")).enumerate();
        let opening = marks.filter(|(n, _)| n % 2 == 0).map(|(_, mark)| mark);
        found.extend(
            opening
                .filter(|mark| !["console", "console aws"].contains(mark))
                .map(|mark| format!("{path}: a block is marked {mark:?}, which nobody runs or checks")),
        );
    }
    found
}

/// What a page of ours says is tested, is: names in code marks that look like a test's are one's.
pub fn named_tests(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for path in ["docs/threat-model.md", "docs/security-checklist.md"] {
        let Some(text) = repository.pages.get(path) else {
            found.push(format!("there is no {path}"));
            continue;
        };
        let names = text.split('`').skip(1).step_by(2).filter(|name| {
            name.matches('_').count() > 3
                && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        });
        let missing = names.filter(|name| !repository.tests.contains(*name));
        found.extend(missing.map(|name| format!("{path} names the test {name}, which is none")));
    }
    found
}
