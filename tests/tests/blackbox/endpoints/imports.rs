//! Imports and saved mappings.

use crate::{
    endpoints::Answers,
    support::user::{User, text},
};
use serde_json::{Value, json};

#[test]
fn imports() {
    let user = User::register();
    let mut answers = Answers::default();
    let csv = "Date,Description,Amount\n2026-01-05,NETFLIX.COM,-12.99\n2026-02-31,No such day,-1.00\n";
    let send = |path: &str, kind: &str, body: &str| user.request("POST", path).body(kind, body).send();
    let started = send("/transactions/import", "text/csv", csv);
    let id = text(&started.json()["id"]);
    user.finished(&id);
    answers.add("taken", &started);
    answers.add("one, completed", &user.get(&format!("/transactions/imports/{id}")));
    answers.add("all", &user.get("/transactions/imports"));
    answers.add("an id that is none", &user.get("/transactions/imports/0199a6b2-0000-7000-8000-000000000000"));
    answers.add(
        "a shape that stays ambiguous",
        &send("/transactions/import", "text/csv", "Date,Description,Amount\n01/02/2026,Shop,-1.00\n"),
    );
    answers.add("a shape that is none", &send("/transactions/import", "text/csv", "alpha,beta\nfoo,bar\nbaz,qux\n"));
    answers.add("an empty file", &send("/transactions/import", "text/csv", ""));
    answers.add("a bad query", &send("/transactions/import?on_duplicate=drop&mapping=x", "text/csv", csv));
    answers.add("another content type", &send("/transactions/import", "application/json", "{}"));
    answers.add("taken back", &user.post(&format!("/transactions/imports/{id}/revert"), &json!({})));
    user.finished(&id);
    answers.add("taken back again", &user.post(&format!("/transactions/imports/{id}/revert"), &json!({})));
    answers.add("one, reverted", &user.get(&format!("/transactions/imports/{id}")));
    answers.check("imports");
}

#[test]
fn mappings() {
    let user = User::register();
    let mut answers = Answers::default();
    let save = |body: &Value| user.post("/transactions/mappings", body);
    answers.add(
        "saved",
        &save(&json!({"name": "My bank", "mapping": {"date": "Date", "amount": 3, "date_order": "dmy"}})),
    );
    answers.add("replaced", &save(&json!({"name": "My bank", "mapping": {"date_order": "mdy"}})));
    answers.add("all", &user.get("/transactions/mappings"));
    answers.add("with bad fields", &save(&json!({"name": "", "mapping": {"datum": 1}, "user_id": "x"})));
    answers.add("a bad query", &user.get("/transactions/mappings?name=x"));
    answers.check("mappings");
}
