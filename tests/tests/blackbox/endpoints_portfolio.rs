//! Whole answers, as in `endpoints`: of holdings, and of what other teams' programs use.

use crate::{
    endpoints::Answers,
    support::user::{User, text},
};
use serde_json::{Value, json};

#[test]
fn portfolio() {
    let user = User::register();
    let mut answers = Answers::default();
    let etf = json!({"asset_type": "etf", "identifier": "VWCE", "units": 12.5, "cost_basis": "1100", "last_valuation": "1250.4",
                     "valued_at": "2026-01-31T13:00:00+01:00", "currency": "EUR"});
    let made = user.post("/portfolio/holdings", &etf);
    let path = format!("/portfolio/holdings/{}", text(&made.json()["id"]));
    answers.add("added", &made);
    answers.add(
        "added, its worth not known",
        &user.post("/portfolio/holdings", &json!({"asset_type": "crypto", "identifier": "BTC", "units": "0.00000001"})),
    );
    answers.add(
        "added from bad fields",
        &user.post("/portfolio/holdings", &json!({"asset_type": "coin", "units": "1e3", "cost_basis": -1, "valued_at": "2026-01-31", "is_deleted": true})),
    );
    answers.add("one", &user.get(&path));
    answers.add("a page", &user.get("/portfolio/holdings?limit=1"));
    answers.add("filtered", &user.get("/portfolio/holdings?asset_type=etf&currency=EUR"));
    answers.add("by bad filters", &user.get("/portfolio/holdings?asset_type=coin&currency=x&limit=0"));
    let change = |body: &Value| user.request("PATCH", &path).header("if-match", "\"1\"").json(body).send();
    answers.add("valued anew", &change(&json!({"last_valuation": "1300.00", "valued_at": "2026-02-01T00:00:00Z"})));
    answers.add("a version that is no more", &change(&json!({"units": 1})));
    answers.add(
        "changed by bad fields",
        &change(&json!({"units": null, "last_valuation": null, "valued_at": "2026-02-01T00:00:00Z"})),
    );
    answers.add("the sums", &user.get("/portfolio/summary?currency=EUR"));
    answers.add("the sums of the user's own currency", &user.get("/portfolio/summary"));
    answers.add("the sums by a bad query", &user.get("/portfolio/summary?currency=KWD&x=1"));
    answers.add("deleted", &user.request("DELETE", &path).send());
    answers.add("deleted again", &user.request("DELETE", &path).send());
    answers.check("portfolio");
}

#[test]
fn services() {
    let (admin, user) = (User::register_admin(), User::register());
    let mut answers = Answers::default();
    let body = json!({"name": "training", "scopes": ["corrections:read"], "expires_at": "2100-01-01T00:00:00Z"});
    let issue =
        |who: &User| who.request("POST", "/admin/service-tokens").header("idempotency-key", "one").json(&body).send();
    answers.add("made by nobody special", &issue(&user));
    let made = issue(&admin);
    answers.add("made", &made);
    answers.add("the same key again", &issue(&admin));
    answers.add(
        "made from bad fields",
        &admin.post(
            "/admin/service-tokens",
            &json!({"name": "", "scopes": ["all"], "expires_at": "never", "token": "x"}),
        ),
    );
    answers.add(
        "made for the past",
        &admin.post(
            "/admin/service-tokens",
            &json!({"name": "x", "scopes": ["anchors:write"], "expires_at": "2020-01-01T00:00:00Z"}),
        ),
    );
    answers.add("listed by nobody special", &user.get("/admin/service-tokens"));
    let other =
        admin.post("/admin/service-tokens", &json!({"name": "anchors", "scopes": ["anchors:write"]})).expect(201);
    let ask = |token: &str, query: &str| {
        user.client.request("GET", &format!("/ingest/corrections{query}")).bearer(token).send()
    };
    let token = text(&made.json()["token"]);
    answers.add("corrections by a bad query", &ask(&token, "?limit=501&cursor=&since=x"));
    answers.add("corrections without the scope", &ask(&text(&other["token"]), ""));
    answers.add("corrections for a user", &ask(&user.access, ""));
    let path = format!("/admin/service-tokens/{}", text(&made.json()["id"]));
    answers.add("revoked by nobody special", &user.request("DELETE", &path).send());
    answers.add("revoked", &admin.request("DELETE", &path).send());
    answers.add("corrections with what was revoked", &ask(&token, ""));
    answers.add(
        "one that is not there",
        &admin.request("DELETE", "/admin/service-tokens/0199a6b2-0000-7000-8000-000000000000").send(),
    );
    answers.check("services");
}
