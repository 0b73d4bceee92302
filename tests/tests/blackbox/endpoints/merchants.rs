//! Merchants, for everybody and for administrators.

use crate::{
    endpoints::Answers,
    support::user::{User, text},
};
use serde_json::json;

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
