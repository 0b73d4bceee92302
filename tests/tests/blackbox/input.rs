//! Hostile input: refused by name, never a failure of ours.

use crate::support::{
    http::{Answer, Client},
    user::{User, today},
};
use serde_json::{Value, json};

const POSTS: [&str; 20] = [
    "/auth/password",
    "/auth/password/forgot",
    "/auth/password/reset",
    "/auth/email/verify",
    "/auth/email/resend",
    "/auth/register",
    "/auth/login",
    "/auth/refresh",
    "/auth/logout",
    "/auth/ws-ticket",
    "/transactions",
    "/transactions/import",
    "/budgets",
    "/portfolio/holdings",
    "/admin/service-tokens",
    "/ingest/anchors",
    "/merchants",
    "/merchants/import",
    "/merchants/merge",
    "/merchants/merges/0199a6b2-0000-7000-8000-000000000000/undo",
];
const GETS: [&str; 19] = [
    "/auth/sessions",
    "/auth/me",
    "/transactions",
    "/transactions/imports",
    "/transactions/0199a6b2-0000-7000-8000-000000000000",
    "/transactions/imports/0199a6b2-0000-7000-8000-000000000000",
    "/transactions/0199a6b2-0000-7000-8000-000000000000/proof",
    "/anchors",
    "/categories",
    "/budgets",
    "/portfolio/holdings",
    "/portfolio/summary",
    "/admin/service-tokens",
    "/ingest/corrections",
    "/merchants/search",
    "/merchants/statistics",
    "/health",
    "/docs",
    "/openapi.json",
];

/// Any answer but a failure; our refusals in the one form they have. What the gateway refuses by itself has its own.
#[track_caller]
fn harmless(answer: &Answer, what: &str) {
    assert!(answer.status < 500, "{what}: {answer:?}");
    if answer.status >= 400 && answer.header("request-id").is_some() {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}: {answer:?}");
        let problem = answer.json();
        for name in ["type", "title", "status", "detail", "instance", "code", "request_id"] {
            assert!(!problem[name].is_null(), "{what}: no {name} in {problem}");
        }
        let lower = answer.text.to_lowercase();
        for leak in ["sqlstate", "select ", "postgres", "panicked", ".rs:", "constraint"] {
            assert!(!lower.contains(leak), "{what}: {leak:?} in {problem}");
        }
    }
}

#[test]
fn must_hold_19_no_body_fails_a_route() {
    let user = User::register_unlimited();
    let deep = format!("{}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let nested = format!("{}1{}", "{\"a\":".repeat(5000), "}".repeat(5000));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("NUL bytes", vec![0; 64]),
        ("not UTF-8", vec![0xff, 0xfe, 0x22, 0xc3, 0x28]),
        ("half a BOM", vec![0xef, 0xbb]),
        ("a string", b"\"x\"".to_vec()),
        ("a list", b"[]".to_vec()),
        ("null", b"null".to_vec()),
        ("a number of 10,000 digits", "9".repeat(10_000).into_bytes()),
        ("an open object", b"{\"amount\":".to_vec()),
        ("two documents", b"{}{}".to_vec()),
        ("a deep list", deep.into_bytes()),
        ("a deep object", nested.into_bytes()),
        ("a lone surrogate", br#"{"email": "\ud800@x.co", "merchant_raw": "\udfff", "category": "\ud800", "refresh_token": "\ud800"}"#.to_vec()),
        ("escaped NUL", br#"{"email": "a\u0000@x.co", "password": "a\u0000bcdefgh", "merchant_raw": "\u0000", "category": "a\u0000", "note": "\u0000"}"#.to_vec()),
        ("NUL in a name", br#"{"a\u0000": 1}"#.to_vec()),
        ("duplicate names", br#"{"amount": "1", "amount": "2", "email": "a@b.co", "email": "c@d.co"}"#.to_vec()),
        ("huge exponents", br#"{"amount": 1e999999999, "limit": -1e999}"#.to_vec()),
        ("every wrong type", br#"{"email": {}, "password": [], "full_name": 1, "amount": {}, "date": [], "merchant_raw": true, "category": null, "refresh_token": 1, "start_date": 1, "end_date": {}, "auto_renew": "x", "currency": [], "asset_type": 1, "identifier": {}, "units": [], "cost_basis": true, "last_valuation": {}, "valued_at": 1, "name": 1, "scopes": {}}"#.to_vec()),
        ("odd dates", br#"{"amount": "1.00", "date": "99999-12-31", "merchant_raw": "x", "category": "x", "start_date": "-0001-01-01", "end_date": "infinity"}"#.to_vec()),
        ("odd currency", br#"{"amount": "1.00", "date": "2026-01-01", "merchant_raw": "x", "currency": "'; DROP TABLE users; --"}"#.to_vec()),
        ("odd units", br#"{"asset_type": "etf", "identifier": "\u0000", "units": 1e400, "cost_basis": "NaN", "last_valuation": -0.0, "valued_at": "9999-12-31T23:59:59-23:59"}"#.to_vec()),
        ("a name like a pointer", br#"{"a/b~c": 1, "": 2}"#.to_vec()),
        ("a megabyte in a field", format!("{{\"note\": \"{}\"}}", "x".repeat(1_000_000)).into_bytes()),
        ("commas", b",,,,,\n;;;;;\n\t\t\t\n".to_vec()),
        ("an open quote", b"Date,Description,Amount\n2026-01-05,\"never closed,-1.00\n".to_vec()),
    ];
    let odd_kinds =
        ["", ";", "x/y; =", "text/plain", "application/json; charset=utf-16", "application/json", "text/csv"];
    // The logout of an empty body succeeds, and would end the session that all others need.
    for path in POSTS.into_iter().filter(|path| *path != "/auth/logout") {
        let kinds: &[_] =
            if path.ends_with("import") { &["text/csv", "application/octet-stream"] } else { &["application/json"] };
        let usual = bodies.iter().flat_map(|body| kinds.iter().map(move |kind| (body, *kind)));
        let odd = bodies.iter().step_by(9).flat_map(|body| odd_kinds.map(|kind| (body, kind)));
        for ((what, body), kind) in usual.chain(odd) {
            let answer = user.request("POST", path).body(kind, body.clone()).send();
            harmless(&answer, &format!("{what} as {kind:?} to {path}"));
        }
    }
    assert_eq!(user.transactions(), [Value::Null; 0]);
}

#[test]
fn must_hold_19_no_query_fails_a_route() {
    let user = User::register_unlimited();
    user.spend("1.00", "Groceries", "EUR");
    let queries = [
        "offset=-1",
        "limit=0",
        "limit=101",
        "limit=9223372036854775808",
        "limit=18446744073709551616",
        "limit=1e3",
        "limit=",
        "limit=%00",
        "offset=100001",
        "offset=9223372036854775807",
        "cursor=x",
        "cursor=%ff%fe",
        "cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "limit=1&limit=2",
        "since=2026-02-30",
        "since=infinity",
        "until=0000-00-00",
        "since=2026-01-31&until=2026-01-01",
        "min_amount=NaN",
        "min_amount=2&max_amount=1",
        "min_amount=99999999999999999999",
        "merchant_id=x",
        "currency=%F0%9F%92%B0",
        "source=%27",
        "include=all",
        "period=%00",
        "q=%00",
        "q=%",
        "q=%25",
        "q=_%25%5C",
        "q=a%5C",
        "q=a%20%26%20",
        "q=%26%26%7C%7C%21%28",
        "q=%22unclosed",
        "q=-",
        "q=%ED%A0%80",
        "q=%F0%9F%98%80%F0%9F%98%80",
        "q=:*",
        "q=a%3A%3Ab",
        "q=or%20or%20or",
        "category=%00",
        "category=%27%20OR%201%3D1%20--",
        "all=maybe",
        "unknown=1",
        "=",
        "&&&",
        "a[]=1",
        "%zz=%zz",
        "?",
    ];
    for path in GETS {
        for query in queries {
            harmless(&user.get(&format!("{path}?{query}")), &format!("{path}?{query}"));
        }
        let long = format!("{path}?q={}", "a".repeat(4000));
        harmless(&user.get(&long), &format!("{path} with 4,000 characters"));
    }
    for query in ["all=maybe", "all=", "all=1&all=true", "all=%00"] {
        harmless(&user.request("POST", &format!("/auth/logout?{query}")).send(), query);
    }
    for query in ["on_duplicate=drop", "mapping=x", "mapping=%00", "on_duplicate=skip&on_duplicate=flag", "x=1"] {
        let request = user.request("POST", &format!("/transactions/import?{query}"));
        let answer = request.body("text/csv", "Date,Description,Amount\n2026-01-05,Shop,-1.00\n").send();
        harmless(&answer, query);
        assert_eq!(answer.status, if query.contains("%00") { 400 } else { 422 }, "{query}");
    }
}

#[test]
fn must_hold_19_no_path_method_or_header_fails() {
    let user = User::register_unlimited();
    let paths = [
        "/transactions/%00",
        "/transactions/..%2f..%2fetc",
        "/transactions/%ff",
        "/transactions/imports/%00",
        "/transactions/%F0%9F%98%80",
        "/transactions/x/y/z",
        "/nowhere",
        "/",
        "//",
        "/transactions/",
        "/TRANSACTIONS",
        "/auth",
        "/v1/transactions",
        "/.env",
        "/transactions/0199a6b2-0000-7000-8000-00000000000",
        "/transactions/{id}",
        "/transactions/0199A6B2000070008000000000000000",
    ];
    for path in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let answer = user.request(method, path).json(&json!({})).send();
            harmless(&answer, &format!("{method} {path}"));
            assert!(answer.status >= 400, "{method} {path}: {answer:?}");
        }
    }
    for path in GETS {
        for method in ["PUT", "PATCH", "DELETE"] {
            let answer = user.request(method, path).json(&json!({})).send();
            harmless(&answer, &format!("{method} {path}"));
            if path == "/auth/me" && method != "PUT" {
                assert_eq!(answer.status, if method == "PATCH" { 200 } else { 422 }, "{method} {path}");
                continue;
            }
            // The gateway takes the last word for an id where such a route has the method; it is none.
            let word = path.strip_prefix("/transactions/").is_some_and(|rest| !rest.contains('/'));
            if word && method != "PUT" {
                assert_eq!(answer.status, 404, "{method} {path}");
                continue;
            }
            assert_eq!(answer.status, 405, "{method} {path}");
            assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{answer:?}");
        }
    }
    for token in ["", "x", "a.b.c", "Bearer", "\u{e9}", "eyJhbGciOiJIUzI1NiJ9..", &"x".repeat(6000)] {
        let answer = user.client.request("GET", "/auth/me").bearer(token).send();
        harmless(&answer, token);
        assert_eq!(answer.status, 401, "{token}");
    }
    for header in ["Basic dXNlcjpwYXNz", "bearer", "Bearer a b", "Token x", ""] {
        assert_eq!(
            user.client.request("GET", "/auth/me").header("authorization", header).send().status,
            401,
            "{header}"
        );
    }
    for key in ["", " ", "é", &"k".repeat(300)] {
        let body = json!({"amount": "1.00", "date": today(), "merchant_raw": "Corner shop"});
        harmless(&user.request("POST", "/transactions").header("idempotency-key", key).json(&body).send(), key);
    }
}

#[test]
fn must_hold_20_wildcards_in_a_search_are_plain_characters() {
    let user = User::register();
    for text in ["100% Bio", "under_score", "back\\slash", "Corner shop"] {
        let body = json!({"amount": "1.00", "date": today(), "merchant_raw": text});
        user.post("/transactions", &body).expect(201);
    }
    for (q, found) in [
        ("corner", 1),
        ("CORNER%20shop", 1),
        ("%25", 0),
        ("_", 0),
        ("bio", 1),
        ("corner%20-shop", 0),
        ("corner%20or%20bio", 2),
    ] {
        assert_eq!(user.get(&format!("/transactions?q={q}")).expect(200)["total"], found, "{q}");
    }
    for q in ["%25%25", "__", "%5C%5C"] {
        let found = user.get(&format!("/merchants/search?q={q}")).expect(200);
        assert_eq!(found["data"], json!([]), "{q}");
    }
}

#[test]
fn must_hold_21_a_body_is_measured_before_it_is_read() {
    let user = User::register();
    let large = format!("{{\"note\": \"{}\"}}", "x".repeat(70_000));
    for path in ["/transactions", "/budgets", "/auth/login", "/auth/register", "/auth/refresh"] {
        let answer = user.request("POST", path).body("application/json", large.clone()).send();
        assert_eq!(answer.problem(413), "too_large", "{path}");
    }
}

#[test]
fn every_bad_field_is_named_at_once() {
    let user = User::register();
    let body = json!({"amount": "1.005", "date": "31.01.2026", "currency": "KWD", "note": 7, "colour": "red"});
    let problem = user.post("/transactions", &body).expect(422);
    let errors: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| format!("{} {}", e["pointer"].as_str().unwrap(), e["code"].as_str().unwrap()))
        .collect();
    let expected = [
        "/amount too_many_decimals",
        "/colour unknown_field",
        "/currency unsupported_currency",
        "/date not_a_date",
        "/merchant_raw required",
        "/note not_text",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn every_route_but_the_public_ones_wants_a_token() {
    let client = Client::new();
    for path in GETS.into_iter().filter(|path| !["/health", "/docs", "/openapi.json"].contains(path)) {
        let answer = client.get(path);
        assert_eq!(
            (answer.problem(401).as_str(), answer.header("www-authenticate")),
            ("missing_token", Some("Bearer")),
            "{path}"
        );
    }
    for path in ["/auth/logout", "/auth/ws-ticket", "/transactions", "/transactions/import", "/budgets"] {
        assert_eq!(client.post(path, &json!({})).problem(401), "missing_token", "{path}");
    }
}

#[test]
fn must_hold_52_every_answer_carries_the_headers_that_protect_it() {
    let user = User::register();
    let answers = [
        user.get("/auth/me"),
        user.get("/nowhere"),
        user.client.get("/auth/me"),
        user.post("/transactions", &json!({})),
        user.client.get("/health"),
        user.client.get("/docs"),
    ];
    for answer in &answers {
        for name in [
            "strict-transport-security",
            "x-content-type-options",
            "referrer-policy",
            "content-security-policy",
            "request-id",
            "cache-control",
        ] {
            assert!(answer.header(name).is_some(), "no {name} in {answer:?}");
        }
    }
    let json = &answers[0];
    for (name, value) in [
        ("cache-control", "no-store"),
        ("strict-transport-security", "max-age=31536000; includeSubDomains"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ("content-type", "application/json"),
    ] {
        assert_eq!(json.header(name), Some(value));
    }
    for path in ["/docs", "/admin", "/mail/unsubscribe?token=none"] {
        let page = user.client.get(path);
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(page.header("permissions-policy").unwrap().contains("camera=()"), "{path}");
        assert_eq!(page.header("cross-origin-opener-policy"), Some("same-origin"), "{path}");
    }
}
