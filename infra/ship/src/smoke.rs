//! Trying a release before anybody is sent to it: each new version is called once, by its number, with the sample event of its
//! trigger. Nobody is logged in, nothing is asked for that would be done.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{aws::Aws, lambda, parallel::each, release::Published};

const PATIENCE: Duration = Duration::from_mins(1);

/// The sample events of `events/`, by handler.
pub struct Events(BTreeMap<String, Value>);

impl Events {
    pub fn read(root: &Path) -> Result<Self> {
        let mut all = BTreeMap::new();
        for entry in fs::read_dir(root.join("events")).context("no folder events/")? {
            let path = entry?.path();
            let handler = path.file_stem().unwrap_or_default().display().to_string();
            let text = fs::read_to_string(&path)?;
            all.insert(handler, serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?);
        }
        Ok(Self(all))
    }

    /// Whether the function works for a queue.
    #[must_use]
    pub fn is_worker(&self, handler: &str) -> bool {
        self.0.get(handler).is_some_and(|event| event.get("Records").is_some())
    }

    /// What the function is tried with.
    #[must_use]
    pub fn harmless(&self, handler: &str) -> Option<Value> {
        self.0.get(handler).map(harmless)
    }
}

/// The same event from nobody, asking for nothing: without its token, with a body that is no JSON, with an empty batch.
fn harmless(event: &Value) -> Value {
    if event.get("Records").is_some() {
        return json!({"Records": []});
    }
    let mut event = event.clone();
    let Some(members) = event.as_object_mut() else { return event };
    for headers in ["headers", "multiValueHeaders"] {
        if let Some(headers) = members.get_mut(headers).and_then(Value::as_object_mut) {
            headers.retain(|name, _| !["authorization", "cookie"].contains(&name.to_lowercase().as_str()));
        }
    }
    // A socket's ticket or token stands in the query.
    if members.get("requestContext").is_some_and(|context| context.get("connectionId").is_some()) {
        members.retain(|name, _| !name.to_lowercase().contains("querystring"));
    }
    if members.contains_key("body") {
        members.insert("body".to_owned(), json!("{"));
        members.insert("isBase64Encoded".to_owned(), json!(false));
    }
    event
}

/// What is wrong with a version, if anything is.
fn fault(aws: &Aws, events: &Events, one: &Published) -> Option<String> {
    let Some(event) = events.harmless(&one.version.handler) else {
        return Some(format!("there is no events/{}.json", one.version.handler));
    };
    let answer = match lambda::invoke(aws, &one.name, &one.version.number.to_string(), &event.to_string(), PATIENCE) {
        Ok(answer) => answer,
        Err(error) => return Some(format!("{error:#}")),
    };
    if answer.status >= 300 || answer.function_error.is_some() {
        return Some(format!("it failed: {}", answer.message()));
    }
    judged(events.is_worker(&one.version.handler), &answer.body)
}

/// Whether a function answered as one of its kind does.
fn judged(worker: bool, body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    if worker {
        let failures = body.get("batchItemFailures").and_then(Value::as_array);
        return failures
            .is_none_or(|failures| !failures.is_empty())
            .then(|| format!("it answered {body} to an empty batch"));
    }
    match body.get("statusCode").and_then(Value::as_u64) {
        Some(status) if (200..500).contains(&status) => None,
        _ => Some(format!("it answered {}", body.to_string().chars().take(300).collect::<String>())),
    }
}

/// Tries all, and says of each that fails what is wrong with it.
#[must_use]
pub fn faults(aws: &Aws, events: &Events, published: &[Published]) -> Vec<String> {
    let found = each(published, |one| fault(aws, events, one));
    found.into_iter().zip(published).filter_map(|(fault, one)| Some(format!("{}: {}", one.name, fault?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_asks_for_nothing() {
        let event = json!({
            "headers": {"Authorization": "Bearer x", "cookie": "a", "accept": "*/*"},
            "requestContext": {"http": {"method": "POST"}}, "body": "e30=", "isBase64Encoded": true,
        });
        let tame = harmless(&event);
        assert_eq!(tame["headers"], json!({"accept": "*/*"}));
        assert_eq!((&tame["body"], &tame["isBase64Encoded"]), (&json!("{"), &json!(false)));
        let socket = json!({"queryStringParameters": {"ticket": "t"}, "requestContext": {"connectionId": "c"}});
        assert_eq!(harmless(&socket), json!({"requestContext": {"connectionId": "c"}}));
        assert_eq!(harmless(&json!({"Records": [{"body": "x"}]})), json!({"Records": []}));
    }

    #[test]
    fn an_answer_is_judged_by_its_kind() {
        assert_eq!(judged(false, r#"{"statusCode": 401}"#), None);
        assert_eq!(judged(true, r#"{"batchItemFailures": []}"#), None);
        assert!(judged(false, r#"{"statusCode": 500}"#).is_some());
        assert!(judged(false, r#"{"statusCode": 503, "body": "the database is away"}"#).is_some());
        assert!(judged(false, "null").is_some());
        assert!(judged(true, r#"{"batchItemFailures": [{"itemIdentifier": "1"}]}"#).is_some());
        assert!(judged(true, "{}").is_some());
    }
}
