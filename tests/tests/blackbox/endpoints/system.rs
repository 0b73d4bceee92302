//! What every API has.

use crate::{endpoints::Answers, support::http::Client};

#[test]
fn system() {
    let client = Client::new();
    let mut answers = Answers::default();
    answers.add("health", &client.get("/health"));
    answers.add("the page for people", &client.get("/docs"));
    let openapi = client.get("/openapi.json");
    assert_eq!((openapi.status, openapi.header("content-type")), (200, Some("application/json")));
    assert!(openapi.json()["paths"]["/transactions"]["post"].is_object(), "{}", openapi.text);
    answers.add("no route", &client.get("/nowhere"));
    answers.add("no such method", &client.request("DELETE", "/health").send());
    answers.check("system");
}
