//! What the night finds, from a statement to the frames of an open app.

use crate::support::{
    database, eventually,
    socket::Socket,
    user::{User, day, text, today},
};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Runs a schedule now and waits for its task's end.
pub fn run_now(admin: &User, schedule: &str) {
    let asked = || {
        let answer = admin.request("POST", &format!("/admin/schedules/{schedule}/run")).send();
        // The clock's own may be at it.
        (answer.status != 409).then(|| answer.expect(202))
    };
    let task = text(&eventually("a run of its own", 30, asked)["task_id"]);
    eventually("its end", 60, || {
        let run = admin.get(&format!("/admin/tasks/{task}"));
        (run.status == 200 && run.json()["status"] == "succeeded").then_some(())
    });
}

/// A statement with a charge on the day of each of the last months that is three days ahead of today's, and shopping.
fn statement() -> String {
    let mut csv = "Date,Description,Amount\n".to_owned();
    for month in 1..=8 {
        let date = database::one::<String>(&format!(
            "SELECT ((now() AT TIME ZONE 'UTC')::date + 2 - interval '{month} months')::date::text"
        ));
        writeln!(csv, "{date},STREAMFLIX.COM,-12.99").unwrap();
        writeln!(csv, "{},Baker,-{month}.35", day(-month * 17)).unwrap();
    }
    csv
}

/// Imports it, has the night look, and answers the one subscription.
pub fn subscribed(user: &User, admin: &User) -> Value {
    let import = user.import("/transactions/import", &statement());
    assert_eq!((&import["status"], &import["rows_imported"]), (&json!("completed"), &json!(16)), "{import}");
    run_now(admin, "detect-subscriptions");
    user.get("/subscriptions").expect(200)["data"][0].clone()
}

#[test]
fn a_charge_that_recurs_is_found_in_a_statement_and_announced_to_open_apps() {
    let (user, admin) = (User::register(), User::register_admin());
    let one = subscribed(&user, &admin);
    let expected = [("name", "STREAMFLIX.COM"), ("cadence", "monthly"), ("amount", "12.99"), ("yearly_cost", "155.88")];
    for (field, value) in expected {
        assert_eq!(one[field], value, "{one}");
    }
    let page = user.get("/subscriptions").expect(200);
    let totals = json!([{"currency": "USD", "subscriptions": 1, "monthly_cost": "12.99", "yearly_cost": "155.88"}]);
    assert_eq!((&page["total"], &page["totals"]), (&json!(1), &totals));
    let answer = user.get(&format!("/subscriptions/{}", text(&one["id"])));
    assert_eq!(answer.expect(200), one);
    assert!(answer.header("etag").is_some());
    assert_eq!(user.get("/subscriptions?status=gone").problem(422), "validation_failed");
    let (mut app, _) = Socket::of(&user);
    run_now(&admin, "remind");
    let frame = app.next_of("subscription_reminder");
    assert_eq!((&frame["data"]["id"], &frame["data"]["name"]), (&one["id"], &one["name"]), "{frame}");
    assert!(frame["data"]["days"].as_i64().is_some_and(|days| (0..=3).contains(&days)), "{frame}");
    // Told once.
    run_now(&admin, "remind");
    user.spend("1.00", "Groceries", "USD");
    let next = app.next();
    assert_eq!(next["type"], "transaction_update", "{next}");
}

#[test]
fn an_unusual_purchase_is_told_to_open_apps_with_its_reason() {
    let (user, admin) = (User::register(), User::register_admin());
    let mut csv = "Date,Description,Amount\n".to_owned();
    for n in 0..40 {
        writeln!(csv, "{},Shop {},-{}.20", day(-3 * n - 1), n % 9, 20 + n % 13).unwrap();
    }
    user.import("/transactions/import", &csv);
    run_now(&admin, "detect-anomalies");
    let (mut app, _) = Socket::of(&user);
    let row = json!({"amount": "3400.00", "date": today(), "merchant_raw": "Jeweller"});
    let bought = user.post("/transactions", &row).expect(201);
    run_now(&admin, "detect-anomalies");
    let frame = app.next_of("anomaly_alert");
    assert_eq!(
        (&frame["data"]["transaction_id"], &frame["data"]["amount"]),
        (&bought["id"], &json!("3400.00")),
        "{frame}"
    );
    assert_eq!(frame["data"]["reason"], "unusual_amount");
    let now = user.get(&format!("/transactions/{}", text(&bought["id"]))).expect(200);
    assert_eq!(now["anomaly_score"], frame["data"]["score"]);
}
