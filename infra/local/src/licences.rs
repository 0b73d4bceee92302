//! Whose work the artifact holds: every crate that is linked into the bootstrap, and what the page at `/docs` is made of, each
//! with its licence. cargo-deny sees to it that it is one of those we may use; this is the list that some of them ask for.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::{install, paths::Paths, process::output, progress::say};

const FILE: &str = "THIRD-PARTY.md";
const ROOT: &str = "bootstrap";
/// What is deployed; nothing differs in what is linked for the other processor.
const TARGET: &str = "x86_64-unknown-linux-gnu";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    /// None for what is in this repository.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// None for what is linked; else `build` or `dev`.
    kind: Option<String>,
}

pub fn write(paths: &Paths, check: bool) -> Result<()> {
    let said = output(
        Command::new(install::cargo())
            .args(["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET])
            .current_dir(&paths.root),
    )?;
    let lock = fs::read_to_string(paths.root.join("infra/node/package-lock.json"))?;
    let fresh = page(&serde_json::from_str(&said)?, &serde_json::from_str(&lock)?)?;
    let file = paths.root.join(FILE);
    if fs::read_to_string(&file).unwrap_or_default() == fresh {
        return Ok(());
    }
    ensure!(!check, "{FILE} is out of date: `cargo local licences`, then commit");
    fs::write(file, fresh)?;
    say(format_args!("wrote {FILE}"));
    Ok(())
}

fn page(metadata: &Metadata, lock: &Value) -> Result<String> {
    let linked = linked(metadata)?;
    let mut out = format!(
        "# Third-party work\n\nWritten by `cargo local licences`. What is linked into the deployed program, {} crates, and what its page at \
         `/docs` is made of.\n\n| What | Version | Licence | From |\n|---|---|---|---|\n",
        linked.len()
    );
    let mut row = |name: &str, version: &str, licence: &str, from: &str| {
        writeln!(out, "| {name} | {version} | {licence} | {from} |")
    };
    for package in linked.values() {
        let licence = package.license.as_deref().with_context(|| format!("{} names no licence", package.name))?;
        row(&package.name, &package.version, licence, package.repository.as_deref().unwrap_or("crates.io"))?;
    }
    let swagger = lock.get("packages").and_then(|all| all.get("node_modules/swagger-ui-dist"));
    let of = |name: &str| swagger.and_then(|one| one.get(name)).and_then(Value::as_str).context("no swagger-ui-dist");
    row("swagger-ui-dist", of("version")?, of("license")?, "https://github.com/swagger-api/swagger-ui")?;
    Ok(out)
}

/// What the bootstrap is linked from, by name and version, but for our own crates.
fn linked(metadata: &Metadata) -> Result<BTreeMap<(&str, &str), &Package>> {
    let root = metadata.packages.iter().find(|package| package.name == ROOT).context("no bootstrap")?;
    let nodes: BTreeMap<&str, &Node> = metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let (mut seen, mut next) = (BTreeSet::new(), vec![root.id.as_str()]);
    while let Some(id) = next.pop() {
        if seen.insert(id) {
            let dependencies = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
            let links = |one: &&Dependency| one.dep_kinds.iter().any(|kind| kind.kind.is_none());
            next.extend(dependencies.iter().filter(links).map(|one| one.pkg.as_str()));
        }
    }
    let theirs =
        metadata.packages.iter().filter(|package| package.source.is_some() && seen.contains(package.id.as_str()));
    Ok(theirs.map(|package| ((package.name.as_str(), package.version.as_str()), package)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_linked_is_listed_and_what_only_builds_or_tests_is_not() {
        let package = |name: &str, source: Option<&str>| json!({"id": name, "name": name, "version": "1.0.0", "license": "MIT", "repository": null, "source": source});
        let node = |id: &str, deps: &[(&str, Option<&str>)]| {
            let deps: Vec<_> =
                deps.iter().map(|(pkg, kind)| json!({"pkg": pkg, "dep_kinds": [{"kind": kind}]})).collect();
            json!({"id": id, "deps": deps})
        };
        let metadata = json!({
            "packages": [package("bootstrap", None), package("shared", None), package("serde", Some("r")),
                package("itoa", Some("r")), package("cc", Some("r")), package("insta", Some("r"))],
            "resolve": {"nodes": [
                node("bootstrap", &[("shared", None), ("insta", Some("dev"))]),
                node("shared", &[("serde", None), ("cc", Some("build"))]),
                node("serde", &[("itoa", None)]),
            ]},
        });
        let lock = json!({"packages": {"node_modules/swagger-ui-dist": {"version": "5.0.0", "license": "Apache-2.0"}}});
        let text = page(&serde_json::from_value(metadata).unwrap(), &lock).unwrap();
        let names: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()).collect();
        assert_eq!(names, ["What", "itoa", "serde", "swagger-ui-dist"]);
        assert!(text.contains("2 crates") && text.contains("| itoa | 1.0.0 | MIT | crates.io |"), "{text}");
    }
}
