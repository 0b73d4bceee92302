//! The application's tables of functions and its API, as documents.

mod examples;
mod headers;
mod problems;

use anyhow::{Context, Result};
use bootstrap::FEATURES;
use examples::Schemas;
use problems::Route;
use serde_json::{Map, Value, json};
use shared::platform::function::{Access, Function, Grant, Trigger};
use utoipa::{
    OpenApi,
    openapi::{
        Components, InfoBuilder, License, OpenApi as Document, ServerBuilder,
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

/// Every function with its trigger, size and grants.
pub fn functions() -> Result<String> {
    let one = |function: &Function| {
        let mut grants: Vec<Grant> = (function.grants)();
        grants.sort_unstable();
        json!({
            "handler": function.handler,
            "trigger": function.trigger,
            "access": function.access,
            "memory": function.memory,
            "timeout": function.timeout,
            "grants": grants,
        })
    };
    let features: Vec<Value> = FEATURES
        .iter()
        .map(
            |feature| json!({"name": feature.name, "functions": feature.functions.iter().map(one).collect::<Vec<_>>()}),
        )
        .collect();
    Ok(serde_json::to_string_pretty(&json!({"features": features}))?)
}

#[derive(OpenApi)]
struct Empty;

/// The whole API. Never says anything that the code does not.
pub fn openapi() -> Result<String> {
    let mut api: Document = Empty::openapi();
    let description = "Personal finance: transactions, budgets, imports and live alerts. Amounts are strings with two \
                       decimals; positive is money out. Errors are `application/problem+json` with a stable `code`.";
    api.info = InfoBuilder::new()
        .title("Tallybook")
        .version("1.0.0")
        .description(Some(description))
        .license(Some(License::new("MIT OR Apache-2.0")))
        .build();
    api.servers = Some(vec![ServerBuilder::new().url("/v1").description(Some("The API's stage")).build()]);
    for part in bootstrap::openapi() {
        api.merge(part);
    }
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let service =
        HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("A service token, with the scope named"));
    let components = api.components.get_or_insert_with(Components::new);
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    components.add_security_scheme("service", SecurityScheme::Http(service.build()));
    api.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    let mut document = serde_json::to_value(&api)?;
    complete(&mut document)?;
    Ok(serde_json::to_string_pretty(&document)?)
}

/// What the derives cannot say of an operation: the name of its function (they would call every one of them `handle`), who
/// may call, its headers, and an example of each answer.
fn complete(document: &mut Value) -> Result<()> {
    let schemas = document.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    for function in FEATURES.iter().flat_map(|feature| feature.functions) {
        let Trigger::Http { method, path } = function.trigger else { continue };
        let operation = document
            .get_mut("paths")
            .and_then(|paths| paths.get_mut(path))
            .and_then(|path| path.get_mut(method.to_lowercase()));
        let Some(operation) = operation.and_then(Value::as_object_mut) else { continue };
        operation.insert("operationId".into(), function.handler.replace('.', "_").into());
        match function.access {
            Access::Public => drop(operation.insert("security".into(), json!([{}]))),
            Access::Service(scope) => drop(operation.insert("security".into(), json!([{"service": [scope]}]))),
            Access::User | Access::Admin => {}
        }
        show_answers(operation, &Schemas(&schemas)).with_context(|| format!("{method} {path}"))?;
        let mut route = Route { function, path, operation };
        route.tell(&schemas).with_context(|| format!("{method} {path}"))?;
        route.name_headers();
    }
    if let Some(components) = document.get_mut("components").and_then(Value::as_object_mut) {
        components.insert("headers".into(), headers::components());
    }
    Ok(())
}

/// An example of every answer that is no problem and has none of its own.
fn show_answers(operation: &mut Map<String, Value>, schemas: &Schemas<'_>) -> Result<()> {
    let responses = operation.get_mut("responses").and_then(Value::as_object_mut);
    for (status, response) in responses.into_iter().flatten() {
        let contents = response.get_mut("content").and_then(Value::as_object_mut);
        for (kind, content) in contents.into_iter().flatten().filter(|(kind, _)| *kind != "application/problem+json") {
            let Some(content) = content.as_object_mut().filter(|content| !content.contains_key("example")) else {
                continue;
            };
            let schema = content.get("schema").cloned().unwrap_or_default();
            let example = schemas.example(&schema, &format!("the {kind} of {status}"))?;
            content.insert("example".into(), example);
        }
    }
    Ok(())
}
