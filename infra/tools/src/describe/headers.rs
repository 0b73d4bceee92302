//! The headers that come with answers.

use super::problems::Route;
use serde_json::{Value, json};
use shared::platform::function::Access;

/// All that there are: name, type, example, description.
const ALL: [(&str, &str, &str, &str); 6] = [
    ("Request-Id", "string", "3ad2f1c8-5c1e-4f6a-9d0b-7e2c4a8b6f10", "Quote this when asking for help."),
    (
        "RateLimit",
        "string",
        "\"read\";r=598;t=41",
        "The policy that counted, requests that are left, and seconds until all of them are there again.",
    ),
    (
        "RateLimit-Policy",
        "string",
        "\"read\";q=600;w=60",
        "The policy, and how many requests it allows in how many seconds.",
    ),
    ("Retry-After", "integer", "41", "Seconds to wait before trying again."),
    ("WWW-Authenticate", "string", "Bearer", "How to say who you are."),
    (
        "Idempotent-Replayed",
        "string",
        "true",
        "This answer was given before, to the same request with the same `Idempotency-Key`.",
    ),
];

/// The headers as components of the document. Where one is named it is always there, but for the mark of a replay.
pub fn components() -> Value {
    let one = |(name, kind, example, description): &(&str, &str, &str, &str)| {
        let example =
            if *kind == "integer" { example.parse::<u32>().map_or(Value::Null, Value::from) } else { json!(example) };
        let required = *name != "Idempotent-Replayed";
        let schema = json!({"type": kind, "example": example});
        ((*name).to_owned(), json!({"description": description, "required": required, "schema": schema}))
    };
    ALL.iter().map(one).collect::<serde_json::Map<_, _>>().into()
}

impl Route<'_> {
    /// Names the headers of each answer, beside those that the handler names itself.
    pub fn name_headers(&mut self) {
        let counted = self.function.access != Access::Public;
        let keyed = self
            .operation
            .get("parameters")
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|one| one.get("name").is_some_and(|name| name == "Idempotency-Key")));
        let responses = self.operation.get_mut("responses").and_then(Value::as_object_mut);
        for (status, response) in responses.into_iter().flatten() {
            let mut names = vec!["Request-Id"];
            // Who cannot be told is not counted, and where counting failed there is nothing to tell.
            if status == "429" || counted && !["401", "503"].contains(&status.as_str()) {
                names.extend(["RateLimit", "RateLimit-Policy"]);
            }
            let problem =
                response.get("content").is_some_and(|content| content.get("application/problem+json").is_some());
            if problem && ["429", "503"].contains(&status.as_str()) {
                names.push("Retry-After");
            }
            if status == "401" {
                names.push("WWW-Authenticate");
            }
            if keyed && status.starts_with('2') {
                names.push("Idempotent-Replayed");
            }
            let headers =
                response.as_object_mut().map(|response| response.entry("headers").or_insert_with(|| json!({})));
            let Some(headers) = headers.and_then(Value::as_object_mut) else { continue };
            let reference = |name: &str| (name.to_owned(), json!({"$ref": format!("#/components/headers/{name}")}));
            headers.extend(names.into_iter().map(reference));
        }
    }
}
