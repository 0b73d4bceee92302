//! What administrators do to merchants, and what users see of it.

use crate::support::{
    database, eventually,
    user::{User, text, today},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A word that no merchant has: tests share their merchants.
pub fn unheard_of() -> String {
    // No digits: a word with several is taken for a reference and not for a name.
    let letter = |c: char| c.to_digit(10).and_then(|n| "ghijklmnop".chars().nth(n.try_into().ok()?)).unwrap_or(c);
    let word: String = Uuid::now_v7().simple().to_string().chars().skip(18).map(letter).collect();
    format!("Q{word}")
}

fn create(admin: &User, name: &str, alias: &str) -> String {
    let body = json!({"canonical_name": name, "category": "Travel", "aliases": [alias]});
    text(&admin.post("/merchants?force=true", &body).expect(201)["id"])
}

fn found(user: &User, q: &str) -> Vec<Value> {
    let q = q.replace(' ', "%20");
    user.get(&format!("/merchants/search?q={q}")).expect(200)["data"].as_array().unwrap().clone()
}

#[test]
fn must_hold_17_an_administrators_right_is_looked_up_with_every_request() {
    let user = User::register();
    let body = || json!({"canonical_name": unheard_of(), "category": "Travel"});
    let posts = [
        "/merchants",
        "/merchants/import",
        "/merchants/merge",
        "/merchants/merges/0199a6b2-0000-7000-8000-000000000000/undo",
    ];
    let refused = |user: &User| posts.map(|path| user.post(path, &body()).problem(403));
    assert_eq!(refused(&user), ["forbidden"; 4].map(str::to_owned));
    user.set_admin(true);
    user.post("/merchants", &body()).expect(201);
    user.set_admin(false);
    assert_eq!(refused(&user), ["forbidden"; 4].map(str::to_owned));
}

#[test]
fn must_hold_18_and_19_a_merchant_takes_its_own_fields_and_nothing_odd() {
    let admin = User::register_admin();
    let name = unheard_of();
    let cases: [(Value, &str); 9] = [
        (json!({"id": Uuid::nil()}), "/id unknown_field"),
        (json!({"is_admin": true}), "/is_admin unknown_field"),
        (json!({"merged_into": Uuid::nil()}), "/merged_into unknown_field"),
        (json!({"aliases": ["a\u{0}b"]}), "/aliases nul_character"),
        (json!({"aliases": ["y".repeat(300)]}), "/aliases wrong_length"),
        (json!({"aliases": (0..51).map(|n| format!("alias {n}")).collect::<Vec<_>>()}), "/aliases too_many"),
        (json!({"aliases": "one"}), "/aliases not_a_list"),
        (json!({"tags": {"a": "b\u{0}"}}), "/tags nul_character"),
        (json!({"country": "UK"}), "/country not_a_country"),
    ];
    for (odd, expected) in cases {
        let mut body = json!({"canonical_name": name, "category": "Travel"});
        body.as_object_mut().unwrap().extend(odd.as_object().unwrap().clone());
        let problem = admin.post("/merchants", &body).expect(422);
        let error = &problem["errors"][0];
        assert_eq!(format!("{} {}", text(&error["pointer"]), text(&error["code"])), expected);
    }
    assert_eq!(found(&admin, &name), [Value::Null; 0]);
}

#[test]
fn must_hold_19_no_body_fails_an_administrators_route() {
    let admin = User::register_admin();
    let header = "canonical_name,category,aliases,country,tags\n";
    let files: Vec<Vec<u8>> = vec![
        vec![],
        vec![0; 64],
        vec![0xff, 0xfe],
        header.into(),
        format!("{header}\0\0\0,Travel,,,\n").into(),
        format!("{header}\"never closed,Travel").into(),
        format!("{header}Some Shop {},Travel,a\u{1}b,,\"{{\"\"x\"\": 1e999}}\"\n", unheard_of()).into(),
        format!("{header}{}", "x,y\n".repeat(5001)).into(),
        format!("{}{}", "h".repeat(500_000), "\na".repeat(1000)).into(),
        vec![b'x'; 1_100_000],
    ];
    for file in files {
        let answer = admin.request("POST", "/merchants/import").body("application/octet-stream", file).send();
        assert!(answer.status < 500, "{answer:?}");
        if answer.status == 200 {
            assert_eq!(answer.json()["imported"], 0, "{answer:?}");
        }
    }
    for body in [json!([]), json!({"from_id": [], "into_id": {}}), json!({"from_id": "\u{0}", "into_id": 7}), json!({})]
    {
        for path in ["/merchants/merge", "/merchants"] {
            let answer = admin.post(path, &body);
            assert!([400, 422].contains(&answer.status), "{answer:?}");
        }
    }
    for id in ["x", "%00", "0199a6b2-0000-7000-8000-000000000000"] {
        let answer = admin.request("POST", &format!("/merchants/merges/{id}/undo")).send();
        assert!([400, 404].contains(&answer.status), "{answer:?}");
    }
}

#[test]
fn must_hold_51_what_administrators_do_is_on_record() {
    let admin = User::register_admin();
    let name = unheard_of();
    let (from, into) = (
        create(&admin, &format!("{name} One"), &format!("{name} A")),
        create(&admin, &format!("{name} Two"), &format!("{name} B")),
    );
    admin
        .request("POST", "/merchants/import")
        .body("text/csv", format!("canonical_name,category\n{name} Three,Travel\n"))
        .send()
        .expect(200);
    let merge = text(&admin.post("/merchants/merge", &json!({"from_id": from, "into_id": into})).expect(202)["id"]);
    admin.request("POST", &format!("/merchants/merges/{merge}/undo")).send().expect(202);
    assert_eq!(admin.post("/merchants/merge", &json!({"from_id": into, "into_id": into})).status, 422);
    let sql = format!(
        "SELECT action || ' ' || coalesce(target, '') FROM audit_log WHERE actor_id = '{}' AND action LIKE 'merchant%' ORDER BY id",
        admin.id
    );
    let expected = [
        format!("merchant.created {from}"),
        format!("merchant.created {into}"),
        "merchants.imported ".into(),
        format!("merchant.merged {merge}"),
        format!("merchant.merge_undone {merge}"),
    ];
    assert_eq!(database::column::<String>(&sql), expected);
}

#[test]
fn must_hold_30_a_merge_is_begun_once_for_its_key() {
    let admin = User::register_admin();
    let name = unheard_of();
    let (from, into) = (
        create(&admin, &format!("{name} One"), &format!("{name} A")),
        create(&admin, &format!("{name} Two"), &format!("{name} B")),
    );
    let send = || {
        let request = admin.request("POST", "/merchants/merge").header("idempotency-key", "merge");
        request.json(&json!({"from_id": from, "into_id": into})).send()
    };
    let (first, second) = (send(), send());
    assert_eq!((first.status, second.status, &first.text), (202, 202, &second.text));
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
}

#[test]
fn a_merge_reaches_users_transactions_and_its_undoing_takes_it_back() {
    let (admin, user) = (User::register_admin(), User::register());
    let name = unheard_of();
    let (from, into) = (
        create(&admin, &format!("{name} One"), &format!("{name} A")),
        create(&admin, &format!("{name} Two"), &format!("{name} B")),
    );
    let body = json!({"amount": "5.00", "date": today(), "merchant_raw": format!("{name} A")});
    let bought = text(&user.post("/transactions", &body).expect(201)["id"]);
    let merchant = || text(&user.get(&format!("/transactions/{bought}")).expect(200)["merchant"]["id"]);
    assert_eq!(merchant(), from);
    let merge = text(&admin.post("/merchants/merge", &json!({"from_id": from, "into_id": into})).expect(202)["id"]);
    assert_eq!(found(&user, &format!("{name} A"))[0]["id"], into, "the name leads to the other at once");
    eventually("the move", 30, || (merchant() == into).then_some(()));
    admin.request("POST", &format!("/merchants/merges/{merge}/undo")).send().expect(202);
    eventually("the move back", 30, || (merchant() == from).then_some(()));
    assert_eq!(found(&user, &format!("{name} A"))[0]["id"], from);
    let statistics = user.get("/merchants/statistics").expect(200);
    assert_eq!(
        (&statistics["merchants"][0]["merchant"]["id"], &statistics["merchants"][0]["count"]),
        (&json!(from), &json!(1))
    );
}

#[test]
fn must_hold_16_statistics_are_the_users_own() {
    let (user, other) = (User::register(), User::register());
    let body = json!({"amount": "5.00", "date": today(), "merchant_raw": "NETFLIX.COM"});
    other.post("/transactions", &body).expect(201);
    assert_eq!(user.get("/merchants/statistics").expect(200)["merchants"], json!([]));
}
