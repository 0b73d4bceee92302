//! Rules over the answers that the OpenAPI document tells of. Each names every place that breaks it.

use crate::repository::Repository;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const PROBLEM: &str = "application/problem+json";

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// Each answer of each route: where it is, its status, and what is told of it.
fn answers(repository: &Repository) -> impl Iterator<Item = (String, &str, &Value)> {
    let operations = members(&repository.openapi["paths"]).flat_map(|(path, methods)| {
        members(methods).map(move |(method, operation)| (format!("{} {path}", method.to_uppercase()), operation))
    });
    operations.flat_map(|(route, operation)| {
        members(&operation["responses"])
            .map(move |(status, answer)| (format!("{route} {status}"), status, answer))
            .collect::<Vec<_>>()
    })
}

/// Schemas of the document, each made ready once.
#[derive(Default)]
struct Schemas(BTreeMap<String, Validator>);

impl Schemas {
    /// How a value breaks a schema.
    fn faults(&mut self, repository: &Repository, schema: &Value, value: &Value) -> Vec<String> {
        let text = schema.to_string();
        // Others are looked up in the whole, which takes its time to read.
        let components = if text.contains("$ref") { &repository.openapi["components"] } else { &Value::Null };
        let whole = json!({"components": components, "allOf": [schema]});
        let ready =
            || jsonschema::draft202012::options().should_validate_formats(true).build(&whole).expect("a schema");
        let validator = self.0.entry(text).or_insert_with(ready);
        validator.iter_errors(value).map(|error| format!("{error} at \"{}\"", error.instance_path())).collect()
    }
}

/// Every body that a route answers with has an example, and every example fits its schema: those of fields, of which most
/// are put together, as well. A problem's is named by its code, which the guides tell of.
pub fn examples(repository: &Repository) -> Vec<String> {
    let (mut found, mut schemas) = (Vec::new(), Schemas::default());
    for (name, schema) in members(&repository.openapi["components"]["schemas"]) {
        for (field, inner) in members(&schema["properties"]).filter(|(_, inner)| !inner["example"].is_null()) {
            let wrong = schemas.faults(repository, inner, &inner["example"]);
            found.extend(wrong.iter().map(|fault| format!("the example of {name}.{field} does not fit: {fault}")));
        }
    }
    for (place, status, answer) in answers(repository) {
        for (kind, content) in members(&answer["content"]) {
            let named = members(&content["examples"]).map(|(name, example)| (name, &example["value"]));
            let all: Vec<_> = named.chain(content.get("example").map(|example| ("example", example))).collect();
            if all.is_empty() {
                found.push(format!("{place} has no example of its {kind}"));
            }
            for (name, example) in all {
                let wrong = schemas.faults(repository, &content["schema"], example);
                found.extend(wrong.iter().map(|fault| format!("{name} of {place} does not fit: {fault}")));
                if kind == PROBLEM && (example["code"] != name || !repository.guides.contains(&format!("`{name}`"))) {
                    found.push(format!("{name} of {place} is an example of no code of ours"));
                }
                if kind == PROBLEM && example["status"].as_u64() != status.parse().ok() {
                    found.push(format!("{name} of {place} is an example of status {}", example["status"]));
                }
            }
        }
    }
    found
}

/// Every answer says whose it is; what is counted says how much is left; who is sent away is told how to come back.
pub fn headers(repository: &Repository) -> Vec<String> {
    let mut found = Vec::new();
    for (place, status, answer) in answers(repository) {
        let counted = repository.rows.iter().filter(|row| !row.public).filter_map(crate::repository::Row::route);
        let counted = counted.into_iter().any(|route| place == format!("{route} {status}"));
        let problem = !answer["content"][PROBLEM].is_null();
        let expected = [
            ("Request-Id", true),
            ("RateLimit", status == "429" || counted && !["401", "503"].contains(&status)),
            ("RateLimit-Policy", status == "429" || counted && !["401", "503"].contains(&status)),
            ("Retry-After", problem && ["429", "503"].contains(&status)),
            ("WWW-Authenticate", status == "401"),
        ];
        for (name, there) in expected {
            if answer["headers"][name].is_null() == there {
                found.push(format!("{place} {} {name}", if there { "does not name its" } else { "has no" }));
            }
        }
        for (name, header) in members(&answer["headers"]) {
            let component = header["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
            let header = component.map_or(Some(header), |place| repository.openapi.pointer(place));
            if header.is_none_or(|header| header["schema"].is_null() || header["description"].is_null()) {
                found.push(format!("{place} names {name}, which is described nowhere"));
            }
        }
    }
    found
}
