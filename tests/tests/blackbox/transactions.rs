//! Changing, finding and taking away transactions.

use crate::support::{
    at_once, database,
    http::{Answer, Client},
    user::{User, text, today},
};
use serde_json::{Value, json};
use uuid::Uuid;

fn path(transaction: &Value) -> String {
    format!("/transactions/{}", text(&transaction["id"]))
}

fn patch(user: &User, transaction: &Value, change: &Value) -> Answer {
    user.request("PATCH", &path(transaction)).json(change).send()
}

#[test]
fn of_sixteen_changes_of_the_same_version_one_wins() {
    let user = User::register();
    let made = user.spend("12.00", "Groceries", "EUR");
    let etag = user.get(&path(&made)).header("etag").unwrap().to_owned();
    let answers = at_once(16, |n| {
        loop {
            let request = user.request("PATCH", &path(&made)).header("if-match", &etag);
            let answer = request.json(&json!({"amount": n + 1})).send();
            if answer.status != 503 {
                return answer;
            }
        }
    });
    let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
    assert_eq!(won.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| [200, 412].contains(&answer.status)), "{answers:?}");
    let now = user.get(&path(&made));
    assert_eq!((now.json(), now.header("etag")), (won[0].json(), won[0].header("etag")));
}

#[test]
fn must_hold_14_anothers_transaction_is_as_absent_as_none_on_the_new_routes() {
    let (owner, stranger) = (User::register(), User::register());
    let theirs = owner.spend("12.00", "Groceries", "EUR");
    let receipt = json!({"content_type": "image/png", "size": 5});
    let same = |answer: Answer| {
        let mut body = answer.expect(404);
        body["request_id"].take();
        body["instance"].take();
        body
    };
    let ids = [text(&theirs["id"]), Uuid::now_v7().to_string(), "not-a-uuid".to_owned()];
    let answers = ids.map(|id| {
        [
            same(stranger.request("PATCH", &format!("/transactions/{id}")).json(&json!({"note": "mine"})).send()),
            same(stranger.request("DELETE", &format!("/transactions/{id}")).send()),
            same(stranger.request("POST", &format!("/transactions/{id}/restore")).send()),
            same(stranger.post(&format!("/transactions/{id}/receipt"), &receipt)),
            same(stranger.get(&format!("/transactions/{id}/receipt"))),
        ]
    });
    assert_eq!((&answers[0], &answers[0]), (&answers[1], &answers[2]));
    assert_eq!(owner.get(&path(&theirs)).expect(200), theirs, "nothing was done to it");
}

#[test]
fn must_hold_15_ids_in_bodies_are_checked_for_their_owner() {
    let (owner, stranger) = (User::register(), User::register());
    let theirs = owner.spend("12.00", "Groceries", "EUR");
    let refused = |id: &Value| {
        let bodies = [
            ("/transactions/correct", json!({"transaction_id": id, "new_category": "Mine"})),
            ("/transactions/similar", json!({"transaction_id": id})),
            ("/transactions/duplicates/resolve", json!({"transaction_id": id, "action": "delete"})),
        ];
        bodies.map(|(route, body)| {
            let mut answer = stranger.post(route, &body).expect(404);
            answer["request_id"].take();
            answer
        })
    };
    assert_eq!(refused(&theirs["id"]), refused(&json!(Uuid::now_v7())));
    assert_eq!(owner.get(&path(&theirs)).expect(200), theirs, "nothing was done to it");
}

#[test]
fn must_hold_19_no_input_is_a_fault_of_ours() {
    let user = User::register();
    let made = user.spend("12.00", "Groceries", "EUR");
    let long = "a".repeat(300);
    for query in [
        "",
        "q=",
        "q=%00",
        &format!("q={long}"),
        "q=a&q=b",
        "q=a&limit=0",
        "q=a&limit=9223372036854775808",
        "q=a&offset=1",
        "q=a&cursor=x",
        "q=a&since=2026-13-01",
        "q=a&include=all",
    ] {
        let answer = user.get(&format!("/transactions/search?{query}"));
        assert!([400, 422].contains(&answer.status), "{query}: {answer:?}");
    }
    for query in ["format=xml", "format=csv&limit=5", "min_amount=NaN", "format=csv&format=json", "q=%00"] {
        assert!([400, 422].contains(&user.get(&format!("/transactions/export?{query}")).status), "{query}");
    }
    for query in ["limit=51", "offset=1", "cursor=%F0", "q=a"] {
        assert_eq!(user.get(&format!("/transactions/duplicates?{query}")).status, 422, "{query}");
    }
    let routes = [
        ("PATCH", path(&made)),
        ("POST", "/transactions/correct".into()),
        ("POST", "/transactions/similar".into()),
        ("POST", "/transactions/duplicates/resolve".into()),
        ("POST", format!("{}/receipt", path(&made))),
    ];
    let deep = format!("{{\"transaction_id\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    for (method, route) in &routes {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "{\"amount\":1e3}",
            "{\"note\":\"\\u0000\"}",
            "{\"note\":\"\\ud800\"}",
            "{\"note\":1,\"note\":2}",
            "{\"x\":0}",
            &deep,
        ] {
            let answer = user.request(method, route).body("application/json", body).send();
            assert!([400, 422].contains(&answer.status), "{method} {route} {body:.40}: {answer:?}");
        }
        assert_eq!(user.request(method, route).body("text/plain", "{}").send().status, 415, "{method} {route}");
    }
    assert_eq!(user.get(&path(&made)).expect(200), made);
}

#[test]
fn must_hold_23_a_change_of_the_amount_is_read_as_closely_as_a_new_one() {
    let user = User::register();
    let made = user.spend("12.00", "Groceries", "EUR");
    for bad in ["\"NaN\"", "1.005", "1e3", "\"1_000\"", "0", "\"0.00\"", "1000000000000", "\"1,50\"", "true", "null"] {
        let body = format!("{{\"amount\": {bad}}}");
        let answer = user.request("PATCH", &path(&made)).body("application/json", body).send();
        assert_eq!(answer.problem(422), "validation_failed", "{bad}");
    }
    assert_eq!(patch(&user, &made, &json!({"amount": "999999999999.99"})).expect(200)["amount"], "999999999999.99");
}

#[test]
fn must_hold_25_budgets_follow_every_change() {
    let user = User::register();
    user.budget("100.00", "Groceries", "EUR");
    user.budget("100.00", "Fuel", "EUR");
    let spent = || {
        let budgets = user.get("/budgets").expect(200);
        let of = |category: &str| {
            let budget = budgets["data"].as_array().unwrap().iter().find(|budget| budget["category"] == category);
            text(&budget.unwrap()["spent"])
        };
        (of("Groceries"), of("Fuel"))
    };
    let made = user.spend("60.00", "Groceries", "EUR");
    patch(&user, &made, &json!({"amount": "70.00"})).expect(200);
    assert_eq!(spent(), ("70.00".into(), "0.00".into()));
    user.post("/transactions/correct", &json!({"transaction_id": made["id"], "new_category": "Fuel"})).expect(200);
    assert_eq!(spent(), ("0.00".into(), "70.00".into()));
    user.request("DELETE", &path(&made)).send().expect(204);
    assert_eq!(spent(), ("0.00".into(), "0.00".into()));
    user.request("POST", &format!("{}/restore", path(&made))).send().expect(200);
    assert_eq!(spent(), ("0.00".into(), "70.00".into()));
    patch(&user, &made, &json!({"currency": "USD"})).expect(200);
    assert_eq!(spent(), ("0.00".into(), "0.00".into()));
}

#[test]
fn the_next_import_takes_a_corrected_category_for_that_merchant() {
    let user = User::register();
    let first = user
        .post("/transactions", &json!({"amount": "9.99", "date": today(), "merchant_raw": "Cafe Zentrum 0049"}))
        .expect(201);
    let second = user
        .post("/transactions", &json!({"amount": "9.99", "date": today(), "merchant_raw": "Buchladen Nord"}))
        .expect(201);
    let corrected = json!({"transaction_id": first["id"], "new_category": "Coffee", "reason": "obviously"});
    let answer = user.post("/transactions/correct", &corrected).expect(200);
    assert_eq!(answer, json!({"message": "Corrected.", "old_category": "Uncategorized", "new_category": "Coffee"}));
    patch(&user, &second, &json!({"category": "Books"})).expect(200);
    let csv = format!(
        "Date,Description,Amount\n{0},CAFE ZENTRUM 0731,-4.00\n{0},Buchladen Nord,-5.00\n{0},Else,-6.00\n",
        today()
    );
    assert_eq!(user.import("/transactions/import", &csv)["rows_imported"], 3);
    let category = |amount: &str| {
        let all = user.transactions();
        text(&all.iter().find(|one| one["amount"] == amount).unwrap()["category"])
    };
    assert_eq!(
        (category("4.00"), category("5.00"), category("6.00")),
        ("Coffee".into(), "Books".into(), "Uncategorized".into())
    );
}

#[test]
fn a_correction_with_a_key_is_recorded_once() {
    let user = User::register();
    let made = user.spend("12.00", "Groceries", "EUR");
    let send = || {
        let body = json!({"transaction_id": made["id"], "new_category": "Fun"});
        user.request("POST", "/transactions/correct").header("idempotency-key", "one").json(&body).send()
    };
    let (first, again) = (send(), send());
    assert_eq!((first.expect(200), again.header("idempotent-replayed")), (again.expect(200), Some("true")));
    let count = database::one::<i64>(&format!("SELECT count(*) FROM user_corrections WHERE user_id = '{}'", user.id));
    assert_eq!(count, 1);
}

#[test]
fn a_receipt_goes_up_and_comes_down_by_signed_addresses() {
    let user = User::register();
    let made = user.spend("12.00", "Groceries", "EUR");
    let receipt = format!("{}/receipt", path(&made));
    assert_eq!(user.get(&receipt).problem(404), "not_found", "none yet");
    let ticket = user.post(&receipt, &json!({"content_type": "image/png", "size": 5})).expect(200);
    assert_eq!((&ticket["method"], &ticket["expires_in"]), (&json!("PUT"), &json!(900)));
    assert_eq!(ticket["receipt_url"], format!("/v1{receipt}"));
    assert_eq!(ticket["headers"], json!({"content-type": "image/png", "content-length": "5"}));
    let to = |url: &Value, method: &str| {
        let url = text(url);
        let (base, path) = url.split_at(url.match_indices('/').nth(2).unwrap().0);
        Client::new().to(base, method, path)
    };
    let put = |kind: &str, body: &str| to(&ticket["url"], "PUT").body(kind, body).send().status;
    assert_eq!((put("image/png", "longer"), put("text/html", "12345"), put("image/png", "12345")), (403, 403, 200));
    let shown = user.get(&path(&made)).expect(200);
    assert_eq!(to(&shown["receipt_url"], "GET").send().text, "12345");
    let led = user.get(&receipt);
    assert_eq!(led.status, 303);
    assert_eq!(to(&json!(led.header("location").unwrap()), "GET").send().text, "12345");
    assert_eq!(user.transactions()[0]["receipt_url"], ticket["receipt_url"]);
    // Nobody gets there without the signature.
    let (url, shown) = (text(&ticket["url"]), text(&shown["receipt_url"]));
    let bare = |url: &str| json!(url.split('?').next().unwrap());
    for bad in [
        json!(shown.replace("X-Amz-Signature=", "X-Amz-Signature=0")),
        json!(url.replace(&user.id.to_string(), &Uuid::now_v7().to_string())),
    ] {
        assert_eq!(to(&bad, "GET").send().status, 403, "{bad}");
    }
    assert!(bare(&shown).as_str().unwrap().contains(&user.id.to_string()), "the key is the user's own");
}
