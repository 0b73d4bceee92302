//! Accounts and sessions.

use crate::{
    endpoints::Answers,
    support::{
        database,
        http::Client,
        user::{User, email, text},
    },
};
use serde_json::{Value, json};

#[test]
fn auth_register() {
    let (client, email) = (Client::new(), email());
    let mut answers = Answers::hiding(&email, "[email]");
    let body = json!({"email": email, "password": "a long password", "full_name": "Ada", "phone": "+43 1 234"});
    answers.add("a new address", &client.post("/auth/register", &body));
    answers.add("the same address", &client.post("/auth/register", &body));
    answers.add(
        "every field wrong",
        &client.post("/auth/register", &json!({"email": "ada", "password": "short", "full_name": "", "admin": true})),
    );
    answers.add("no JSON", &client.request("POST", "/auth/register").body("application/json", "{").send());
    answers.add("another content type", &client.request("POST", "/auth/register").body("text/plain", "{}").send());
    answers.check("auth_register");
}

#[test]
fn auth_login() {
    let user = User::register();
    let mut answers = Answers::default();
    let login = |password: &str| Client::new().post("/auth/login", &json!({"email": user.email, "password": password}));
    answers.add("the right password", &login(&user.password));
    answers.add("a wrong one", &login("not the password"));
    answers.add("fields missing", &Client::new().post("/auth/login", &json!({})));
    let client = Client::new();
    let wrong = json!({"email": email(), "password": "not the password"});
    let sixth = (0..6).fold(None, |_, _| Some(client.post("/auth/login", &wrong))).unwrap();
    answers.add("after five failures", &sixth);
    answers.check("auth_login");
}

#[test]
fn auth_refresh() {
    let user = User::register();
    let mut answers = Answers::default();
    let refresh = |token: &str| user.client.post("/auth/refresh", &json!({"refresh_token": token}));
    answers.add("a good token", &refresh(&user.refresh));
    answers.add("no token of ours", &refresh("x"));
    answers.add("nothing", &user.client.post("/auth/refresh", &json!({})));
    answers.check("auth_refresh");
}

#[test]
fn auth_logout() {
    let user = User::register();
    let mut answers = Answers::default();
    answers.add("a query it does not know", &user.request("POST", "/auth/logout?everything=true").send());
    answers.add("logged out", &user.request("POST", "/auth/logout").send());
    answers.add("once more", &user.request("POST", "/auth/logout").send());
    answers.check("auth_logout");
}

#[test]
fn auth_me() {
    let user = User::register();
    let mut answers = Answers::hiding(&user.email, "[email]");
    answers.add("the profile", &user.get("/auth/me"));
    answers.add("without a token", &user.client.get("/auth/me"));
    answers.add("with a wrong one", &user.client.request("GET", "/auth/me").bearer("x").send());
    answers.check("auth_me");
}

#[test]
fn auth_update() {
    let user = User::register();
    let mut answers = Answers::hiding(&user.email, "[email]");
    let change = |body: Value| user.request("PATCH", "/auth/me").json(&body).send();
    let all = json!({"full_name": "Ada", "phone": "+43 1 234", "wallet_addresses": ["0xada"],
                     "preferences": {"currency": "EUR", "timezone": "Europe/Vienna", "theme": "dark", "notifications": {"weekly_summary": true}}});
    answers.add("everything", &change(all));
    answers.add("emptied", &change(json!({"phone": null, "wallet_addresses": [], "preferences": {"theme": null}})));
    let body = json!({"email": "another@example.com", "current_password": "not the password"});
    answers.add("another address with a wrong password", &change(body));
    let wrong = json!({"full_name": "", "phone": "1", "wallet_addresses": ["a", "a"], "email": "ada", "is_admin": true,
                       "preferences": {"currency": "XXX", "theme": "pink", "notifications": {"spam": true}}});
    answers.add("every field wrong", &change(wrong));
    answers.add("a time zone that is none", &change(json!({"preferences": {"timezone": "Mars/Base"}})));
    let stale = user.request("PATCH", "/auth/me").header("if-match", "\"0\"").json(&json!({})).send();
    answers.add("with an old ETag", &stale);
    answers.check("auth_update");
}

#[test]
fn auth_password() {
    let user = User::register();
    let mut answers = Answers::hiding(&user.email, "[email]");
    let set = |current: &str, new: &str| {
        user.post("/auth/password", &json!({"current_password": current, "new_password": new}))
    };
    answers.add("a wrong password", &set("not the password", "a brand new password"));
    answers.add("a bad new one", &set(&user.password, "short"));
    answers.add("changed", &set(&user.password, "a brand new password"));
    let close = |password: &str| user.request("DELETE", "/auth/me").json(&json!({"password": password})).send();
    answers.add("closed with a wrong password", &close("not the password"));
    answers.add("closed without one", &user.request("DELETE", "/auth/me").json(&json!({})).send());
    answers.add("closed", &close("a brand new password"));
    answers.add("closed once more", &close("a brand new password"));
    answers.check("auth_password");
}

#[test]
fn auth_links() {
    let user = User::register();
    let mut answers = Answers::hiding(&user.email, "[email]");
    let post = |path: &str, body: Value| user.client.post(path, &body);
    answers.add("forgotten", &post("/auth/password/forgot", json!({"email": user.email})));
    answers.add("forgotten by nobody", &post("/auth/password/forgot", json!({"email": email()})));
    answers.add("no address", &post("/auth/password/forgot", json!({"email": "ada"})));
    answers.add(
        "reset by no link",
        &post("/auth/password/reset", json!({"token": "x", "new_password": "a long password"})),
    );
    answers.add("reset with nothing", &post("/auth/password/reset", json!({})));
    answers.add("verified by no link", &post("/auth/email/verify", json!({"token": "x"})));
    answers.add("sent again", &user.request("POST", "/auth/email/resend").send());
    answers.check("auth_links");
}

#[test]
fn auth_sessions() {
    let user = User::register();
    let mut answers = Answers::default();
    let mut all = user.get("/auth/sessions");
    let ip = text(&all.json()["data"][0]["ip"]);
    all.text = all.text.replace(&ip, "127.0.0.1");
    let path = format!("/auth/sessions/{}", text(&all.json()["data"][0]["id"]));
    answers.add("all", &all);
    answers.add(
        "none of the user's",
        &user.request("DELETE", "/auth/sessions/0198c0de-0000-7000-8000-000000000001").send(),
    );
    answers.add("ended", &user.request("DELETE", &path).send());
    answers.add("the one that asks has ended", &user.get("/auth/sessions"));
    answers.check("auth_sessions");
}

#[test]
fn auth_ws_ticket() {
    let user = User::register();
    let mut answers = Answers::default();
    answers.add("a ticket", &user.request("POST", "/auth/ws-ticket").send());
    answers.check("auth_ws_ticket");
}

#[test]
fn auth_unsubscribe() {
    let user = User::register();
    let mut answers = Answers::default();
    let token = "qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM";
    let known = format!(
        "INSERT INTO unsubscribe_tokens (user_id, token_hash, kind, created_at)
         VALUES ('{}', sha256('{token}{}'), 'weekly_summary', now())",
        user.id, user.id
    );
    assert_eq!(database::run(&known), 1);
    let ask = |method: &str, query: &str| Client::new().request(method, &format!("/mail/unsubscribe{query}")).send();
    let known = format!("?token={token}{}", user.id);
    answers.add("a link that is followed", &ask("GET", &known));
    answers.add("its button", &ask("POST", &known));
    answers.add("a link that nobody knows", &ask("GET", "?token=x"));
    answers.add("and its button", &ask("POST", "?token=x"));
    answers.add("no token", &ask("GET", ""));
    answers.check("auth_unsubscribe");
}
