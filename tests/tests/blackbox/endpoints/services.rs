//! Service tokens, and what other teams' programs use.

use crate::{
    endpoints::Answers,
    support::user::{User, text},
};
use serde_json::json;

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
