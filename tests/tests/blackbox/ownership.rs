//! Nobody sees, changes or can tell apart from nothing what belongs to somebody else.

use crate::support::{
    database::{self, Database},
    http::Answer,
    user::{User, text, today},
};
use serde_json::{Value, json};
use uuid::Uuid;

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

fn holding() -> Value {
    json!({"asset_type": "etf", "identifier": "VWCE", "units": "1", "last_valuation": "7.00", "currency": "EUR"})
}

/// An answer but for what must differ: the request's id and its path.
fn comparable(answer: &Answer, id: &str) -> String {
    let mut body = answer.json();
    body["request_id"].take();
    let instance = body["instance"].take();
    assert!(instance.as_str().is_some_and(|instance| instance.ends_with(id)), "{answer:?}");
    format!("{} {:?} {body}", answer.status, answer.header("content-type"))
}

#[test]
fn must_hold_14_anothers_id_answers_like_a_missing_one_on_every_route_and_method() {
    let (owner, stranger) = (User::register(), User::register());
    let transaction = text(&owner.spend("12.00", "Groceries", "EUR")["id"]);
    let csv = format!("Date,Description,Amount\n{},Corner shop,-5.00\n", today());
    let import = text(&owner.import("/transactions/import", &csv)["id"]);
    let holding = text(&owner.post("/portfolio/holdings", &holding()).expect(201)["id"]);
    let missing = Uuid::now_v7().to_string();
    let budget = text(&owner.budget("10.00", "Fuel", "EUR")["id"]);
    for (route, theirs) in [
        ("/transactions/", transaction),
        ("/transactions/imports/", import),
        ("/budgets/", budget.clone()),
        ("/portfolio/holdings/", holding),
    ] {
        assert_eq!(owner.get(&format!("{route}{theirs}")).status, 200);
        for method in METHODS {
            let body = if route.contains("holdings") { json!({"units": "1"}) } else { json!({"category": "Mine"}) };
            let answer = |id: &str| stranger.request(method, &format!("{route}{id}")).json(&body).send();
            let (others, absent) = (answer(&theirs), answer(&missing));
            assert_eq!(comparable(&others, &theirs), comparable(&absent, &missing), "{method} {route}");
            assert!([404, 405].contains(&others.status), "{method} {route}: {others:?}");
        }
        assert_eq!(stranger.get(&format!("{route}{theirs}")).problem(404), "not_found");
        assert_eq!(stranger.get(&format!("{route}not-a-uuid")).problem(404), "not_found");
        assert_eq!(owner.get(&format!("{route}{theirs}")).status, 200, "nothing was done to it");
    }
    let renew = |id: &str| stranger.request("POST", &format!("/budgets/{id}/renew")).send();
    assert_eq!(
        comparable(&renew(&budget), &format!("{budget}/renew")),
        comparable(&renew(&missing), &format!("{missing}/renew"))
    );
}

#[test]
fn must_hold_15_an_id_in_a_query_is_checked_for_its_owner() {
    let (owner, stranger) = (User::register(), User::register());
    let id = Uuid::now_v7();
    let mapping = format!(
        "INSERT INTO import_mappings (user_id, id, name, mapping) VALUES ('{}', '{id}', 'Mine', '{{}}')",
        owner.id
    );
    database::run(&mapping);
    let csv = "Date,Description,Amount\n2026-01-31,Corner shop,-5.00\n";
    let refused = |id: Uuid| {
        let request = stranger.request("POST", &format!("/transactions/import?mapping={id}"));
        let mut answer = request.body("text/csv", csv).send().expect(422);
        answer["request_id"].take();
        answer
    };
    assert_eq!(refused(id), refused(Uuid::now_v7()));
}

#[test]
fn must_hold_16_lists_and_sums_hold_the_users_own_alone() {
    let (owner, stranger) = (User::register(), User::register());
    let mine = stranger.spend("1.00", "Groceries", "EUR");
    owner.spend("99.00", "Groceries", "EUR");
    owner.spend("50.00", "A label of the owner's", "EUR");
    owner.budget("100.00", "Groceries", "EUR");
    owner.import("/transactions/import", &format!("Date,Description,Amount\n{},Corner shop,-5.00\n", today()));
    stranger.budget("10.00", "Groceries", "EUR");
    owner.post("/portfolio/holdings", &holding()).expect(201);

    let ids = |user: &User, path: &str| -> Vec<Value> {
        let page = user.get(path).expect(200);
        page["data"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect()
    };
    for query in [
        "",
        "?category=Groceries",
        "?q=corner",
        "?include=deleted",
        "?currency=EUR&min_amount=0",
        "?offset=0&source=manual",
    ] {
        assert_eq!(ids(&stranger, &format!("/transactions{query}")), [mine["id"].clone()], "{query}");
    }
    assert_eq!(stranger.get("/transactions").expect(200)["total"], 1);
    assert_eq!(ids(&stranger, "/transactions/imports"), [Value::Null; 0]);
    assert_eq!(ids(&stranger, "/portfolio/holdings"), [Value::Null; 0]);
    let summary = stranger.get("/portfolio/summary?currency=EUR").expect(200);
    assert_eq!((&summary["holdings"], &summary["value"]), (&json!(0), &json!("0.00")));
    let budgets = stranger.get("/budgets?period=all").expect(200);
    assert_eq!(budgets["data"].as_array().unwrap().len(), 1);
    assert_eq!(budgets["data"][0]["spent"], "1.00");
    let categories = stranger.get("/categories").expect(200);
    assert!(!categories.to_string().contains("of the owner's"), "{categories}");
    assert!(owner.get("/categories").text.contains("of the owner's"));
    assert_eq!(stranger.get("/auth/me").expect(200)["id"], json!(stranger.id));
}

#[test]
fn must_hold_16_a_cursor_of_anothers_list_is_refused() {
    let (owner, stranger) = (User::register(), User::register());
    for _ in 0..3 {
        owner.spend("1.00", "Groceries", "EUR");
        stranger.spend("1.00", "Groceries", "EUR");
    }
    let page = owner.get("/transactions?limit=1").expect(200);
    let path = format!("/transactions?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
    assert_eq!(owner.get(&path).status, 200);
    assert_eq!(stranger.get(&path).expect(422)["errors"][0]["code"], "bad_cursor");
    assert_eq!(owner.get(&format!("{path}&category=Groceries")).status, 422, "nor under other filters");
}

#[test]
fn must_hold_16_the_database_itself_refuses_a_foreign_id() {
    let (owner, stranger) = (User::register(), User::register());
    let theirs = text(&owner.spend("1.00", "Groceries", "EUR")["id"]);
    let own = text(&stranger.spend("1.00", "Groceries", "EUR")["id"]);
    let refused = |statement: &str| {
        let block = format!(
            "DO $$ BEGIN {statement}; RAISE 'the database let it happen';
             EXCEPTION WHEN foreign_key_violation THEN NULL; END $$"
        );
        Database::connect().run(&block);
    };
    let (user, new) = (stranger.id, Uuid::now_v7());
    refused(&format!("UPDATE transactions SET duplicate_of = '{theirs}' WHERE user_id = '{user}' AND id = '{own}'"));
    refused(&format!(
        "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_key, old_category, new_category)
         VALUES ('{user}', '{new}', '{theirs}', 1, 'a', 'b')"
    ));
    refused(&format!("INSERT INTO embeddings SELECT '{user}', '{new}', '{theirs}', array_fill(0, ARRAY[384])::vector"));
    let budget = text(&owner.budget("10.00", "Fuel", "EUR")["id"]);
    refused(&format!(
        "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount)
         VALUES ('{user}', '{budget}', '2020-01-01', '2020-01-31', 1)"
    ));
}

#[test]
fn must_hold_18_fields_that_are_not_the_clients_to_set_are_refused() {
    let user = User::register();
    let somebody = Uuid::now_v7();
    let transaction = json!({"amount": "1.00", "date": today(), "merchant_raw": "Corner shop"});
    let budget = json!({"category": "Fuel", "amount": "1.00", "start_date": "2026-01-01", "end_date": "2026-01-31"});
    let account = json!({"email": "x@example.com", "password": "a long password", "full_name": "Test User"});
    let forbidden = [
        ("is_admin", json!(true)),
        ("user_id", json!(somebody)),
        ("id", json!(somebody)),
        ("source", json!("csv")),
        ("blockchain_hash", json!("ab")),
        ("is_deleted", json!(true)),
        ("changed_seq", json!(1)),
        ("tier", json!("gold")),
        ("is_verified", json!(true)),
        ("spent", json!("0.00")),
        ("gain", json!("1.00")),
        ("__proto__", json!({})),
    ];
    let holding = holding();
    for (path, body) in [
        ("/transactions", transaction),
        ("/budgets", budget),
        ("/portfolio/holdings", holding),
        ("/auth/register", account),
    ] {
        for (name, value) in &forbidden {
            let mut body = body.clone();
            body[name] = value.clone();
            let answer = user.post(path, &body).expect(422);
            assert_eq!(
                answer["errors"],
                json!([{
                    "pointer": format!("/{name}"), "code": "unknown_field", "detail": answer["errors"][0]["detail"],
                }]),
                "{path}"
            );
        }
    }
    assert_eq!(user.transactions(), [Value::Null; 0]);
}
