//! Other teams' programs: what their tokens open, and who makes them.

use crate::support::{
    database, setting,
    token::with_claims,
    user::{User, text, today},
};
use serde_json::{Value, json};
use shared::platform::function::{Access, Function, Trigger};
use std::fs;
use uuid::Uuid;

fn make(admin: &User, scopes: &[&str]) -> Value {
    admin.post("/admin/service-tokens", &json!({"name": "test", "scopes": scopes})).expect(201)
}

fn corrections(user: &User, token: &Value, query: &str) -> crate::support::http::Answer {
    user.client.request("GET", &format!("/ingest/corrections{query}")).bearer(token["token"].as_str().unwrap()).send()
}

/// Every route with a token, with a path to ask for and what its row says.
fn guarded() -> Vec<(&'static str, String, &'static Function)> {
    let functions = bootstrap::FEATURES.iter().flat_map(|feature| feature.functions);
    let routes = functions.filter(|function| function.access != Access::Public).filter_map(|function| {
        let Trigger::Http { method, path } = function.trigger else { return None };
        Some((method, path.replace("{id}", "0199a6b2-0000-7000-8000-000000000000"), function))
    });
    routes.collect()
}

#[test]
fn each_route_takes_its_own_kind_of_token_and_no_other() {
    let (admin, user) = (User::register_admin(), User::register_unlimited());
    let service = text(&make(&admin, &shared::domain::services::SCOPES)["token"]);
    let expired = with_claims(&user.access, &json!({"exp": 1}));
    let routes = guarded();
    assert!(routes.len() > 30);
    for (method, path, function) in routes {
        let ask = |token: Option<&str>| {
            let request = user.client.request(method, &path).json(&json!({}));
            token.map_or(request.clone(), |token| request.bearer(token)).send()
        };
        let what = format!("{method} {path}");
        assert_eq!(ask(None).problem(401), "missing_token", "{what}");
        for (kind, token) in [("expired", &expired), ("refresh", &user.refresh), ("made up", &"tbs_x".repeat(9))] {
            let answer = ask(Some(token));
            assert_eq!(answer.problem(401), "invalid_token", "{what} by one {kind}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{what}");
        }
        match function.access {
            Access::Service(_) => {
                assert_eq!(ask(Some(&user.access)).problem(401), "invalid_token", "{what} by a user");
                assert_eq!(ask(Some(&admin.access)).problem(401), "invalid_token", "{what} by an administrator");
                // What a path names may not be there.
                let status = ask(Some(&service)).status;
                assert!(status < 300 || (status == 404 && path.contains('{')), "{what}: {status}");
            }
            Access::Admin => {
                assert_eq!(ask(Some(&service)).problem(401), "invalid_token", "{what} by a program");
                assert_eq!(ask(Some(&user.access)).problem(403), "forbidden", "{what} by a user");
            }
            Access::User | Access::Public => {
                assert_eq!(ask(Some(&service)).problem(401), "invalid_token", "{what} by a program");
            }
        }
    }
}

#[test]
fn a_token_without_the_scope_is_told_which_one_it_lacks_and_a_revoked_one_is_none() {
    let admin = User::register_admin();
    let without = make(&admin, &["transactions:write", "anomalies:write", "anchors:write", "embeddings:write"]);
    let answer = corrections(&admin, &without, "");
    assert_eq!(answer.problem(403), "missing_scope");
    assert!(text(&answer.json()["detail"]).contains("corrections:read"));
    let with = make(&admin, &["corrections:read"]);
    assert_eq!(with["last_used_at"], Value::Null);
    corrections(&admin, &with, "").expect(200);
    let listed = admin.get("/admin/service-tokens?limit=100").expect(200);
    let own = listed["data"].as_array().unwrap().iter().find(|token| token["id"] == with["id"]).unwrap();
    assert!(own["last_used_at"].is_string() && own.get("token").is_none(), "{own}");
    let path = format!("/admin/service-tokens/{}", text(&with["id"]));
    for _ in 0..2 {
        admin.request("DELETE", &path).send().expect(204);
        assert_eq!(corrections(&admin, &with, "").problem(401), "invalid_token");
    }
}

#[test]
fn must_hold_17_who_is_no_administrator_any_more_makes_and_revokes_none() {
    let admin = User::register_admin();
    let id = text(&make(&admin, &["anchors:write"])["id"]);
    let tried = |expected: u16| {
        assert_eq!(
            admin.post("/admin/service-tokens", &json!({"name": "x", "scopes": ["anchors:write"]})).status,
            expected
        );
        assert_eq!(admin.post("/admin/service-tokens", &json!({"is": "anything"})).status, expected);
        assert_eq!(admin.get("/admin/service-tokens").status, expected);
        assert_eq!(admin.request("DELETE", &format!("/admin/service-tokens/{id}")).send().status, expected);
    };
    admin.set_admin(false);
    tried(403);
    admin.set_admin(true);
    database::run(&format!("UPDATE users SET is_active = false WHERE id = '{}'", admin.id));
    tried(401);
    let left: bool = database::one(&format!("SELECT revoked_at IS NULL FROM service_tokens WHERE id = '{id}'"));
    assert!(left, "nothing was done");
}

#[test]
fn must_hold_18_a_token_is_of_its_makers_choosing_in_nothing_but_name_scopes_and_end() {
    let admin = User::register_admin();
    let forbidden = [
        ("id", json!(Uuid::nil())),
        ("token", json!("tbs_mine")),
        ("token_hash", json!("00")),
        ("created_by", json!(Uuid::nil())),
        ("last_used_at", json!("2026-01-01T00:00:00Z")),
        ("revoked_at", json!(null)),
        ("is_admin", json!(true)),
    ];
    for (name, value) in forbidden {
        let mut body = json!({"name": "x", "scopes": ["anchors:write"]});
        body[name] = value;
        let problem = admin.post("/admin/service-tokens", &body).expect(422);
        assert_eq!(problem["errors"][0]["code"], "unknown_field", "{name}");
    }
    let made: i64 = database::one(&format!("SELECT count(*) FROM service_tokens WHERE created_by = '{}'", admin.id));
    assert_eq!(made, 0);
}

#[test]
fn must_hold_31_a_token_is_made_once_for_its_key_and_told_once() {
    let admin = User::register_admin();
    let make = |name: &str| {
        let body = json!({"name": name, "scopes": ["anchors:write"]});
        admin.request("POST", "/admin/service-tokens").header("idempotency-key", "one").json(&body).send()
    };
    let first = make("one").expect(201);
    let again = make("one");
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    let again = again.expect(201);
    assert_eq!((&again["id"], &again["token"]), (&first["id"], &Value::Null));
    assert_eq!(make("two").problem(422), "idempotency_key_reused");
    let secret = text(&first["token"]);
    let stored =
        format!("SELECT count(*) FROM idempotency_keys WHERE user_id = '{}' AND body LIKE '%{secret}%'", admin.id);
    assert_eq!(database::one::<i64>(&stored), 0, "what is kept for a replay would be the token in the clear");
    let log = fs::read_to_string(setting("LAMBDA_LOG")).unwrap();
    assert!(!log.contains(&secret), "the token is in the log");
    let audited =
        format!("SELECT action FROM audit_log WHERE actor_id = '{}' AND target = '{}'", admin.id, text(&first["id"]));
    assert_eq!(database::column::<String>(&audited), ["service_token.created"]);
}

#[test]
fn corrections_come_without_who_made_them_once_they_cannot_be_overtaken() {
    let (admin, user) = (User::register_admin(), User::register());
    let token = make(&admin, &["corrections:read"]);
    let spent = user.spend("12.34", "Groceries", "EUR");
    let label = format!("label {}", Uuid::now_v7());
    let correction = json!({"transaction_id": spent["id"], "new_category": label, "reason": format!("of {}", today())});
    user.post("/transactions/correct", &correction).expect(200);
    // What all tests together have corrected, from page to page.
    let found = || {
        let (mut query, mut found) = ("?limit=500".to_owned(), Vec::new());
        loop {
            let page = corrections(&admin, &token, &query).expect(200);
            let rows = page["data"].as_array().unwrap().clone();
            found.extend(rows.into_iter().filter(|row| row["new_category"] == label));
            match page["next_cursor"].as_str() {
                Some(cursor) if page["has_more"] == true => query = format!("?limit=500&cursor={cursor}"),
                _ => return found,
            }
        }
    };
    assert_eq!(found(), [Value::Null; 0], "others of the same moment may not be committed yet");
    database::run(&format!(
        "UPDATE user_corrections SET created_at = created_at - interval '2 minutes' WHERE user_id = '{}'",
        user.id
    ));
    let found = found();
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["user_id"], &found[0]["old_category"]), (&json!(user.id), &json!("Groceries")));
    let told = found[0].to_string();
    for private in [user.email.as_str(), "Test User", "12.34"] {
        assert!(!told.contains(private), "{private} in {told}");
    }
}
