//! The documentation page, rendered from the OpenAPI document. No script, and one style that the policy names.

use serde_json::Value;
use shared::platform::problem::Problem;
use std::fmt::Write as _;

/// What the page may load: nothing but its own style.
pub const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const STYLE: &str = ":root{color-scheme:light dark;--line:#8884;--soft:#8882}*{box-sizing:border-box}\
body{margin:0 auto;max-width:56rem;padding:1.5rem 1rem 4rem;font:1rem/1.55 system-ui,sans-serif}h1{margin:0}\
h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}nav{display:flex;flex-wrap:wrap;gap:.25rem 1rem}\
details{border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.5rem .75rem;overflow-x:auto}\
summary{cursor:pointer;overflow-wrap:anywhere}summary b{display:inline-block;min-width:4rem;font-family:ui-monospace,monospace}\
code,pre{font-family:ui-monospace,monospace;font-size:.9em;background:var(--soft);border-radius:.25rem;padding:.1em .3em}\
pre{overflow-x:auto;padding:.75rem}table{border-collapse:collapse;width:100%}\
td,th{text-align:left;vertical-align:top;padding:.3rem .5rem .3rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}\
th,td:first-child{overflow-wrap:normal;white-space:nowrap}td table{font-size:.9em}";

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escaped text with `code` marked.
fn prose(text: &str) -> String {
    let marked = |(i, part): (usize, &str)| if i % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() };
    escape(text).split('`').enumerate().map(marked).collect()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The page.
pub fn render(openapi: &str) -> Result<String, Problem> {
    let api: Value = serde_json::from_str(openapi).map_err(Problem::internal)?;
    let info = api.get("info").cloned().unwrap_or_default();
    let mut page = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width,initial-scale=1\">\
         <title>{0}</title><style>{STYLE}</style><h1>{0}</h1><p>{1}</p><p>Machine-readable: <a href=openapi.json>openapi.json</a></p><nav>",
        escape(text(&info, "title")),
        prose(text(&info, "description")),
    );
    let operations = operations(&api);
    let mut tags: Vec<&str> = operations.iter().map(|(_, _, operation)| tag(operation)).collect();
    tags.sort_unstable();
    tags.dedup();
    for tag in &tags {
        let _ = write!(page, "<a href=\"#{0}\">{0}</a>", escape(tag));
    }
    page.push_str("</nav>");
    for wanted in &tags {
        let _ = write!(page, "<h2 id=\"{0}\">{0}</h2>", escape(wanted));
        for (path, method, operation) in operations.iter().filter(|(_, _, operation)| tag(operation) == *wanted) {
            section(&mut page, &api, path, method, operation);
        }
    }
    page.push_str("</html>");
    Ok(page)
}

fn tag(operation: &Value) -> &str {
    operation.pointer("/tags/0").and_then(Value::as_str).unwrap_or("Other")
}

fn operations(api: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = api.get("paths").and_then(Value::as_object).into_iter().flatten();
    let of = |(path, methods)| -> Vec<(&str, &str, &Value)> {
        let (path, methods): (&String, &Value) = (path, methods);
        methods
            .as_object()
            .into_iter()
            .flatten()
            .map(|(method, operation)| (path.as_str(), method.as_str(), operation))
            .collect()
    };
    paths.flat_map(of).collect()
}

fn section(page: &mut String, api: &Value, path: &str, method: &str, operation: &Value) {
    let (method, path) = (method.to_uppercase(), escape(path));
    let public = operation.get("security").is_some_and(|security| security == &serde_json::json!([{}]));
    let access = if public { "" } else { " <small>(needs an access token)</small>" };
    let _ = write!(
        page,
        "<details><summary><b>{method}</b> <code>{path}</code> {}{access}</summary>",
        escape(text(operation, "summary"))
    );
    let _ = write!(page, "<p>{}</p>", prose(text(operation, "description")));
    let parameters = operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default();
    if !parameters.is_empty() {
        page.push_str("<table><tr><th>Parameter<th>In<th>Meaning");
        for parameter in &parameters {
            let (name, place) = (escape(text(parameter, "name")), escape(text(parameter, "in")));
            let _ = write!(page, "<tr><td><code>{name}</code><td>{place}<td>{}", prose(text(parameter, "description")));
        }
        page.push_str("</table>");
    }
    if let Some((kind, body)) =
        operation.pointer("/requestBody/content").and_then(Value::as_object).and_then(|content| content.iter().next())
    {
        let _ = write!(page, "<p>Body <code>{}</code>:</p>{}", escape(kind), schema(api, body));
    }
    page.push_str("<table><tr><th>Status<th>Meaning");
    for (status, response) in operation.get("responses").and_then(Value::as_object).into_iter().flatten() {
        let _ = write!(page, "<tr><td>{}<td>{}", escape(status), prose(text(response, "description")));
        let success = status.starts_with('2');
        let body = response.get("content").and_then(Value::as_object).and_then(|content| content.values().next());
        if let (true, Some(body)) = (success, body) {
            page.push_str(&schema(api, body));
        }
    }
    page.push_str("</table></details>");
}

/// The fields of a body.
fn schema(api: &Value, body: &Value) -> String {
    let Some(schema) = body.get("schema").map(|schema| resolve(api, schema)) else { return String::new() };
    let required = |name: &str| {
        schema.get("required").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == name))
    };
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return String::new() };
    let mut table = String::from("<table>");
    for (name, property) in properties {
        let optional = if required(name) { "" } else { " <small>(may be absent or null)</small>" };
        let example = property
            .get("example")
            .map(|example| format!(" <code>{}</code>", escape(&example.to_string())))
            .unwrap_or_default();
        let _ = write!(
            table,
            "<tr><td><code>{}</code>{optional}<td>{}{example}",
            escape(name),
            prose(text(property, "description"))
        );
    }
    table.push_str("</table>");
    table
}

fn resolve<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| api.pointer(pointer)).unwrap_or(schema)
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_from_the_document_cannot_become_markup() {
        let api = r#"{"info": {"title": "<script>"}, "paths": {"/a": {"get": {"tags": ["T"], "summary": "<b>", "description": "see `x<y`"}}}}"#;
        let page = super::render(api).unwrap();
        assert!(!page.contains("<script>") && !page.contains("<b>\""));
        assert!(page.contains("see <code>x&lt;y</code>"), "{page}");
    }
}
