//! Transactions.

use crate::{
    endpoints::Answers,
    support::user::{User, text},
};
use serde_json::json;

#[test]
fn transactions() {
    let user = User::register();
    let mut answers = Answers::default();
    let known = json!({"amount": "12.99", "date": "2026-01-05", "merchant_raw": "NETFLIX.COM", "currency": "EUR"});
    let made = user.request("POST", "/transactions").header("idempotency-key", "one").json(&known).send();
    let path = format!("/transactions/{}", text(&made.json()["id"]));
    answers.add("created, with its merchant recognised", &made);
    answers.add(
        "the same key again",
        &user.request("POST", "/transactions").header("idempotency-key", "one").json(&known).send(),
    );
    let own = json!({"amount": -5, "date": "2026-01-06", "merchant_raw": "Flea market", "category": "Bric-a-brac", "note": "sold a lamp"});
    answers.add("created, with a category of the user's own", &user.post("/transactions", &own));
    answers.add("created, looking like the first", &user.post("/transactions", &known));
    answers.add("one", &user.get(&path));
    answers.add("a page", &user.get("/transactions?limit=2"));
    answers.add(
        "filtered",
        &user.get("/transactions?currency=EUR&max_amount=20&since=2026-01-01&until=2026-01-31&limit=1&offset=1"),
    );
    answers.add("none", &user.get("/transactions?category=Nothing"));
    answers.check("transactions");
}

#[test]
fn transactions_changed() {
    let user = User::register();
    let mut answers = Answers::default();
    let known = json!({"amount": "12.99", "date": "2026-01-05", "merchant_raw": "NETFLIX.COM", "currency": "EUR"});
    let path = format!("/transactions/{}", text(&user.post("/transactions", &known).json()["id"]));
    let change = |body: &serde_json::Value| user.request("PATCH", &path).header("if-match", "\"1\"").json(body).send();
    answers.add("changed", &change(&json!({"amount": "13.99", "note": "for two", "category": "Fun"})));
    answers.add("a version that is no more", &change(&json!({"amount": "14.99"})));
    answers.add(
        "with bad fields",
        &change(&json!({"amount": null, "date": "yesterday", "source": "csv", "user_id": "x", "is_deleted": true})),
    );
    let correction = json!({"transaction_id": text(&user.get(&path).json()["id"]), "new_category": "Series"});
    answers.add("corrected", &user.post("/transactions/correct", &correction));
    answers.add("corrected to the same", &user.post("/transactions/correct", &correction));
    answers.add("corrected with bad fields", &user.post("/transactions/correct", &json!({"new_category": "", "x": 1})));
    let receipt = format!("{path}/receipt");
    answers.add("given a receipt", &user.post(&receipt, &json!({"content_type": "application/pdf", "size": 1})));
    answers.add("a receipt that is none", &user.post(&receipt, &json!({"content_type": "text/html", "size": 0})));
    answers.add("one with a receipt", &user.get(&path));
    answers.add("its receipt", &user.get(&receipt));
    answers.add("deleted", &user.request("DELETE", &path).send());
    answers.add("deleted again", &user.request("DELETE", &path).send());
    answers.add("restored", &user.request("POST", &format!("{path}/restore")).send());
    answers.add("restored again", &user.request("POST", &format!("{path}/restore")).send());
    answers.check("transactions_changed");
}

#[test]
fn transactions_found() {
    let user = User::register();
    let mut answers = Answers::default();
    let mut ids = Vec::new();
    for (day, merchant, note) in
        [(5, "NETFLIX.COM", "one"), (6, "Flea market", "netflix box"), (7, "NETFLIX", "netflix again")]
    {
        let body = json!({"amount": day, "date": format!("2026-01-0{day}"), "merchant_raw": merchant, "note": note, "currency": "EUR"});
        ids.push(text(&user.post("/transactions", &body).json()["id"]));
    }
    answers.add("by a word", &user.get("/transactions/search?q=netflix&limit=2"));
    answers.add("by none that there is", &user.get("/transactions/search?q=%25"));
    answers.add("by bad fields", &user.get("/transactions/search?limit=101&cursor=&source=fax&offset=2"));
    answers.add("by a cursor of nobody's", &user.get("/transactions/search?q=netflix&cursor=x"));
    let similar =
        |id: &str, limit: i64| user.post("/transactions/similar", &json!({"transaction_id": id, "limit": limit}));
    answers.add("similar, without an embedding", &similar(&ids[0], 5));
    for (n, id) in ids.iter().enumerate() {
        crate::support::database::run(&format!(
            "INSERT INTO embeddings (user_id, id, transaction_id, vector)
             VALUES ('{}', '{id}', '{id}', (ARRAY[3 - {n}, 4 * {n}] || array_fill(0, ARRAY[382]))::vector)",
            user.id
        ));
    }
    answers.add("similar", &similar(&ids[0], 1));
    answers.add("similar by bad fields", &similar("x", 51));
    answers.add("exported as CSV", &user.get("/transactions/export"));
    answers.add("exported as JSON", &user.get("/transactions/export?format=json&until=2026-01-05"));
    answers.add("exported by bad fields", &user.get("/transactions/export?format=pdf&limit=5"));
    answers.check("transactions_found");
}

#[test]
fn transactions_duplicates() {
    let user = User::register();
    let mut answers = Answers::default();
    let coffee = json!({"amount": "3.50", "date": "2026-01-05", "merchant_raw": "Cafe Central", "currency": "EUR"});
    let ids: Vec<_> = (0..3).map(|_| text(&user.post("/transactions", &coffee).json()["id"])).collect();
    answers.add("a group", &user.get("/transactions/duplicates?limit=1"));
    let resolve = |body: serde_json::Value| user.post("/transactions/duplicates/resolve", &body);
    answers.add("kept", &resolve(json!({"transaction_id": ids[1], "action": "keep"})));
    let absent = "0199a6b2-0000-7000-8000-000000000000";
    answers.add(
        "a list",
        &resolve(json!({"resolutions": [{"transaction_id": ids[2], "action": "delete"}, {"transaction_id": absent, "action": "keep"}]})),
    );
    answers.add("one that is not there", &resolve(json!({"transaction_id": absent, "action": "keep"})));
    answers.add("by bad fields", &resolve(json!({"resolutions": [{"transaction_id": "x", "action": "merge"}, 1]})));
    answers.add("no more", &user.get("/transactions/duplicates"));
    answers.add("by a bad query", &user.get("/transactions/duplicates?limit=51&offset=3"));
    answers.check("transactions_duplicates");
}

#[test]
fn transactions_refused() {
    let user = User::register();
    let mut answers = Answers::default();
    let body = json!({"amount": "1.005", "date": "31.01.2026", "currency": "KWD", "colour": "red"});
    answers.add("created from bad fields", &user.post("/transactions", &body));
    answers.add("without a body", &user.request("POST", "/transactions").send());
    answers.add("an id that is none", &user.get("/transactions/0199a6b2-0000-7000-8000-000000000000"));
    answers.add(
        "a list by bad filters",
        &user
            .get("/transactions?limit=0&cursor=x&since=2026-02-01&until=2026-01-01&source=fax&min_amount=x&colour=red"),
    );
    answers.add("a cursor of nobody's", &user.get("/transactions?cursor=x"));
    answers.add("another method", &user.request("PUT", "/transactions").json(&json!({})).send());
    answers.add("a token that is missing", &user.client.get("/transactions"));
    answers.check("transactions_refused");
}
