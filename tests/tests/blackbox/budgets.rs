//! Budgets that renew themselves, as their user sees it.

use crate::support::{
    aws, eventually,
    socket::Socket,
    user::{User, day, text},
};
use serde_json::json;

#[test]
fn must_hold_27_a_budget_renews_itself_and_what_was_spent_already_alerts() {
    let user = User::register();
    let (start, end) = (day(-9), day(-5));
    let budget = json!({
        "category": "Groceries", "amount": "100.00", "currency": "EUR", "start_date": start, "end_date": end, "auto_renew": true,
    });
    let id = text(&user.post("/budgets", &budget).expect(200)["id"]);
    user.spend("85.00", "Groceries", "EUR");
    assert_eq!(user.get("/budgets").expect(200)["data"], json!([]));
    let (mut socket, _) = Socket::of(&user);
    // Twice, as schedules may.
    for _ in 0..2 {
        aws::send("SCHEDULED_QUEUE_URL", &json!({"v": 1, "kind": "renew_budgets"}).to_string());
    }
    let alert = socket.next_of("budget_alert");
    assert_eq!((&alert["data"]["threshold"], &alert["data"]["budget_id"]), (&json!(80), &json!(id)));
    let renewed = eventually("the next period", 10, || {
        user.get("/budgets").expect(200)["data"].as_array().and_then(|all| all.first().cloned())
    });
    assert_eq!((&renewed["start_date"], &renewed["end_date"]), (&json!(day(-4)), &json!(day(0))));
    assert_eq!(renewed["spent"], "85.00");
    let history = user.get("/budgets/history").expect(200);
    assert_eq!(history["total"], 2, "{history}");
}
