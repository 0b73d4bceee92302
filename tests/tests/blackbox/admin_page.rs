//! The administrators' page in a browser.

use crate::{
    clients::{ROOT, node_told},
    support::{aws, database, eventually, setting, user::User},
    tasks::{locked_mail, run},
};
use serde_json::json;
use std::path::Path;
use uuid::Uuid;

/// What a page that reads answers as HTML would run.
const HOSTILE: &str = r#"<img src=x onerror="document.title='owned'"><script>document.title='owned'</script>"#;

/// A task that was given up, whose error, arguments and result are hostile.
fn hostile() -> String {
    let (id, inside) = (Uuid::now_v7().to_string(), json!({"mail_id": HOSTILE}).to_string().replace('\'', "''"));
    let error = HOSTILE.replace('\'', "''");
    let row = format!(
        "INSERT INTO task_runs (id, kind, queue, status, attempt, args, result, error, created_at, started_at, finished_at)
         VALUES ('{id}', 'mail', 'default', 'dead', 3, '{inside}', '{inside}', '{error}', now(), now(), now())"
    );
    assert_eq!(database::run(&row), 1);
    id
}

#[test]
fn an_administrator_sees_and_does_what_the_page_offers_and_a_plain_user_is_turned_away() {
    let (admin, plain) = (User::register_admin(), User::register());
    admin.set_tier("internal");
    let (mail, mut lock) = locked_mail();
    let dead = Uuid::now_v7().to_string();
    aws::send("DEFAULT_QUEUE_URL", &json!({"v": 1, "id": dead, "kind": "mail", "mail_id": mail}).to_string());
    let schedule = format!("page-{}", Uuid::now_v7());
    let new = json!({"name": schedule, "kind": "retrain", "cron": "0 0 29 2 *", "description": HOSTILE});
    admin.post("/admin/schedules", &new).expect(201);
    eventually("the watch to know its targets", 60, || {
        aws::send("SCHEDULED_QUEUE_URL", r#"{"v":1,"kind":"watch"}"#);
        std::thread::sleep(std::time::Duration::from_secs(1));
        let targets = admin.get("/admin/alerts").expect(200)["targets"].clone();
        (targets[0]["channel"] == "mail" && targets[0]["is_set"] == true).then_some(())
    });
    run(&admin, &dead, "dead", 60);
    lock.run("ROLLBACK");
    let task = hostile();
    let told = [
        ("PLAIN_EMAIL", plain.email.as_str()),
        ("PLAIN_PASSWORD", &plain.password),
        ("HOSTILE_TASK", &task),
        ("HOSTILE_TEXT", HOSTILE),
        ("DEAD_TASK", &dead),
        ("SCHEDULE", &schedule),
    ];
    node_told(&[Path::new("tests/node/admin.mjs")], Path::new(ROOT), &admin, &told);
    let audited = format!(
        "SELECT action FROM audit_log WHERE actor_id = '{}' AND action LIKE 'schedule.%' ORDER BY id",
        admin.id
    );
    let done = ["created", "run", "changed", "changed", "deleted"].map(|what| format!("schedule.{what}"));
    assert_eq!(database::column::<String>(&audited), done);
    assert_eq!(setting("STAGE"), "local");
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_its_files_are_those_it_names() {
    let anybody = crate::support::http::Client::new();
    let page = anybody.get("/admin");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe") && !policy.contains("http"),
        "{policy}"
    );
    for forbidden in ["<style", "style=", " on", "javascript:", "http://", "https://"] {
        assert!(!page.text.contains(forbidden), "{forbidden}");
    }
    for file in [
        "page.css",
        "page.js",
        "api.js",
        "parts.js",
        "overview.js",
        "tasks.js",
        "statistics.js",
        "schedules.js",
        "letters.js",
    ] {
        let answer = anybody.get(&format!("/admin/page/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "localStorage",
            "sessionStorage.",
        ] {
            assert!(!answer.text.contains(forbidden), "{forbidden} in {file}");
        }
    }
    assert_eq!(anybody.get("/admin/page/nothing.js").problem(404), "not_found");
    assert_eq!(anybody.get("/admin/page/..%2Findex.html").status, 404);
}
