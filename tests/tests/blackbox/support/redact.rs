//! Answers without what differs from run to run, so that they can be compared whole.

use super::http::Answer;
use serde_json::Value;

/// Headers that say something about the answer rather than about the server.
const SHOWN: [&str; 10] = [
    "content-type",
    "cache-control",
    "etag",
    "location",
    "allow",
    "www-authenticate",
    "idempotent-replayed",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
];

/// An answer as text. Equal ids get equal names, so that it shows which of them belong together.
pub fn answer(answer: &Answer, secrets: &[(&str, &str)]) -> String {
    let (mut shown, mut ids) = (answer.status.to_string(), Vec::new());
    for name in SHOWN {
        if let Some(value) = answer.header(name) {
            let value = match name {
                "retry-after" => "[seconds]".to_owned(),
                "ratelimit" => "[what is left]".to_owned(),
                "location" if value.starts_with("http") => "[signed address]".to_owned(),
                _ => plain(value, secrets, &mut ids),
            };
            shown.push_str(&format!("\n{name}: {value}"));
        }
    }
    if let Ok(mut body) = serde_json::from_str::<Value>(&answer.text) {
        json(&mut body, secrets, &mut ids);
        shown.push_str(&format!("\n\n{}", serde_json::to_string_pretty(&body).unwrap()));
    } else if !answer.text.is_empty() {
        shown.push_str("\n\n[text]");
    }
    shown
}

/// Replaces in place.
pub fn json(value: &mut Value, secrets: &[(&str, &str)], ids: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "access_token" | "refresh_token" | "ticket" | "next_cursor" if member.is_string() => {
                        *member = Value::from(format!("[{name}]"));
                    }
                    "token" if member.is_string() => *member = Value::from("[token]"),
                    "request_id" | "timestamp" | "connection_id" | "latency_ms" => {
                        *member = Value::from(format!("[{name}]"));
                    }
                    // Signed, and other each time.
                    "url" | "receipt_url" if member.as_str().is_some_and(|url| url.starts_with("http")) => {
                        *member = Value::from("[signed address]");
                    }
                    // A database's, not a file's.
                    "size_bytes" if member.as_i64().is_some_and(|size| size > 1_000_000) => {
                        *member = Value::from("[size]");
                    }
                    _ => json(member, secrets, ids),
                }
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| json(member, secrets, ids)),
        Value::String(text) => *text = plain(text, secrets, ids),
        _ => {}
    }
}

fn plain(text: &str, secrets: &[(&str, &str)], ids: &mut Vec<String>) -> String {
    let mut text = text.to_owned();
    for (secret, name) in secrets {
        text = text.replace(secret, name);
    }
    if text.len() >= 20 && text.get(4..5) == Some("-") && text.get(10..11) == Some("T") && text.ends_with('Z') {
        return "[time]".into();
    }
    let mut start = 0;
    while let Some(part) = text.get(start..start + 36) {
        if uuid::Uuid::try_parse(part).is_ok() && part.contains('-') {
            let part = part.to_owned();
            let n = ids.iter().position(|id| *id == part).unwrap_or_else(|| {
                ids.push(part.clone());
                ids.len() - 1
            });
            text = text.replace(&part, &format!("[id-{}]", n + 1));
            start = 0;
        } else {
            start += 1;
            while !text.is_char_boundary(start) {
                start += 1;
            }
        }
    }
    text
}
