//! Holdings.

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
