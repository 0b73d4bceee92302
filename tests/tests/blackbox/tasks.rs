//! Queues, tries, dead letters, and the clock.

use crate::support::{
    aws, database, eventually, setting,
    user::{User, text},
};
use serde_json::{Value, json};
use uuid::Uuid;

/// A task's run, once it stands like this.
pub fn run(admin: &User, id: &str, status: &str, seconds: u64) -> Value {
    eventually(&format!("{id} to be {status}"), seconds, || {
        let answer = admin.get(&format!("/admin/tasks/{id}"));
        (answer.status == 200).then(|| answer.json()).filter(|run| run["status"] == status)
    })
}

/// Dead letters with this text, which are put back where they were.
fn dead(queue: &str, text: &str) -> Vec<Value> {
    let url = setting(&format!("{queue}_DEAD_QUEUE_URL"));
    let ask = json!({
        "QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 1, "MessageAttributeNames": ["All"],
    });
    let mut found = Vec::new();
    loop {
        let taken = aws::call("sqs", "ReceiveMessage", &ask);
        let taken = taken["Messages"].as_array().cloned().unwrap_or_default();
        if taken.is_empty() {
            return found;
        }
        found.extend(taken.into_iter().filter(|letter| letter["Body"].as_str().unwrap().contains(text)));
    }
}

/// A mail that waits to be sent, and the lock of its row, which keeps every try waiting until it fails.
pub fn locked_mail() -> (String, database::Database) {
    let id = Uuid::now_v7().to_string();
    let row = format!(
        "INSERT INTO mails (id, kind, email, due_at, created_at)
         VALUES ('{id}', 'password_changed', 'nobody-{id}@example.com', now(), now())"
    );
    assert_eq!(database::run(&row), 1);
    let mut lock = database::Database::connect();
    lock.run("BEGIN");
    assert_eq!(lock.run(&format!("SELECT FROM mails WHERE id = '{id}' FOR UPDATE")), 1);
    (id, lock)
}

#[test]
fn must_hold_35_of_ten_messages_with_poison_among_them_nine_are_done_once() {
    let admin = User::register_admin();
    let mark = Uuid::now_v7();
    let ids: Vec<_> = (0..9).map(|_| Uuid::now_v7().to_string()).collect();
    let absent = |id: &String| json!({"v": 1, "id": id, "kind": "mail", "mail_id": Uuid::now_v7()}).to_string();
    let mut bodies: Vec<_> = ids.iter().map(absent).collect();
    bodies.insert(4, json!({"v": 1, "kind": "mail", "mail_id": 7, "mark": mark}).to_string());
    let entries: Vec<_> =
        bodies.iter().enumerate().map(|(n, body)| json!({"Id": n.to_string(), "MessageBody": body})).collect();
    aws::call("sqs", "SendMessageBatch", &json!({"QueueUrl": setting("DEFAULT_QUEUE_URL"), "Entries": entries}));
    for id in &ids {
        assert_eq!(run(&admin, id, "succeeded", 20)["attempt"], 1);
    }
    let buried = eventually("the poison among the dead letters", 20, || dead("DEFAULT", &mark.to_string()).pop());
    assert_eq!(buried["MessageAttributes"]["reason"]["StringValue"], "malformed");
}

#[test]
fn must_hold_34_a_task_that_was_done_is_not_done_again() {
    let admin = User::register_admin();
    let (id, mail) = (Uuid::now_v7().to_string(), Uuid::now_v7());
    let task = json!({"v": 1, "id": id, "kind": "mail", "mail_id": mail}).to_string();
    aws::send("DEFAULT_QUEUE_URL", &task);
    let first = run(&admin, &id, "succeeded", 20);
    // There is something to do for it now, which the sweeper leaves alone.
    let row = format!(
        "INSERT INTO mails (id, kind, email, tries, due_at, created_at)
         VALUES ('{mail}', 'password_changed', 'nobody-{mail}@example.com', 100, now(), now())"
    );
    assert_eq!(database::run(&row), 1);
    aws::send("DEFAULT_QUEUE_URL", &task);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(run(&admin, &id, "succeeded", 1), first);
    assert_eq!(database::run(&format!("DELETE FROM mails WHERE id = '{mail}'")), 1, "the mail was not sent");
}

#[test]
fn must_hold_36_what_fails_is_tried_again_given_up_with_its_reason_and_sent_back_by_hand() {
    let admin = User::register_admin();
    let (mail, mut lock) = locked_mail();
    let id = Uuid::now_v7().to_string();
    aws::send("DEFAULT_QUEUE_URL", &json!({"v": 1, "id": id, "kind": "mail", "mail_id": mail}).to_string());
    let failed = run(&admin, &id, "dead", 60);
    assert_eq!(failed["attempt"], 3, "a mail is tried three times: {failed}");
    assert!(failed["error"].as_str().unwrap().starts_with("503 unavailable: sqlstate 55P03"), "{failed}");
    let buried = dead("DEFAULT", &id).pop().expect("a dead letter");
    assert_eq!(buried["MessageAttributes"]["reason"]["StringValue"], "unavailable");
    let listed = admin.get("/admin/tasks?status=dead&kind=mail&limit=100").expect(200);
    assert!(listed["data"].as_array().unwrap().iter().any(|run| run["id"] == id.as_str()));

    let back = |task: &str| admin.post("/admin/queues/default/redrive", &json!({"task_id": task}));
    assert_eq!(back(&Uuid::now_v7().to_string()).problem(404), "not_found");
    lock.run("ROLLBACK");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(back(&id).expect(200), json!({"moved": 1, "has_more": false}));
    assert_eq!(run(&admin, &id, "succeeded", 20)["attempt"], 1, "from the beginning");
    assert_eq!(back(&id).problem(404), "not_found", "it is no dead letter any more");
    assert_eq!(admin.post("/admin/queues/nowhere/redrive", &json!({})).problem(404), "not_found");
}

#[test]
fn an_import_s_task_says_how_many_rows_there_were() {
    let (admin, user) = (User::register_admin(), User::register());
    let csv = "Date,Description,Amount\n2026-01-05,Corner shop,-5.00\n2026-01-06,Book shop,-7.00\nnever,Kiosk,-1.00\n";
    user.import("/transactions/import", csv);
    let tasks = format!("/admin/tasks?kind=import&status=succeeded&user_id={}", user.id);
    let task =
        eventually("its task", 20, || admin.get(&tasks).expect(200)["data"].as_array().unwrap().first().cloned());
    let result = admin.get(&format!("/admin/tasks/{}", text(&task["id"]))).expect(200)["result"].clone();
    let expected = json!({
        "status": "completed", "imported": 2, "duplicates": 0, "failed": 1, "reverted": 0, "error_code": null,
    });
    assert_eq!(result, expected);
}

#[test]
fn what_fails_in_passing_is_done_in_the_end() {
    let admin = User::register_admin();
    let (mail, mut lock) = locked_mail();
    let id = Uuid::now_v7().to_string();
    aws::send("DEFAULT_QUEUE_URL", &json!({"v": 1, "id": id, "kind": "mail", "mail_id": mail}).to_string());
    run(&admin, &id, "failed", 20);
    lock.run("ROLLBACK");
    assert!(run(&admin, &id, "succeeded", 20)["attempt"].as_i64().unwrap() > 1);
}

#[test]
fn a_kind_from_a_newer_release_waits_for_its_consumer() {
    let mark = Uuid::now_v7().to_string();
    aws::send("LOW_QUEUE_URL", &json!({"v": 9, "kind": "from_the_future", "mark": mark}).to_string());
    let url = setting("LOW_QUEUE_URL");
    let names = ["ApproximateNumberOfMessagesDelayed"];
    eventually("the message to be put back for later", 20, || {
        let told = aws::call("sqs", "GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": names}));
        (told["Attributes"][names[0]] != "0").then_some(())
    });
    assert!(dead("LOW", &mark).is_empty());
}

#[test]
fn a_task_whose_sender_was_killed_is_sent_by_the_next_tick() {
    let admin = User::register_admin();
    let id = Uuid::now_v7().to_string();
    let row = format!(
        "INSERT INTO task_runs (id, kind, queue, created_at) VALUES ('{id}', 'retrain', 'default', now() - interval '3 minutes')"
    );
    assert_eq!(database::run(&row), 1);
    aws::send("SCHEDULED_QUEUE_URL", r#"{"v":1,"kind":"tick"}"#);
    assert_eq!(run(&admin, &id, "succeeded", 20)["kind"], "retrain");
}

#[test]
fn an_administrator_adds_runs_changes_and_deletes_a_schedule() {
    let admin = User::register_admin();
    let name = format!("test-{}", Uuid::now_v7());
    let path = format!("/admin/schedules/{name}");
    let new = json!({"name": name, "kind": "retrain", "cron": "0 0 29 2 *", "timezone": "Europe/Berlin"});
    let made = admin.post("/admin/schedules", &new);
    assert_eq!(made.expect(201)["next_at"], "2028-02-28T23:00:00Z");
    assert_eq!(admin.post("/admin/schedules", &new).problem(409), "schedule_exists");
    let task = text(&admin.request("POST", &format!("{path}/run")).send().expect(202)["task_id"]);
    assert_eq!(run(&admin, &task, "succeeded", 20)["schedule"], name.as_str());
    let found = admin.request("GET", &path).send();
    assert_eq!(
        (&found.expect(200)["last_task_id"], &found.expect(200)["last_status"]),
        (&json!(task), &json!("succeeded"))
    );
    let off = json!({"kind": "retrain", "cron": "0 0 29 2 *", "is_enabled": false});
    let changed = admin.request("PUT", &path).header("if-match", found.header("etag").unwrap()).json(&off).send();
    assert_eq!(changed.expect(200)["next_at"], Value::Null);
    let stale = admin.request("DELETE", &path).header("if-match", found.header("etag").unwrap()).send();
    assert_eq!(stale.problem(412), "stale");
    assert_eq!(admin.request("DELETE", &path).send().status, 204);
    assert_eq!(admin.request("GET", &path).send().problem(404), "not_found");
}

#[test]
fn what_has_served_its_time_is_deleted_and_nothing_else() {
    let (admin, user) = (User::register_admin(), User::register());
    let ids = [(); 5].map(|()| Uuid::now_v7());
    let ages = [
        ("succeeded", "mail", 8),
        ("succeeded", "mail", 6),
        ("dead", "mail", 8),
        ("dead", "mail", 31),
        ("succeeded", "sweep", 2),
    ];
    for (id, (status, kind, days)) in ids.iter().zip(ages) {
        database::run(&format!(
            "INSERT INTO task_runs (id, kind, queue, status, created_at, finished_at)
             VALUES ('{id}', '{kind}', 'default', '{status}', now() - interval '{days} days', now() - interval '{days} days')"
        ));
    }
    for (key, days) in [("old", 2), ("young", 0)] {
        database::run(&format!(
            "INSERT INTO idempotency_keys (user_id, route, key, request_hash, status, body, created_at, expires_at)
             VALUES ('{}', 'POST /test', '{key}', '', 200, '', now() - interval '9 days', now() - interval '{days} days')",
            user.id
        ));
    }
    let task = text(&admin.request("POST", "/admin/schedules/tidy/run").send().expect(202)["task_id"]);
    run(&admin, &task, "succeeded", 30);
    let kept: Vec<Uuid> = ids.into_iter().filter(|id| admin.get(&format!("/admin/tasks/{id}")).status == 200).collect();
    assert_eq!(kept, [ids[1], ids[2]]);
    let keys = format!("SELECT key FROM idempotency_keys WHERE user_id = '{}' AND route = 'POST /test'", user.id);
    assert_eq!(database::column::<String>(&keys), ["young"]);
    assert_eq!(user.get("/auth/me").status, 200, "its session lives");
}

#[test]
fn the_queues_tell_how_they_stand() {
    let admin = User::register_admin();
    aws::send("SCHEDULED_QUEUE_URL", r#"{"v":1,"kind":"tick"}"#);
    let states = eventually("a sample", 30, || {
        let states = admin.get("/admin/queues").expect(200);
        (!states["data"][0]["history"].as_array().unwrap().is_empty()).then_some(states)
    });
    let names: Vec<_> = states["data"].as_array().unwrap().iter().map(|state| text(&state["name"])).collect();
    assert_eq!(names, ["high", "default", "low", "scheduled", "relay", "deliver"]);
    let statistics = admin.get("/admin/tasks/statistics?hours=1&kind=tick").expect(200);
    let ticks: i64 = statistics["data"].as_array().unwrap().iter().map(|hour| hour["runs"].as_i64().unwrap()).sum();
    assert!(ticks > 0, "{statistics}");
}
