//! Whole answers of every route, kept beside the tests: a change of the contract shows as a change of a file.
//!
//! After a wanted change run `INSTA_UPDATE=always cargo local test endpoints` and read the difference.

use crate::support::{
    http::{Answer, Client},
    redact,
    user::{User, email, text},
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, fmt::Write, fs, path::Path};

const PAGES: [&str; 23] = [
    "auth_register",
    "auth_login",
    "auth_refresh",
    "auth_logout",
    "auth_me",
    "auth_update",
    "auth_password",
    "auth_links",
    "auth_sessions",
    "auth_ws_ticket",
    "transactions",
    "transactions_changed",
    "transactions_found",
    "transactions_refused",
    "transactions_duplicates",
    "imports",
    "mappings",
    "budgets",
    "merchants",
    "merchants_admin",
    "portfolio",
    "services",
    "system",
];

/// Answers of one route, one below the other.
#[derive(Default)]
pub struct Answers {
    text: String,
    secrets: Vec<(String, &'static str)>,
}

impl Answers {
    fn hiding(secret: &str, name: &'static str) -> Self {
        Self { secrets: vec![(secret.to_owned(), name)], ..Self::default() }
    }

    pub fn add(&mut self, what: &str, answer: &Answer) {
        let secrets: Vec<_> = self.secrets.iter().map(|(secret, name)| (secret.as_str(), *name)).collect();
        writeln!(self.text, "## {what}\n\n{}\n", redact::answer(answer, &secrets)).unwrap();
    }

    #[track_caller]
    pub fn check(&self, page: &str) {
        assert!(PAGES.contains(&page), "add {page} to PAGES");
        insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(page, self.text.trim_end());
        });
    }
}

#[test]
fn no_kept_answer_is_left_over() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blackbox/snapshots");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    // What a failed comparison leaves beside it is not kept.
    let files = files.filter(|file| !file.ends_with(".snap.new"));
    let expected: BTreeSet<_> = PAGES.iter().map(|page| format!("{page}.snap")).collect();
    assert_eq!(files.collect::<BTreeSet<_>>(), expected);
}

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

#[test]
fn imports() {
    let user = User::register();
    let mut answers = Answers::default();
    let csv = "Date,Description,Amount\n2026-01-05,NETFLIX.COM,-12.99\n2026-02-31,No such day,-1.00\n";
    let send = |path: &str, kind: &str, body: &str| user.request("POST", path).body(kind, body).send();
    let started = send("/transactions/import", "text/csv", csv);
    let id = text(&started.json()["id"]);
    user.finished(&id);
    answers.add("taken", &started);
    answers.add("one, completed", &user.get(&format!("/transactions/imports/{id}")));
    answers.add("all", &user.get("/transactions/imports"));
    answers.add("an id that is none", &user.get("/transactions/imports/0199a6b2-0000-7000-8000-000000000000"));
    answers.add(
        "a shape that stays ambiguous",
        &send("/transactions/import", "text/csv", "Date,Description,Amount\n01/02/2026,Shop,-1.00\n"),
    );
    answers.add("a shape that is none", &send("/transactions/import", "text/csv", "alpha,beta\nfoo,bar\nbaz,qux\n"));
    answers.add("an empty file", &send("/transactions/import", "text/csv", ""));
    answers.add("a bad query", &send("/transactions/import?on_duplicate=drop&mapping=x", "text/csv", csv));
    answers.add("another content type", &send("/transactions/import", "application/json", "{}"));
    answers.add("taken back", &user.post(&format!("/transactions/imports/{id}/revert"), &json!({})));
    user.finished(&id);
    answers.add("taken back again", &user.post(&format!("/transactions/imports/{id}/revert"), &json!({})));
    answers.add("one, reverted", &user.get(&format!("/transactions/imports/{id}")));
    answers.check("imports");
}

#[test]
fn mappings() {
    let user = User::register();
    let mut answers = Answers::default();
    let save = |body: &Value| user.post("/transactions/mappings", body);
    answers.add(
        "saved",
        &save(&json!({"name": "My bank", "mapping": {"date": "Date", "amount": 3, "date_order": "dmy"}})),
    );
    answers.add("replaced", &save(&json!({"name": "My bank", "mapping": {"date_order": "mdy"}})));
    answers.add("all", &user.get("/transactions/mappings"));
    answers.add("with bad fields", &save(&json!({"name": "", "mapping": {"datum": 1}, "user_id": "x"})));
    answers.add("a bad query", &user.get("/transactions/mappings?name=x"));
    answers.check("mappings");
}

#[test]
fn budgets() {
    let user = User::register();
    let mut answers = Answers::default();
    let budget = |amount: &str, start: &str, end: &str| {
        user.post("/budgets", &json!({"category": "Groceries", "amount": amount, "start_date": start, "end_date": end, "currency": "EUR"}))
    };
    answers.add("set", &budget("400.00", "2020-01-01", "2020-01-31"));
    let body = json!({"amount": "312.40", "date": "2020-01-05", "merchant_raw": "Corner shop", "category": "Groceries", "currency": "EUR"});
    user.post("/transactions", &body).expect(201);
    answers.add("set anew in the same period", &budget("450.00", "2020-01-01", "2020-01-31"));
    answers.add("set for another period", &budget("500.00", "2020-02-01", "2020-02-29"));
    answers.add("over two periods", &budget("500.00", "2020-01-15", "2020-02-15"));
    answers.add("all", &user.get("/budgets?period=all"));
    answers.add("those of today", &user.get("/budgets"));
    answers.add(
        "with bad fields",
        &user.post(
            "/budgets",
            &json!({"category": "", "amount": "-1.00", "start_date": "2020-01-31", "end_date": "2020-01-01"}),
        ),
    );
    answers.add("a bad query", &user.get("/budgets?period=next"));
    let id = text(&user.get("/budgets?period=all").expect(200)["data"][0]["id"]);
    answers.add("one", &user.get(&format!("/budgets/{id}")));
    answers.add("renewed too late", &user.post(&format!("/budgets/{id}/renew"), &json!({})));
    answers.add("their history", &user.get("/budgets/history?limit=1"));
    answers.add("at a glance", &user.get("/budgets/status?currency=EUR"));
    answers.add("a month beside the last", &user.get("/budgets/comparison?month=2020-02&currency=EUR"));
    answers.add("no month", &user.get("/budgets/comparison?month=2020-13"));
    answers.add("what to budget", &user.get("/budgets/suggestions?category=Groceries&currency=EUR"));
    answers.add("deleted", &user.request("DELETE", &format!("/budgets/{id}")).send());
    answers.add("deleted again", &user.request("DELETE", &format!("/budgets/{id}")).send());
    answers.check("budgets");
}

#[test]
fn merchants() {
    let user = User::register();
    let mut answers = Answers::default();
    answers.add("by name", &user.get("/merchants/search?q=netflix"));
    answers.add("in another category", &user.get("/merchants/search?q=netflix&category=Fuel"));
    answers.add("too short", &user.get("/merchants/search?q=n"));
    answers.add("nothing asked", &user.get("/merchants/search"));
    answers.add("the system's categories", &user.get("/categories"));
    for (amount, date, currency) in
        [("12.99", "2026-01-05", "EUR"), ("13.00", "2026-02-05", "EUR"), ("5.00", "2026-02-06", "USD")]
    {
        let body = json!({"amount": amount, "date": date, "merchant_raw": "NETFLIX.COM", "currency": currency});
        user.post("/transactions", &body).expect(201);
    }
    answers.add("statistics", &user.get("/merchants/statistics?since=2026-01-01&until=2026-12-31"));
    answers.add("statistics of nothing", &user.get("/merchants/statistics?since=2020-01-01&until=2020-12-31"));
    answers.add(
        "statistics by a bad query",
        &user.get("/merchants/statistics?since=2026-02-01&until=2026-01-01&limit=0&colour=red"),
    );
    answers.check("merchants");
}

#[test]
fn merchants_admin() {
    let (admin, user) = (User::register_admin(), User::register());
    let name = crate::merchants::unheard_of();
    let mut answers = Answers::hiding(&name, "[name]");
    answers.secrets.push((name.to_uppercase(), "[NAME]"));
    let body = json!({"canonical_name": format!("{name} Coffee"), "category": "Food & Dining", "aliases": [format!("{name} cafe"), format!("{name} CAFE"), format!("{name} BAR")],
                      "country": "AT", "tags": {"stars": 2}});
    answers.add("created by nobody special", &user.post("/merchants", &body));
    let create = |body: &serde_json::Value| {
        admin.request("POST", "/merchants").header("idempotency-key", "one").json(body).send()
    };
    let made = create(&body);
    answers.add("created", &made);
    answers.add("the same key again", &create(&body));
    answers.add("created twice", &admin.post("/merchants", &body));
    let near = json!({"canonical_name": format!("{name} Coffee2"), "category": "Food & Dining"});
    answers.add("created near another", &admin.post("/merchants", &near));
    let forced = admin.post("/merchants?force=true", &near);
    answers.add("created near another, forced", &forced);
    answers.add("created from bad fields", &admin.post("/merchants?force=maybe", &json!({})));
    answers.add(
        "created from worse fields",
        &admin.post("/merchants", &json!({"canonical_name": "ab", "category": "", "aliases": ["x", "!"], "country": "ZZ", "tags": [], "id": 1})),
    );
    answers.add(
        "created in no category",
        &admin.post("/merchants", &json!({"canonical_name": format!("{name} Tea"), "category": "Mine"})),
    );
    let csv = format!(
        "canonical_name,category,aliases,country,tags\n{name} Import,Travel,,,\nab,Nonsense,!,zz,x\n{name} Coffee,Travel,,,\n"
    );
    let import = |who: &User| who.request("POST", "/merchants/import").body("text/csv", csv.clone()).send();
    answers.add("imported by nobody special", &import(&user));
    answers.add("imported", &import(&admin));
    answers
        .add("a file that is none", &admin.request("POST", "/merchants/import").body("text/csv", "a,b\n1,2\n").send());
    let (from, into) = (text(&forced.json()["id"]), text(&made.json()["id"]));
    let merge =
        |who: &User, from: &str, into: &str| who.post("/merchants/merge", &json!({"from_id": from, "into_id": into}));
    answers.add("merged by nobody special", &merge(&user, &from, &into));
    let merged = merge(&admin, &from, &into);
    answers.add("merged", &merged);
    answers.add("merged again", &merge(&admin, &from, &into));
    answers.add("merged into itself", &merge(&admin, &into, &into));
    answers.add("merged from nowhere", &merge(&admin, "0199a6b2-0000-7000-8000-000000000000", "x"));
    answers.add("an absent one", &merge(&admin, "0199a6b2-0000-7000-8000-000000000000", &into));
    let undo =
        |who: &User| who.request("POST", &format!("/merchants/merges/{}/undo", text(&merged.json()["id"]))).send();
    answers.add("undone by nobody special", &undo(&user));
    answers.add("undone", &undo(&admin));
    answers.add("undone again", &undo(&admin));
    answers.add(
        "undoing what is not there",
        &admin.request("POST", "/merchants/merges/0199a6b2-0000-7000-8000-000000000000/undo").send(),
    );
    answers.check("merchants_admin");
}

#[test]
fn system() {
    let client = Client::new();
    let mut answers = Answers::default();
    answers.add("health", &client.get("/health"));
    answers.add("the page for people", &client.get("/docs"));
    let openapi = client.get("/openapi.json");
    assert_eq!((openapi.status, openapi.header("content-type")), (200, Some("application/json")));
    assert!(openapi.json()["paths"]["/transactions"]["post"].is_object(), "{}", openapi.text);
    answers.add("no route", &client.get("/nowhere"));
    answers.add("no such method", &client.request("DELETE", "/health").send());
    answers.check("system");
}
