//! Alerts from end to end: found by a task, told by mail and webhook, listed for administrators.

use crate::{
    support::{
        aws, database, eventually, mail, setting,
        user::{User, text},
    },
    tasks::run,
};
use serde_json::{Value, json};
use shared::platform::{
    config::Config,
    function::{Env, Port},
    lookout::Lookout,
};
use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{Arc, Mutex, OnceLock},
    thread,
    time::Duration,
};
use uuid::Uuid;

/// A webhook on this machine: answers 500 to the first request, then 200, and keeps what it was sent.
fn webhook() -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/services/T0/B0/secret-of-the-webhook", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let kept = asked.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut request, mut part) = (String::new(), [0; 4096]);
            let body = loop {
                let length = stream.read(&mut part).unwrap();
                request.push_str(&String::from_utf8_lossy(&part[..length]));
                if let Some((head, body)) = request.split_once("\r\n\r\n") {
                    let told = head.to_lowercase();
                    let told = told.lines().find_map(|line| line.strip_prefix("content-length: ").map(str::to_owned));
                    if body.len() >= told.unwrap().parse::<usize>().unwrap() || length == 0 {
                        break body.to_owned();
                    }
                }
            };
            let mut kept = kept.lock().unwrap();
            kept.push(body);
            let status = if kept.len() == 1 { "500 Internal Server Error" } else { "200 OK" };
            stream
                .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").as_bytes())
                .unwrap();
        }
    });
    (url, asked)
}

fn set_webhook(url: &str) {
    put_webhook(&setting("ALERT_WEBHOOK_SECRET"), url);
}

fn put_webhook(secret: &str, url: &str) {
    let value = json!({"url": url}).to_string();
    let put = json!({"SecretId": secret, "SecretString": value, "ClientRequestToken": Uuid::now_v7()});
    aws::call("secretsmanager", "PutSecretValue", &put);
}

fn watch() {
    aws::send("SCHEDULED_QUEUE_URL", r#"{"v":1,"kind":"watch"}"#);
    thread::sleep(Duration::from_millis(500));
}

fn target(admin: &User, channel: &str) -> Value {
    let targets = admin.get("/admin/alerts").expect(200)["targets"].clone();
    targets.as_array().unwrap().iter().find(|one| one["channel"] == channel).unwrap().clone()
}

#[test]
fn must_hold_37_an_alert_is_told_by_mail_and_webhook_once_though_the_webhook_fails_at_first() {
    let admin = User::register_admin();
    let (url, asked) = webhook();
    set_webhook(&url);
    eventually("the watch to know the webhook", 60, || {
        watch();
        (target(&admin, "webhook")["is_set"] == true).then_some(())
    });
    let kind = format!("test-{}", Uuid::now_v7().simple());
    for _ in 0..3 {
        database::run(&format!(
            "INSERT INTO task_runs (id, kind, queue, status, error, created_at, started_at, finished_at)
             VALUES ('{}', '{kind}', 'low', 'dead', '503 <unavailable>', now(), now(), now())",
            Uuid::now_v7()
        ));
    }
    let alert = eventually("the alert", 60, || {
        watch();
        let alerts = admin.get("/admin/alerts").expect(200);
        let found = alerts["data"].as_array().unwrap().iter().find(|alert| alert["subject"] == kind.as_str()).cloned();
        found.filter(|alert| !alert["told_at"].is_null())
    });
    assert_eq!((text(&alert["kind"]).as_str(), &alert["resolved_at"]), ("task_given_up", &Value::Null));
    let mail = mail::next(&setting("ALERT_MAIL"), &kind, 0);
    let said = mail["BodyText"].as_str().unwrap();
    assert!(said.starts_with("3 were given up within an hour. The last error: 503 <unavailable>"), "{said}");
    assert!(said.contains("/v1/admin\n"), "{said}");
    // The first try failed: what was said of it names no address, and it comes again a minute later.
    let taken = eventually("the webhook to take it", 120, || {
        watch();
        asked.lock().unwrap().iter().find(|body| body.contains(&kind)).cloned()
    });
    let taken: Value = serde_json::from_str(&taken).unwrap();
    assert!(text(&taken["text"]).contains("503 &lt;unavailable&gt;"), "{taken}");
    eventually("nothing to wait for the webhook", 120, || {
        watch();
        (target(&admin, "webhook")["waiting"] == 0).then_some(())
    });
    database::run(&format!("DELETE FROM task_runs WHERE kind = '{kind}'"));
    let about = |body: &&String| body.contains(&kind);
    let first = asked.lock().unwrap()[0].contains(&kind);
    assert_eq!(asked.lock().unwrap().iter().filter(about).count(), if first { 2 } else { 1 });
    assert_eq!(
        mail::to(&setting("ALERT_MAIL")).iter().filter(|mail| mail["Subject"].to_string().contains(&kind)).count(),
        1
    );
    set_webhook("");
    // must_hold_50: whoever reads the log or the alerts cannot post there.
    let log = std::fs::read_to_string(setting("LAMBDA_LOG")).unwrap();
    assert!(!log.contains("secret-of-the-webhook") && log.contains("a notice was not told"));
    assert!(!admin.get("/admin/alerts").text.contains("secret-of-the-webhook"));
}

static WEBHOOK: OnceLock<String> = OnceLock::new();

fn settings(name: &str) -> Option<String> {
    match name {
        "_HANDLER" => Some("tasks.scheduled".into()),
        "ALERT_WEBHOOK_SECRET" => WEBHOOK.get().cloned(),
        "API_URL" | "STAGE" | "AWS_REGION" | "AWS_ENDPOINT_URL" => Some(setting(name)),
        _ => None,
    }
}

/// Else it would take for told what another process wrote for the webhook.
#[test]
fn a_process_that_knew_of_no_webhook_does_not_say_so_from_memory() {
    let secret = WEBHOOK.get_or_init(|| format!("webhook-{}", Uuid::now_v7()));
    let (none, url) = (json!({"url": ""}).to_string(), "https://hooks.example.com/a");
    aws::call("secretsmanager", "CreateSecret", &json!({"Name": secret, "SecretString": none}));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let lookout = Lookout::open(&Env::new(Config::read(settings).unwrap())).unwrap();
    assert_eq!(runtime.block_on(lookout.webhook()).unwrap(), None);
    // How old a copy is counts in seconds.
    thread::sleep(Duration::from_millis(1100));
    put_webhook(secret, url);
    assert_eq!(runtime.block_on(lookout.webhook()).unwrap().as_deref(), Some(url));
}

#[test]
fn checks_of_the_night_run_by_hand_and_say_what_they_did() {
    let admin = User::register_admin();
    let result = |schedule: &str| {
        let started = eventually(&format!("{schedule} to be free"), 60, || {
            let answer = admin.request("POST", &format!("/admin/schedules/{schedule}/run")).send();
            (answer.status == 202).then(|| answer.json())
        });
        run(&admin, &text(&started["task_id"]), "succeeded", 60)["result"].clone()
    };
    assert_eq!(result("pin-check"), json!({"configured": false}));
    assert_eq!(result("health-canary")["failing"], json!([]));
    assert!(result("maintain")["not_analyzed"].is_array());
    let report = result("failure-report");
    assert!(report["told"].is_boolean(), "{report}");
    // A day is reported once.
    assert_eq!(result("failure-report")["told"], false);
}

#[test]
fn dead_letters_are_listed_with_their_reasons_and_stay_where_they_are() {
    let admin = User::register_admin();
    let id = Uuid::now_v7();
    // Of a kind that is known, without what it needs: no try would mend it.
    aws::send("HIGH_QUEUE_URL", &json!({"v": 1, "id": id, "kind": "import", "secret": "amount 12.50"}).to_string());
    let letters = || {
        let answer = admin.get("/admin/queues/high/dead-letters");
        assert!(!answer.text.contains("12.50"), "what is malformed may hold anything");
        answer.expect(200)
    };
    let malformed = |letters: &Value| {
        letters["data"].as_array().unwrap().iter().any(|one| one["reason"] == "malformed" && one["kind"].is_null())
    };
    for _ in 0..2 {
        eventually("the dead letter", 30, || malformed(&letters()).then_some(()));
    }
    assert_eq!(admin.get("/admin/queues/nowhere/dead-letters").problem(404), "not_found");
    assert_eq!(admin.get("/admin/queues/high/dead-letters?x=1").problem(422), "validation_failed");
}
