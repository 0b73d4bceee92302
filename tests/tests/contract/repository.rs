//! What the rules compare, read into memory: plain values that a test can break.

use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A row of an endpoint table.
#[derive(Clone, Debug)]
pub struct Row {
    pub handler: String,
    /// `http`, `default`, `socket` or `queue`, and what belongs to it.
    pub trigger: Value,
    pub public: bool,
    /// Whether only administrators may call.
    pub admin: bool,
    /// Whether only programs with a service token may call.
    pub service: bool,
    pub memory: u64,
    pub timeout: u64,
    pub grants: BTreeSet<String>,
}

impl Row {
    pub fn kind(&self) -> &str {
        self.trigger["kind"].as_str().unwrap_or_default()
    }

    /// The route as API Gateway names it; none for a queue's worker.
    pub fn route(&self) -> Option<String> {
        let part = |name: &str| self.trigger[name].as_str().unwrap_or_default();
        match self.kind() {
            "http" => Some(format!("{} {}", part("method"), part("path"))),
            "default" => Some("$default".into()),
            "socket" => Some(part("route").into()),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Repository {
    pub rows: Vec<Row>,
    /// By path; intrinsic functions in their long form.
    pub templates: BTreeMap<String, Value>,
    pub openapi: Value,
    pub public: Vec<String>,
    /// By handler: the text of the file.
    pub events: BTreeMap<String, String>,
    /// Codes of errors that the source can answer, and where.
    pub codes: BTreeMap<String, String>,
    /// Names of types in the OpenAPI document, as often as the source defines one.
    pub schemas: Vec<String>,
    /// All guides, one after the other.
    pub guides: String,
    /// The same, by path.
    pub pages: BTreeMap<String, String>,
    /// What `cargo local cost` reckons with.
    pub measured: Value,
    /// Names of tests, in Rust and in Python.
    pub tests: BTreeSet<String>,
    /// By the path of its `main.rs`: its text, and the modules that lie beside it.
    pub suites: BTreeMap<String, (String, Vec<String>)>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

impl Repository {
    pub fn read() -> Self {
        let mut templates = vec!["template.yaml".to_owned()];
        for folder in ["functions", "infra"] {
            let entries = fs::read_dir(root().join(folder)).expect(folder);
            for entry in entries.map(|entry| entry.expect(folder).path()) {
                let file = if entry.is_dir() { entry.join("template.yaml") } else { entry };
                if file.extension().is_some_and(|extension| extension == "yaml") && file.exists() {
                    templates.push(file.strip_prefix(root()).expect("below the root").display().to_string());
                }
            }
        }
        let events = fs::read_dir(root().join("events")).expect("events").map(|entry| entry.expect("events").path());
        Self {
            rows: bootstrap::FEATURES.iter().flat_map(|feature| feature.functions).map(row).collect(),
            templates: templates.into_iter().map(|path| (path.clone(), template(&path, &text(&path)))).collect(),
            openapi: serde_json::from_str(&text("functions/system/src/openapi.json"))
                .expect("the OpenAPI document is JSON"),
            public: text("public-endpoints.txt")
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(str::to_owned)
                .collect(),
            codes: codes(),
            schemas: schemas(),
            guides: files(&root().join("docs"), "md").iter().map(|path| text(path)).collect(),
            pages: files(&root().join("docs"), "md").into_iter().map(|path| (path.clone(), text(&path))).collect(),
            measured: serde_json::from_str(&text("infra/data/measured.json")).expect("measured.json is JSON"),
            tests: tests(),
            suites: ["shared/tests/postgres", "tests/tests/blackbox", "tests/tests/contract"].map(suite).into(),
            events: events
                .map(|path| {
                    let handler = path.file_stem().expect("a name").display().to_string();
                    (handler, fs::read_to_string(path).expect("an event"))
                })
                .collect(),
        }
    }

    /// All resources of a type: template, name and properties.
    pub fn resources<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a Value)> {
        self.templates.iter().flat_map(move |(path, template)| {
            let resources = template["Resources"].as_object().into_iter().flatten();
            let of_kind = resources.filter(move |(_, resource)| resource["Type"] == kind);
            of_kind.map(move |(name, resource)| (path.as_str(), name.as_str(), &resource["Properties"]))
        })
    }
}

/// Files below a folder by their extension, named from the root.
fn files(folder: &Path, extension: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut found: Vec<_> = entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => files(&path, extension),
            Some(other) if other == extension => {
                vec![path.strip_prefix(root()).expect("a file of ours").display().to_string()]
            }
            _ => Vec::new(),
        })
        .collect();
    found.sort();
    found
}

/// A test binary's `main.rs` and what lies beside it.
fn suite(folder: &str) -> (String, (String, Vec<String>)) {
    let main = format!("{folder}/main.rs");
    let entries = fs::read_dir(root().join(folder)).expect(folder).map(|entry| entry.expect(folder).path());
    let modules =
        entries.filter(|path| path.join("mod.rs").exists() || path.extension().is_some_and(|kind| kind == "rs"));
    let mut names: Vec<_> = modules.filter_map(|path| Some(path.file_stem()?.display().to_string())).collect();
    names.retain(|name| name != "main");
    names.sort();
    names.dedup();
    (main.clone(), (text(&main), names))
}

fn tests() -> BTreeSet<String> {
    let folders = ["shared", "functions", "tests", "infra"].map(|folder| files(&root().join(folder), "rs"));
    let name = |rest: &str| rest.split('(').next().unwrap_or_default().trim().to_owned();
    let names = |path: String| text(&path).split("fn ").skip(1).map(name).collect::<Vec<_>>();
    folders.into_iter().flatten().flat_map(names).collect()
}

fn schemas() -> Vec<String> {
    let sources = ["shared/src", "functions"].into_iter().flat_map(|folder| files(&root().join(folder), "rs"));
    let names = |path: String| {
        let text = text(&path);
        let after = |part: &str| {
            let item = part
                .split_once("pub struct ")
                .into_iter()
                .chain(part.split_once("pub enum "))
                .min_by_key(|(before, _)| before.len())?;
            Some(item.1.split(|c: char| !c.is_alphanumeric()).next()?.to_owned())
        };
        text.split("ToSchema)]").skip(1).filter_map(after).collect::<Vec<_>>()
    };
    sources.flat_map(names).collect()
}

/// What stands before the code of an error.
const MARKS: [&str; 10] = [
    "Problem::new(",
    "Problem::conflict(",
    "Problem::unauthorized(",
    "Problem::field(",
    "Self::new(",
    "Fault::new(",
    "Refusal::bare(",
    "Some((",
    "=> (",
    "code: ",
];

fn codes() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for path in ["shared/src", "functions"].into_iter().flat_map(|folder| files(&root().join(folder), "rs")) {
        let text = text(&path);
        // Tests may name codes that nobody answers.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, mark) in MARKS.iter().flat_map(|mark| text.match_indices(mark)) {
            let rest = &text[at + mark.len()..];
            // The code is the first literal, or the second after a status or a pointer.
            let literals = rest.split('"').skip(1).step_by(2).take(2);
            let near = rest.split(';').next().unwrap_or_default();
            let word = |literal: &&str| {
                literal.contains('_')
                    && !literal.starts_with('_')
                    && literal.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            if let Some(code) = literals.filter(|literal| near.contains(&format!("\"{literal}\""))).find(word) {
                found.insert(code.to_owned(), path.clone());
            }
        }
    }
    found
}

fn row(function: &shared::platform::function::Function) -> Row {
    let plain = |value: Value| value.as_str().expect("a name").to_owned();
    Row {
        handler: function.handler.to_owned(),
        trigger: serde_json::to_value(function.trigger).expect("JSON"),
        public: serde_json::to_value(function.access).expect("JSON") == "public",
        admin: serde_json::to_value(function.access).expect("JSON") == "admin",
        service: serde_json::to_value(function.access).expect("JSON")["service"].is_string(),
        memory: function.memory.into(),
        timeout: function.timeout.into(),
        grants: (function.grants)()
            .into_iter()
            .map(|grant| plain(serde_json::to_value(grant).expect("JSON")))
            .collect(),
    }
}

fn template(path: &str, text: &str) -> Value {
    let yaml: serde_norway::Value = serde_norway::from_str(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    plain(yaml)
}

/// YAML as JSON: `!Ref X` becomes `{"Ref": "X"}`, which is what it is short for.
fn plain(yaml: serde_norway::Value) -> Value {
    use serde_norway::Value as Yaml;
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(value) => serde_json::to_value(value).expect("a number"),
        Yaml::String(value) => json!(value),
        Yaml::Sequence(values) => values.into_iter().map(plain).collect(),
        Yaml::Mapping(members) => {
            let name = |name: serde_norway::Value| plain(name).as_str().expect("names are text").to_owned();
            members.into_iter().map(|(key, value)| (name(key), plain(value))).collect::<Map<_, _>>().into()
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let tag = tag.trim_start_matches('!');
            let name = if ["Ref", "Condition"].contains(&tag) { tag.to_owned() } else { format!("Fn::{tag}") };
            json!({ name: plain(tagged.value) })
        }
    }
}
