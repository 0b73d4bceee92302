//! Holdings over HTTP, and what the user's open apps hear of them.

use crate::support::{
    at_once, database,
    socket::Socket,
    user::{User, text},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use uuid::Uuid;

fn etf() -> Value {
    json!({"asset_type": "etf", "identifier": "VWCE", "units": "2", "cost_basis": "100.00", "last_valuation": "110.00", "currency": "EUR"})
}

#[test]
fn an_open_app_hears_of_every_change_of_a_holding() {
    let user = User::register();
    let (mut socket, _) = Socket::of(&user);
    let made = user.post("/portfolio/holdings", &etf()).expect(201);
    assert_eq!(socket.next_of("portfolio_update")["data"], made);
    let path = format!("/portfolio/holdings/{}", text(&made["id"]));
    let changed = user.request("PATCH", &path).json(&json!({"last_valuation": "90"})).send().expect(200);
    assert_eq!((&changed["gain"], &changed["gain_percentage"]), (&json!("-10.00"), &json!(-10.0)));
    assert_eq!(socket.next_of("portfolio_update")["data"], changed);
    user.request("DELETE", &path).send().expect(204);
    let gone = socket.next_of("portfolio_update");
    assert_eq!((&gone["data"]["id"], &gone["data"]["is_deleted"]), (&made["id"], &json!(true)));
    assert_eq!(user.get("/portfolio/summary?currency=EUR").expect(200)["holdings"], 0);
}

#[test]
fn must_hold_23_units_and_amounts_that_are_odd_are_refused_as_text_and_as_numbers() {
    let user = User::register();
    let odd = ["NaN", "Infinity", "1e2", "1_000", "0x10", "+1", "", " 1", "1,5", "-1", "1.123456789", "9999999999999"];
    for value in odd {
        for name in ["units", "cost_basis", "last_valuation"] {
            let mut body = etf();
            body[name] = value.into();
            let problem = user.post("/portfolio/holdings", &body).expect(422);
            assert_eq!(problem["errors"][0]["pointer"], format!("/{name}"), "{value:?}: {problem}");
        }
    }
    for number in ["1e2", "-1", "1.123456789", "9999999999999", "1E400", "true", "[1]"] {
        let body = etf().to_string().replace("\"units\":\"2\"", &format!("\"units\":{number}"));
        let answer = user.request("POST", "/portfolio/holdings").body("application/json", body).send();
        assert_eq!(answer.expect(422)["errors"][0]["pointer"], "/units", "{number}");
    }
    assert_eq!(user.get("/portfolio/holdings").expect(200)["total"], 0);
    // As finely and as large as it is stored.
    let mut body = etf();
    body["units"] = "999999999999.99999999".into();
    assert_eq!(user.post("/portfolio/holdings", &body).expect(201)["units"], "999999999999.99999999");
}

#[test]
fn must_hold_31_a_holding_is_added_once_for_its_key() {
    let user = User::register();
    let key = Uuid::now_v7().to_string();
    let add =
        |body: &Value| user.request("POST", "/portfolio/holdings").header("idempotency-key", &key).json(body).send();
    let answers = at_once(8, |_| add(&etf()));
    let ids: BTreeSet<_> =
        answers.iter().filter(|answer| answer.status == 201).map(|answer| text(&answer.json()["id"])).collect();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)), "{answers:?}");
    assert_eq!(add(&etf()).header("idempotent-replayed"), Some("true"));
    let mut other = etf();
    other["units"] = "3".into();
    assert_eq!(add(&other).problem(422), "idempotency_key_reused");
    assert_eq!(user.get("/portfolio/holdings").expect(200)["total"], 1);
}

#[test]
fn of_sixteen_changes_of_one_version_one_counts() {
    let user = User::register();
    let id = text(&user.post("/portfolio/holdings", &etf()).expect(201)["id"]);
    let path = format!("/portfolio/holdings/{id}");
    let etag = user.get(&path).header("etag").unwrap().to_owned();
    let answers =
        at_once(16, |n| user.request("PATCH", &path).header("if-match", &etag).json(&json!({"units": n + 10})).send());
    let with = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    // A turn may not be waited for for ever: on a busy machine some are told to come again.
    assert_eq!((with(200), with(412) + with(503)), (1, 15), "{answers:?}");
    let frames: i64 = database::one(&format!(
        "SELECT count(*) FROM events WHERE user_id = '{}' AND type = 'portfolio_update'",
        user.id
    ));
    assert_eq!(frames, 2);
}
