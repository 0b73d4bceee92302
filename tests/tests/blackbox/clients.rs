//! What people use the API by: the documentation page in a browser, and the TypeScript client.

use crate::support::{setting, user::User};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use uuid::Uuid;

pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn node(args: &[&Path], folder: &Path, user: &User) {
    node_told(args, folder, user, &[]);
}

/// The same with further settings.
pub fn node_told(args: &[&Path], folder: &Path, user: &User, told: &[(&str, &str)]) {
    let output = Command::new(setting("NODE"))
        .args(args)
        .current_dir(folder)
        .envs([("TEST_EMAIL", user.email.clone()), ("TEST_PASSWORD", user.password.clone()), ("CHROMIUM", browser())])
        .envs(told.iter().copied())
        .output()
        .expect("node starts");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}", said.concat());
}

/// The sources beside the packages they need, so that the checkout stays as it is.
fn workshop() -> PathBuf {
    let folder = env::temp_dir().join(format!("tallybook-clients-{}", Uuid::now_v7()));
    let sources = ["clients/typescript", "clients/typescript/src", "clients/typescript/example", "tests/node"];
    for part in sources {
        fs::create_dir_all(folder.join(part)).unwrap();
        for file in fs::read_dir(Path::new(ROOT).join(part)).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_file() {
                fs::copy(&file, folder.join(part).join(file.file_name().unwrap())).unwrap();
            }
        }
    }
    std::os::unix::fs::symlink(Path::new(&setting("NODE_TOOLS")).join("node_modules"), folder.join("node_modules"))
        .unwrap();
    fs::write(folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
    folder
}

/// Compiles the client with a program around it, and runs that.
fn compiled(program: &str) {
    let (folder, user) = (workshop(), User::register());
    let compiler = Path::new("node_modules/typescript/bin/tsc");
    node(&[compiler, Path::new("-p"), Path::new("tests/node")], &folder, &user);
    node(&[&Path::new("out/tests/node").join(program)], &folder, &user);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_typescript_client_compiles_and_survives_what_networks_do() {
    compiled("client.mjs");
}

#[test]
fn the_live_client_in_a_browser_gets_every_frame_over_a_network_that_is_cut_and_stalls() {
    compiled("live.mjs");
}

/// The browser, from wherever it was installed.
fn browser() -> String {
    let folders = setting("PATH");
    let found = ["chromium", "google-chrome", "chromium-browser"]
        .into_iter()
        .find_map(|name| env::split_paths(&folders).map(|folder| folder.join(name)).find(|program| program.exists()));
    found.expect("no Chromium on PATH: on Debian, `apt-get install chromium`").display().to_string()
}

#[test]
fn the_documentation_page_logs_in_and_calls_under_its_policy_on_desktop_and_phone() {
    node(&[Path::new("tests/node/page.mjs")], Path::new(ROOT), &User::register());
}
