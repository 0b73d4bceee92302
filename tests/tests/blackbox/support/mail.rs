//! The mailbox of the local cloud.

use super::http::Client;
use serde_json::Value;

/// All mails to an address, oldest first.
pub fn to(address: &str) -> Vec<Value> {
    let all = Client::new().to(&super::setting("MAIL_URL"), "GET", "").send().expect(200);
    let all = all["messages"].as_object().into_iter().flat_map(|accounts| accounts.values());
    let all = all.flat_map(|mails| mails.as_array().into_iter().flatten());
    all.filter(|mail| mail["To"].as_array().is_some_and(|to| to.iter().any(|one| one == address))).cloned().collect()
}

/// The newest mail to an address whose subject contains this, once one is there that is not among the first `seen`.
#[track_caller]
pub fn next(address: &str, subject: &str, seen: usize) -> Value {
    let about = |mail: &Value| mail["Subject"].as_str().is_some_and(|text| text.contains(subject));
    super::eventually(&format!("a mail about {subject:?}"), 80, || {
        let all: Vec<_> = to(address).into_iter().filter(about).collect();
        all.get(seen).cloned()
    })
}

/// The link in a mail.
#[track_caller]
pub fn link(mail: &Value) -> String {
    let text = mail["BodyText"].as_str().expect("a mail has a text");
    text.split_whitespace().find(|word| word.starts_with("http")).expect("a link in the mail").to_owned()
}

/// The token in a mail's link.
#[track_caller]
pub fn token(mail: &Value) -> String {
    link(mail).split_once("?token=").expect("a token in the link").1.to_owned()
}
