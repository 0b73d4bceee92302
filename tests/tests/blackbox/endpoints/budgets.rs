//! Budgets.

use crate::{
    endpoints::Answers,
    support::user::{User, text},
};
use serde_json::json;

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
