//! Runbooks are tried before somebody needs them: every block marked `console` runs here, file by file, as it stands.

use crate::support::{alone, setting, user::User};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Each with a test below.
const BOOKS: [&str; 7] = ["README", "alarms", "database", "erasure", "incident", "redrive", "rotate"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/runbooks")
}

/// The commands of a page that run here: lines after `$ `, and those they go on in.
fn commands(page: &str) -> String {
    let mut out = String::new();
    let (mut inside, mut goes_on) = (false, false);
    for line in page.lines() {
        if let Some(mark) = line.strip_prefix("```") {
            (inside, goes_on) = (mark == "console", false);
        } else if inside {
            let command = line.strip_prefix("$ ").or_else(|| goes_on.then_some(line));
            let command = command.unwrap_or_else(|| panic!("no command, and no rest of one: {line}"));
            goes_on = command.ends_with('\\');
            out.push_str(command);
            out.push('\n');
        }
    }
    out
}

/// Runs a page's commands as an administrator would, in a folder of its own. `cargo local` is the one that runs the tests.
fn follow(book: &str) {
    let page = fs::read_to_string(folder().join(format!("{book}.md"))).unwrap();
    let admin = User::register_admin();
    let place = std::env::temp_dir().join(format!("tallybook-runbook-{}", admin.id));
    fs::create_dir(&place).unwrap();
    let script = format!("set -euo pipefail\ncargo() {{ shift; \"$TALLYBOOK_LOCAL\" \"$@\"; }}\n{}", commands(&page));
    let done = Command::new("bash")
        .args(["-xc", &script])
        .env("TALLYBOOK_LOCAL", setting("TALLYBOOK_LOCAL"))
        .env("EMAIL", &admin.email)
        .env("PASSWORD", &admin.password)
        .current_dir(&place)
        .output()
        .unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{book}.md:\n{}\n{}", said(&done.stdout), said(&done.stderr));
    let left: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{book}.md leaves {left:?} behind");
    fs::remove_dir(place).unwrap();
}

#[test]
fn every_runbook_is_tried() {
    let mut there: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().display().to_string())
        .collect();
    there.sort();
    assert_eq!(there, BOOKS);
    let few = commands("```console aws\n$ aws s3\n```\n```console\n$ a \\\n    b\n$ c\n```\n$ d\n");
    assert_eq!(few, "a \\\n    b\nc\n", "only what is marked, with what it goes on in");
}

#[test]
fn the_first_page() {
    follow("README");
}

#[test]
fn what_to_do_about_alarms() {
    follow("alarms");
}

#[test]
fn what_to_do_about_the_database() {
    follow("database");
}

#[test]
fn what_to_do_after_a_restore() {
    follow("erasure");
}

#[test]
fn what_to_do_about_an_incident() {
    follow("incident");
}

#[test]
fn what_to_do_about_dead_letters() {
    follow("redrive");
}

#[test]
fn must_hold_44_what_to_do_to_rotate() {
    let _alone = alone("rotation");
    follow("rotate");
}

/// What the terminal shows instead of dashboards: one frame, and it holds what this test just did.
#[test]
fn what_the_terminal_shows() {
    let user = User::register();
    for _ in 0..3 {
        user.get("/budgets").expect(200);
    }
    let frame = crate::support::eventually("the frame with this request", 10, || {
        let done = Command::new(setting("TALLYBOOK_LOCAL")).args(["top", "--once"]).output().unwrap();
        let frame = String::from_utf8(done.stdout).unwrap();
        assert!(done.status.success(), "{frame}");
        frame.contains("budgets.list").then_some(frame)
    });
    for part in ["/s, ", "queue ", "scheduled", "connections, ", "ticked ", " open", "slowest statements"] {
        assert!(frame.contains(part), "no {part:?} in\n{frame}");
    }
    assert!(!frame.contains(&user.email) && !frame.contains('\x1b'), "{frame}");
}
