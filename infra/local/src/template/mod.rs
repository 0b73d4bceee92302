//! Writes the nested stack of each feature, and their part of the root, from the endpoint tables.
//!
//! The tables are in the code (`functions/<feature>/src/lib.rs`) and reach us as JSON from
//! `tools describe`; the result is checked in, and CI fails when it differs.

mod feature;
mod grants;
mod root;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::{build, paths::Paths, progress::say};

#[derive(Deserialize)]
pub struct Description {
    pub features: Vec<Feature>,
}

#[derive(Deserialize)]
pub struct Feature {
    pub name: String,
    pub functions: Vec<Function>,
}

#[derive(Deserialize)]
pub struct Function {
    /// `feature.endpoint`, what the bootstrap dispatches on.
    pub handler: String,
    pub trigger: Trigger,
    /// MB
    pub memory: u32,
    /// Seconds
    pub timeout: u32,
    pub grants: Vec<String>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Trigger {
    Http {
        method: String,
        path: String,
    },
    /// Every path no other route matches.
    Default,
    Socket {
        route: String,
    },
    Queue {
        queue: String,
        max_concurrency: u32,
    },
    /// Nothing but who deploys.
    Invoke,
}

impl Function {
    /// `ws_ticket` of `auth.ws_ticket`
    pub fn endpoint(&self) -> &str {
        self.handler.split_once('.').map_or(self.handler.as_str(), |(_, endpoint)| endpoint)
    }
}

/// `ws_ticket` → `WsTicket`
pub fn camel(snake: &str) -> String {
    snake.split(['_', '-']).map(capitalised).collect()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

/// Writes the files, or with `check` only says how they differ.
pub fn write(paths: &Paths, check: bool) -> Result<()> {
    let built = build::build(paths)?;
    let changed = differences(paths, &built.tools)?;
    if check {
        for (file, text) in &changed {
            let old = fs::read_to_string(file).unwrap_or_default();
            say(file.strip_prefix(&paths.root).unwrap_or(file).display());
            say(difference(&old, text));
        }
        if !changed.is_empty() {
            bail!("the templates are not those of the endpoint tables; run `cargo local template`");
        }
        return Ok(());
    }
    store(paths, &changed)
}

/// As part of a deployment: what is deployed is what the code says.
pub fn refresh(paths: &Paths, tools: &Path) -> Result<()> {
    store(paths, &differences(paths, tools)?)
}

fn store(paths: &Paths, changed: &BTreeMap<PathBuf, String>) -> Result<()> {
    for (file, text) in changed {
        if let Some(dir) = file.parent() {
            fs::create_dir_all(dir)?;
        }
        fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
        eprintln!("wrote {}", file.strip_prefix(&paths.root).unwrap_or(file).display());
    }
    Ok(())
}

fn differences(paths: &Paths, tools: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let description: Description =
        serde_json::from_str(&build::describe(tools)?).context("`tools describe` says what is not understood")?;
    verify(&description)?;
    let mut files = BTreeMap::new();
    for feature in &description.features {
        let file = paths.root.join("functions").join(&feature.name).join("template.yaml");
        files.insert(file, feature::template(feature)?);
    }
    let root = paths.root.join("template.yaml");
    let old = fs::read_to_string(&root).context("no template.yaml")?;
    files.insert(root, root::with_features(&old, &description)?);
    if let Some(text) = build::openapi(tools)? {
        files.insert(paths.openapi(), text);
    }
    files.retain(|file, text| fs::read_to_string(file).ok().as_ref() != Some(text));
    Ok(files)
}

/// What would only fail at deployment, or worse, not fail.
fn verify(description: &Description) -> Result<()> {
    let mut handlers = BTreeSet::new();
    let mut routes = BTreeSet::new();
    for feature in &description.features {
        for function in &feature.functions {
            let handler = &function.handler;
            if handler.split_once('.').map(|(name, _)| name) != Some(feature.name.as_str()) {
                bail!("{handler} stands in the table of {}", feature.name);
            }
            if !handlers.insert(handler) {
                bail!("{handler} is there twice");
            }
            let route = match &function.trigger {
                Trigger::Http { method, path } => format!("{method} {path}"),
                Trigger::Default => "$default".to_owned(),
                Trigger::Socket { route } => format!("socket {route}"),
                Trigger::Queue { queue, .. } => format!("queue {queue}"),
                Trigger::Invoke => format!("invoke {handler}"),
            };
            if matches!(function.trigger, Trigger::Http { .. }) && function.timeout > 29 {
                bail!("{handler}: the gateway gives up after 30 s, a timeout of {} s never answers", function.timeout);
            }
            let has = |grant: &str| function.grants.iter().any(|one| one == grant);
            if has("sockets") && feature::group(function).is_some() {
                bail!("{handler}: there is no way from the database's network to sockets; send to the queue `deliver`");
            }
            if !routes.insert(route.clone()) {
                bail!("{handler}: {route} is taken");
            }
        }
    }
    Ok(())
}

/// What lies between the common beginning and the common end; enough to see what drifted.
fn difference(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let backwards = old.iter().rev().zip(new.iter().rev());
    let tail = backwards.take(rest).take_while(|(a, b)| a == b).count();
    let mut out = format!("@@ line {} @@\n", same + 1);
    for (sign, lines) in [('-', old), ('+', new)] {
        for line in lines.iter().take(lines.len() - tail).skip(same) {
            out.push(sign);
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(function: &str) -> Description {
        serde_json::from_str(&format!(r#"{{"features":[{{"name":"auth","functions":[{function}]}}]}}"#)).unwrap()
    }

    const LOGIN: &str = r#"{"handler":"auth.login","trigger":{"kind":"http","method":"POST","path":"/auth/login"},
        "memory":1769,"timeout":10,"grants":["db:write","table:limits"]}"#;

    #[test]
    fn a_grant_becomes_a_variable_a_parameter_and_a_statement() {
        let text = feature::template(&one(LOGIN).features[0]).unwrap();
        assert!(text.contains("LIMITS_TABLE: !Ref LimitsTable"), "{text}");
        assert!(text.contains("Resource: !Ref LimitsTableArn"), "{text}");
        assert!(text.contains("  LimitsTable: {Type: String}"), "{text}");
        // The interfaces of its network alone, allowed to Lambda and denied to the code.
        assert_eq!(text.matches("Resource: \"*\"").count(), 2, "{text}");
    }

    #[test]
    fn an_unknown_grant_is_refused_with_those_known() {
        let odd = LOGIN.replace("table:limits", "table:limit");
        let error = feature::template(&one(&odd).features[0]).unwrap_err();
        assert!(format!("{error:#}").contains("table:limits"), "{error:#}");
    }

    #[test]
    fn two_handlers_of_one_route_are_refused() {
        let twice = format!("{LOGIN},{}", LOGIN.replace("auth.login", "auth.enter"));
        assert!(verify(&one(&twice)).unwrap_err().to_string().contains("is taken"));
    }

    #[test]
    fn whoever_speaks_to_the_database_runs_in_its_network_and_nobody_else() {
        let text = feature::template(&one(LOGIN).features[0]).unwrap();
        assert!(text.contains("SecurityGroupIds: [!Ref FunctionsGroup]"), "{text}");
        assert!(text.contains("  Subnets: {Type: String}"), "{text}");
        let text = feature::template(&one(&LOGIN.replace("db:write", "db:migrate-and-more")).features[0]);
        assert!(text.is_err(), "an unknown grant");
        let text = feature::template(&one(&LOGIN.replace("\"db:write\",", "")).features[0]).unwrap();
        assert!(!text.contains("VpcConfig") && !text.contains("Subnets") && !text.contains("ec2:"), "{text}");
        let both = LOGIN.replace("table:limits", "sockets");
        assert!(verify(&one(&both)).unwrap_err().to_string().contains("no way"));
    }

    #[test]
    fn visibility_is_six_times_the_timeout_of_the_worker() {
        let worker = r#"{"handler":"auth.worker","trigger":{"kind":"queue","queue":"relay","max_concurrency":2},
            "memory":256,"timeout":7,"grants":[]}"#;
        let root = format!("x\n{}\n{}\ny\n", root::BEGIN, root::END);
        let text = root::with_features(&root, &one(worker)).unwrap();
        assert!(text.contains("RelayVisibility: !If [ShortQueues, !Ref QueueVisibility, 42]"), "{text}");
        assert!(text.starts_with("x\n") && text.ends_with("y\n"), "{text}");
    }

    #[test]
    fn the_difference_shows_only_what_differs() {
        assert_eq!(difference("a\nb\nc\n", "a\nB\nc\n"), "@@ line 2 @@\n-b\n+B\n");
    }
}
