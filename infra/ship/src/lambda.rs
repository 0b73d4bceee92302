//! Functions, their versions, and the alias that callers reach them by.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::aws::{Answer, Aws, Call, escaped};

/// What everything that calls a function calls.
pub const LIVE: &str = "live";
const PATIENCE: Duration = Duration::from_secs(30);

/// A version of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub number: u64,
    /// What its environment says: RELEASE.
    pub release: String,
    /// What the bootstrap dispatches on.
    pub handler: String,
}

/// Where callers of a function are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    pub version: u64,
    /// Written by who moved it last.
    pub description: String,
    /// It changes with every change.
    pub revision: String,
}

fn request(method: &'static str, path: &str, body: Option<&Value>) -> Call<'static> {
    Call {
        service: "lambda",
        method,
        path: format!("/2015-03-31/functions/{path}"),
        content_type: "application/json",
        body: body.map(Value::to_string).unwrap_or_default(),
        patience: PATIENCE,
        again: true,
    }
}

fn text(value: &Value, name: &str) -> String {
    value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn version(value: &Value) -> Option<Version> {
    let release = value.get("Environment")?.get("Variables").map(|all| text(all, "RELEASE")).unwrap_or_default();
    Some(Version { number: text(value, "Version").parse().ok()?, release, handler: text(value, "Handler") })
}

/// Makes a version of what is deployed. Where nothing has changed since the last one it is that one.
pub fn publish(aws: &Aws, function: &str) -> Result<Version> {
    let answer = aws.call(&request("POST", &format!("{function}/versions"), Some(&json!({}))))?.json()?;
    version(&answer).with_context(|| format!("{function} has no version after it was published"))
}

/// All versions, the oldest first.
pub fn versions(aws: &Aws, function: &str) -> Result<Vec<Version>> {
    let mut all = Vec::new();
    let mut marker = String::new();
    loop {
        let path = format!("{function}/versions?MaxItems=50{marker}");
        let page = aws.call(&request("GET", &path, None))?.json()?;
        let versions = page.get("Versions").and_then(Value::as_array).into_iter().flatten();
        // $LATEST has no number.
        all.extend(versions.filter_map(version));
        match page.get("NextMarker").and_then(Value::as_str).filter(|next| !next.is_empty()) {
            Some(next) => marker = format!("&Marker={}", escaped(next)),
            None => break,
        }
    }
    all.sort_by_key(|version| version.number);
    Ok(all)
}

pub fn alias(aws: &Aws, function: &str) -> Result<Alias> {
    let answer = aws.call(&request("GET", &format!("{function}/aliases/{LIVE}"), None))?.json()?;
    Ok(Alias {
        version: text(&answer, "FunctionVersion")
            .parse()
            .with_context(|| format!("{function}: its alias is on no version"))?,
        description: text(&answer, "Description"),
        revision: text(&answer, "RevisionId"),
    })
}

/// Sends callers to a version, if the alias is still what it was.
pub fn point(aws: &Aws, function: &str, version: u64, description: &str, revision: Option<&str>) -> Result<()> {
    let mut body = json!({"FunctionVersion": version.to_string(), "Description": description});
    if let (Some(revision), Some(members)) = (revision, body.as_object_mut()) {
        members.insert("RevisionId".to_owned(), json!(revision));
    }
    let answer = aws.call(&request("PUT", &format!("{function}/aliases/{LIVE}"), Some(&body)))?;
    // An answer that was lost, and the same once more: it is where it should be, but no longer what it was.
    if answer.status == 412 && alias(aws, function)?.version == version {
        return Ok(());
    }
    answer.ok().map(drop)
}

pub fn delete(aws: &Aws, function: &str, version: u64) -> Result<()> {
    let answer = aws.call(&request("DELETE", &format!("{function}?Qualifier={version}"), None))?;
    if answer.status == 404 { Ok(()) } else { answer.ok().map(drop) }
}

/// Calls a version, or `$LATEST`, and waits for what it answers.
pub fn invoke(aws: &Aws, function: &str, qualifier: &str, event: &str, patience: Duration) -> Result<Answer> {
    aws.call(&Call {
        body: event.to_owned(),
        patience,
        // It may have been heard.
        again: false,
        ..request("POST", &format!("{function}/invocations?Qualifier={}", escaped(qualifier)), None)
    })
}
