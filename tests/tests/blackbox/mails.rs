//! Mails as they arrive: summaries, budgets, new logins, and how they are switched off.

use crate::support::{
    aws, database, eventually,
    http::{Answer, Client},
    mail, random, setting,
    user::{User, day, text, today},
};
use serde_json::{Value, json};
use std::fs;
use uuid::Uuid;

/// A user with a proven address and these switches.
fn reader(switches: &[&str]) -> User {
    let user = User::register();
    let verified = format!("UPDATE users SET is_verified = true WHERE id = '{}'", user.id);
    assert_eq!(database::run(&verified), 1);
    let on: serde_json::Map<_, _> = switches.iter().map(|name| ((*name).to_owned(), true.into())).collect();
    let body = json!({"preferences": {"currency": "EUR", "notifications": on}});
    user.request("PATCH", "/auth/me").json(&body).send().expect(200);
    user
}

fn switches(user: &User) -> Value {
    user.get("/auth/me").expect(200)["preferences"]["notifications"].clone()
}

/// Writes a summary's mail down as the clock's task does, and has the sweep find it as if its own task were lost.
pub fn sum_up(user: &User, kind: &str, period: &str) -> Value {
    let row = format!(
        "INSERT INTO mails (id, kind, email, user_id, about, due_at, created_at)
         VALUES ('{}', '{kind}', '{}', '{}', '{{\"period\": \"{period}\"}}', now() - interval '2 minutes', now())",
        Uuid::now_v7(),
        user.email,
        user.id
    );
    assert_eq!(database::run(&row), 1);
    aws::send("SCHEDULED_QUEUE_URL", r#"{"v":1,"kind":"sweep"}"#);
    mail::next(&user.email, "Your ", 0)
}

/// The path and query of the link by which mails of its kind are switched off.
pub fn unsubscribe(mail: &Value) -> String {
    let said = text(&mail["BodyText"]);
    let link = said.split_whitespace().find(|word| word.contains("/mail/unsubscribe?token=")).expect("a link to it");
    assert!(text(&mail["BodyHtml"]).contains(link), "both parts have it");
    link.strip_prefix(&setting("API_URL")).expect("it leads to the API").to_owned()
}

/// This week's Monday before last: its week is over, whatever day it is.
fn last_week() -> (String, String) {
    let monday = "SELECT (date_trunc('week', now() AT TIME ZONE 'UTC')::date - 7)::text";
    let tuesday = "SELECT (date_trunc('week', now() AT TIME ZONE 'UTC')::date - 6)::text";
    (database::one::<String>(monday), database::one::<String>(tuesday))
}

fn one_click(link: &str) -> Answer {
    Client::new().request("POST", link).body("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click").send()
}

#[test]
fn a_weekly_summary_arrives_and_one_click_ends_it() {
    let user = reader(&["weekly_summary", "monthly_report"]);
    let (monday, tuesday) = last_week();
    let shop = format!("<script>shop{}</script>", Uuid::now_v7().simple());
    let bought = json!({"amount": "12.50", "date": tuesday, "merchant_raw": shop, "category": "Groceries"});
    user.post("/transactions", &bought).expect(201);
    let sent = sum_up(&user, "weekly_summary", &monday);
    assert!(text(&sent["Subject"]).starts_with("Your week, "), "{sent}");
    let (said, html) = (text(&sent["BodyText"]), text(&sent["BodyHtml"]));
    assert!(said.starts_with("You spent 12.50 EUR last week.") && said.contains(&shop), "{said}");
    assert!(!html.contains("<script") && html.contains("&lt;script&gt;shop"), "{html}");
    let link = unsubscribe(&sent);
    let page = Client::new().get(&link);
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"), "the token is in the address");
    assert_eq!(switches(&user)["weekly_summary"], true, "a scanner that follows the link changes nothing");
    for _ in 0..2 {
        assert_eq!(one_click(&link).status, 200);
        let now = switches(&user);
        assert_eq!((&now["weekly_summary"], &now["monthly_report"]), (&json!(false), &json!(true)));
    }
    // Without any content type, as mail programs differ.
    assert_eq!(Client::new().request("POST", &link).send().status, 200);
    assert_eq!(one_click(&format!("{link}x")).status, 404);
    assert_eq!(one_click("/mail/unsubscribe").problem(422), "validation_failed");
}

#[test]
fn what_an_import_spends_is_mailed_of_when_the_budget_is_used_up() {
    let user = reader(&["budget_mails"]);
    user.budget("10.00", "Uncategorized", "EUR");
    let import = |shop: &str, amount: &str| {
        user.import("/transactions/import", &format!("Date,Description,Amount\n{},{shop},-{amount}\n", today()));
    };
    import("Corner shop", "9.00");
    aws::send("SCHEDULED_QUEUE_URL", r#"{"v":1,"kind":"sweep"}"#);
    mail::next(&user.email, "Confirm your address", 0);
    import("Other shop", "3.00");
    aws::send("SCHEDULED_QUEUE_URL", r#"{"v":1,"kind":"sweep"}"#);
    let sent = mail::next(&user.email, "Your budget for Uncategorized is exceeded", 0);
    assert!(text(&sent["BodyText"]).starts_with("You spent 2.00 EUR more"), "{sent}");
    assert_eq!(one_click(&unsubscribe(&sent)).status, 200);
    assert_eq!(switches(&user)["budget_mails"], false);
}

#[test]
fn several_logins_from_new_places_are_mailed_of_once() {
    let user = User::register();
    for aged in [
        "users SET created_at = now() - interval '2 hours' WHERE id",
        "sessions SET created_at = now() - interval '2 hours' WHERE user_id",
    ] {
        assert_eq!(database::run(&format!("UPDATE {aged} = '{}'", user.id)), 1);
    }
    let login = |client: &Client, device: &str| {
        let body = json!({"email": user.email, "password": user.password});
        client.request("POST", "/auth/login").header("user-agent", device).json(&body).send().expect(200);
    };
    let told = || {
        let about = |mail: &Value| text(&mail["Subject"]).starts_with("Several new logins");
        mail::to(&user.email).iter().filter(|mail| about(mail)).count()
    };
    let elsewhere = Client::new();
    login(&elsewhere, "Phone/1");
    login(&elsewhere, "Phone/1");
    login(&Client::new(), "Phone/1");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(told(), 0, "two places");
    login(&Client::new(), "Phone/1");
    let sent = mail::next(&user.email, "Several new logins", 0);
    assert!(!text(&sent["BodyText"]).contains("unsubscribe"), "it cannot be switched off");
    login(&Client::new(), "Phone/2");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(told(), 1, "once in an hour");
}

#[test]
fn the_clock_runs_both_summaries() {
    let admin = User::register_admin();
    for (name, kind) in [("weekly-summary", "weekly_summary"), ("monthly-report", "monthly_report")] {
        let schedule = admin.get(&format!("/admin/schedules/{name}")).expect(200);
        assert_eq!((&schedule["kind"], &schedule["cron"]), (&json!(kind), &json!("0 * * * *")));
        let asked = admin.request("POST", &format!("/admin/schedules/{name}/run")).send();
        let id = if asked.status == 202 { text(&asked.json()["task_id"]) } else { text(&schedule["last_task_id"]) };
        eventually(&format!("{name} to be done"), 30, || {
            let run = admin.get(&format!("/admin/tasks/{id}"));
            (run.status == 200 && run.json()["status"] == "succeeded").then_some(())
        });
    }
}

#[test]
fn must_hold_50_what_mails_say_and_to_whom_is_in_no_log_and_no_task() {
    let user = reader(&["weekly_summary", "budget_mails"]);
    let canary = |kind: &str| format!("{kind}{}", Uuid::now_v7().simple());
    let (label, shop) = (canary("label"), canary("shop"));
    let amount = format!("{}.{:02}", 10_000_000 + random(80_000_000), 10 + random(80));
    let (monday, tuesday) = last_week();
    let budget = json!({"category": label, "amount": "1.00", "start_date": day(-20), "end_date": day(20)});
    user.post("/budgets", &budget).expect(200);
    let body = json!({"amount": amount, "date": tuesday, "merchant_raw": shop, "category": label});
    user.post("/transactions", &body).expect(201);
    let sent = sum_up(&user, "weekly_summary", &monday);
    assert!(text(&sent["BodyText"]).contains(&amount), "it is said: {sent}");
    mail::next(&user.email, &label, 0);
    let link = unsubscribe(&sent);
    assert_eq!(Client::new().get(&link).status, 200);
    assert_eq!(one_click(&link).status, 200);
    assert_eq!(one_click(&format!("{link}y")).status, 404);
    let last = user.get("/auth/me").header("request-id").unwrap().to_owned();
    let log = eventually("the log of the last request", 10, || {
        fs::read_to_string(setting("LAMBDA_LOG")).ok().filter(|log| log.contains(&last))
    });
    let token = link.split_once("token=").unwrap().1;
    for (what, secret) in [
        ("the address", user.email.as_str()),
        ("the amount", &amount),
        ("the merchant", &shop),
        ("the category", &label),
        ("the token", token),
    ] {
        assert_eq!(log.lines().find(|line| line.contains(secret)), None, "{what} is in the log");
        let told = format!("SELECT count(*) FROM task_runs t WHERE t::text LIKE '%{secret}%'");
        assert_eq!(database::one::<i64>(&told), 0, "{what} is in a task");
    }
}
