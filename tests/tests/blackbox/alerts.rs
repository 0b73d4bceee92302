//! Budget alerts: decided in the transaction that stored the spending.

use crate::support::{
    amount, at_once, cents, database, hundredths,
    socket::Socket,
    user::{User, day},
};
use serde_json::{Value, json};

/// What the user was alerted to, in the order of the frames.
fn alerts(user: &User) -> Vec<Value> {
    let sql = format!("SELECT data FROM events WHERE user_id = '{}' AND type = 'budget_alert' ORDER BY seq", user.id);
    database::column(&sql)
}

fn thresholds(user: &User) -> Vec<i64> {
    alerts(user).iter().map(|alert| alert["threshold"].as_i64().unwrap()).collect()
}

/// Below 100 % a budget alerts once an hour, and nobody can wait for that.
fn an_hour_passes(user: &User) {
    let sql = format!(
        "UPDATE budget_periods SET alerted_at = alerted_at - interval '61 minutes' WHERE user_id = '{}'",
        user.id
    );
    database::run(&sql);
}

#[test]
fn must_hold_28_alerts_come_from_warning_to_severe_each_once() {
    let user = User::register();
    user.budget("200.00", "Groceries", "EUR");
    let (mut socket, _) = Socket::of(&user);
    let steps =
        [("160.00", 80, "warning"), ("20.00", 90, "critical"), ("20.00", 100, "exceeded"), ("20.00", 110, "severe")];
    let mut spent = 0;
    for (spending, threshold, level) in steps {
        an_hour_passes(&user);
        user.spend(spending, "Groceries", "EUR");
        spent += cents(&json!(spending));
        assert_eq!(socket.next_of("transaction_update")["data"]["amount"], spending);
        let frame = socket.next();
        assert_eq!(frame["type"], "budget_alert", "{frame}");
        let alert = &frame["data"];
        assert_eq!((alert["level"].as_str(), alert["threshold"].as_i64()), (Some(level), Some(threshold)), "{alert}");
        assert_eq!((&alert["category"], &alert["currency"]), (&json!("Groceries"), &json!("EUR")));
        assert_eq!((cents(&alert["budget"]), cents(&alert["spent"])), (200_00, spent));
        assert_eq!(cents(&alert["remaining"]), 200_00 - spent);
        assert_eq!(hundredths(&alert["percentage"]), spent * 100_00 / 200_00);
        user.spend("0.01", "Groceries", "EUR");
        spent += 1;
        assert_eq!(socket.next()["type"], "transaction_update", "no alert a second time");
        user.spend("-0.01", "Groceries", "EUR");
        spent -= 1;
        assert_eq!(socket.next()["type"], "transaction_update");
    }
    assert_eq!(thresholds(&user), [80, 90, 100, 110]);
}

#[test]
fn must_hold_28_a_jump_to_150_percent_sends_one_alert() {
    let user = User::register();
    user.budget("100.00", "Travel", "EUR");
    user.spend("150.00", "Travel", "EUR");
    let alerts = alerts(&user);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!((&alerts[0]["level"], &alerts[0]["threshold"]), (&json!("severe"), &json!(110)));
    user.spend("500.00", "Travel", "EUR");
    assert_eq!(thresholds(&user), [110]);
}

#[test]
fn must_hold_28_sixteen_at_once_alert_to_each_threshold_at_most_once() {
    let user = User::register();
    user.budget("100.00", "Shopping", "EUR");
    at_once(16, |_| user.spend("10.00", "Shopping", "EUR"));
    let seen = thresholds(&user);
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "each once and rising: {seen:?}");
    // 90 % falls into the hour of the warning; the others are told whatever the order.
    assert_eq!(seen, [80, 100, 110]);
    let told = alerts(&user);
    assert_eq!(told.iter().map(|alert| cents(&alert["spent"])).collect::<Vec<_>>(), [80_00, 100_00, 110_00]);
    assert_eq!(cents(&user.get("/budgets").expect(200)["data"][0]["spent"]), 160_00);
}

#[test]
fn must_hold_28_below_a_hundred_percent_one_alert_an_hour() {
    let user = User::register();
    user.budget("100.00", "Fuel", "EUR");
    user.spend("85.00", "Fuel", "EUR");
    user.spend("6.00", "Fuel", "EUR");
    assert_eq!(thresholds(&user), [80], "90 % within the hour stays untold");
    an_hour_passes(&user);
    user.spend("0.50", "Fuel", "EUR");
    assert_eq!(thresholds(&user), [80, 90], "and is told at the next check after it");
}

#[test]
fn must_hold_28_falling_below_re_arms() {
    let user = User::register();
    user.budget("100.00", "Home", "EUR");
    user.spend("105.00", "Home", "EUR");
    user.spend("-60.00", "Home", "EUR");
    user.spend("60.00", "Home", "EUR");
    assert_eq!(thresholds(&user), [100, 100]);
}

#[test]
fn a_budget_counts_its_own_category_currency_and_period() {
    let user = User::register();
    user.budget("100.00", "Fuel", "EUR");
    user.spend("500.00", "Fuel", "USD");
    user.spend("500.00", "Travel", "EUR");
    for date in [day(-11), day(21)] {
        let body = json!({"amount": "500.00", "date": date, "merchant_raw": "Before or after", "category": "Fuel", "currency": "EUR"});
        user.post("/transactions", &body).expect(201);
    }
    assert_eq!(thresholds(&user), [0_i64; 0]);
    for date in [day(-10), day(20)] {
        let body = json!({"amount": "50.00", "date": date, "merchant_raw": "First or last day", "category": "Fuel", "currency": "EUR"});
        user.post("/transactions", &body).expect(201);
    }
    assert_eq!(thresholds(&user), [100], "both ends of the period count");
}

#[test]
fn lowering_a_budget_below_what_was_spent_alerts() {
    let user = User::register();
    user.budget("1000.00", "Taxes", "EUR");
    user.spend("300.00", "Taxes", "EUR");
    assert_eq!(thresholds(&user), [0_i64; 0]);
    user.budget(&amount(200_00), "Taxes", "EUR");
    assert_eq!(thresholds(&user), [110]);
}
