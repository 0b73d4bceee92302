//! What keeps connections few, fresh and to the point: filters, heartbeats, ends and caps.

use crate::support::{
    at_once, aws, eventually, setting,
    socket::{Socket, ticket},
    user::{User, text},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tungstenite::Message;
use uuid::Uuid;

/// Sets a number of a connection's item that is found by its id.
fn set(connection: &str, name: &str, value: i64) {
    let update = json!({
        "TableName": setting("CONNECTIONS_TABLE"),
        "Key": {"pk": {"S": format!("conn#{connection}")}, "sk": {"S": "-"}},
        "UpdateExpression": format!("SET {name} = :value"),
        "ExpressionAttributeValues": {":value": {"N": value.to_string()}},
    });
    aws::call("dynamodb", "UpdateItem", &update);
}

fn number(connection: &str, name: &str) -> Option<i64> {
    let key = format!("conn#{connection}");
    let item = aws::items("CONNECTIONS_TABLE").into_iter().find(|item| item["pk"]["S"] == key.as_str())?;
    item[name]["N"].as_str()?.parse().ok()
}

fn now() -> i64 {
    shared::platform::clock::epoch()
}

/// What the clock brings every minute, now.
fn sweep() {
    let walk = json!({"walk": {"id": Uuid::now_v7(), "what": "sweep"}});
    aws::send_ordered("DELIVER_QUEUE_URL", "walk", &walk.to_string());
}

fn connection_of(frame: &Value) -> String {
    text(&frame["connection_id"])
}

/// Numbers of a frame: the one before it, and its own.
fn numbers(frame: &Value) -> (i64, i64) {
    (frame["prev_seq"].as_i64().unwrap(), frame["seq"].as_i64().unwrap())
}

#[test]
fn a_connection_gets_the_types_it_asked_for_and_is_told_which_frame_it_should_have_had_before() {
    let user = User::register();
    user.budget("10.00", "Groceries", "EUR");
    let (mut all, _) = Socket::of(&user);
    let (mut alerts, connected) = Socket::of(&user);
    let subscribed = alerts.ask(&json!({"type": "subscribe", "types": ["budget_alert"]}));
    assert_eq!(
        (&subscribed["type"], &subscribed["data"]["types"], &subscribed["data"]["seq"]),
        (&json!("subscribed"), &json!(["budget_alert"]), &connected["data"]["seq"])
    );
    let mut expected = Vec::new();
    for amount in ["8.00", "2.10", "1.00"] {
        user.spend(amount, "Groceries", "EUR");
    }
    let mut before = None;
    for frame in all.until(6) {
        if frame["type"] == "budget_alert" {
            let seq = frame["seq"].as_i64().unwrap();
            expected.push((before.unwrap_or(0), seq));
            before = Some(seq);
        }
    }
    assert_eq!(expected.len(), 3, "80, 100 and 110 %");
    let got: Vec<_> = (0..3).map(|_| alerts.next()).collect();
    assert!(got.iter().all(|frame| frame["type"] == "budget_alert"), "{got:?}");
    assert_eq!(got.iter().map(numbers).collect::<Vec<_>>(), expected);

    // Catching up is filtered, too, and says how far it reaches.
    let resumed = alerts.ask(&json!({"type": "resume", "last_seq": 0}));
    let frames = resumed["data"]["frames"].as_array().unwrap();
    assert_eq!(frames.iter().map(numbers).collect::<Vec<_>>(), expected);
    assert_eq!((&resumed["data"]["to"], &resumed["data"]["complete"]), (&json!(6), &json!(true)));

    // More types, fewer types, and a new connection in the place of this one.
    let more = alerts.ask(&json!({"type": "subscribe", "types": ["transaction_update", "announcement"]}));
    assert_eq!(more["data"]["types"], json!(["announcement", "budget_alert", "transaction_update"]));
    let fewer = alerts.ask(&json!({"type": "unsubscribe", "types": ["budget_alert", "announcement"]}));
    assert_eq!(fewer["data"]["types"], json!(["transaction_update"]));
    let mut next = Socket::open(&format!("ticket={}", ticket(&user))).unwrap();
    next.ask(&json!({"type": "hello", "previous_connection_id": connection_of(&fewer)}));
    assert!(alerts.ends_within(10), "the connection before it is closed");
    let bought = user.spend("5.00", "Groceries", "EUR");
    let frame = next.next();
    assert_eq!((&frame["type"], &frame["data"]["id"]), (&json!("transaction_update"), &bought["id"]));
    assert!(next.within(Duration::from_millis(500)).is_none(), "and no alert, by the filter it had");

    let without = all.ask(&json!({"type": "unsubscribe", "types": ["transaction_update"]}));
    assert_eq!(without["data"]["types"].as_array().unwrap().len(), 6, "{without}");
    for types in [json!(["no_such_type"]), json!("budget_alert"), json!([7]), json!({})] {
        let answer = all.ask(&json!({"type": "subscribe", "types": types}));
        assert_eq!(answer["data"]["code"], "bad_frame", "{answer}");
    }
}

#[test]
fn a_stranger_s_connection_is_not_taken_over() {
    let (user, other) = (User::register(), User::register());
    let (mut theirs, connected) = Socket::of(&other);
    let (mut socket, _) = Socket::of(&user);
    let hello = json!({"type": "hello", "previous_connection_id": connection_of(&connected)});
    assert_eq!(socket.ask(&hello)["type"], "connected");
    other.spend("1.00", "Groceries", "EUR");
    assert_eq!(theirs.next()["type"], "transaction_update");
}

#[test]
fn a_connection_that_is_silent_expired_or_old_is_ended_or_asked_to_come_again() {
    let user = User::register();
    let ((mut silent, a), (mut expired, b)) = (Socket::of(&user), Socket::of(&user));
    let ((mut old, c), (mut fresh, d)) = (Socket::of(&user), Socket::of(&user));
    let heartbeat = d["data"]["heartbeat_s"].as_i64().unwrap();
    set(&connection_of(&a), "heard", now() - 2 * heartbeat - 1);
    set(&connection_of(&b), "expires", now() - 1);
    set(&connection_of(&c), "opened", now() - 7195);
    set(&connection_of(&c), "heard", now());
    sweep();
    assert!(silent.ends_within(20), "silent for more than two heartbeats");
    assert!(expired.ends_within(20), "its token has expired");
    let again = old.next();
    assert_eq!((&again["type"], &again["data"]["reason"]), (&json!("reconnect"), &json!("max_age")), "{again}");
    assert!(again["timestamp"].is_string());
    eventually("the rows of the two that stay", 10, || (aws::connections(user.id) == 2).then_some(()));
    assert_eq!(fresh.ask(&json!({"type": "ping"}))["type"], "pong");

    // A ping is a sign of life, written down once in a while.
    set(&connection_of(&d), "heard", now() - heartbeat);
    fresh.ask(&json!({"type": "ping"}));
    let heard = number(&connection_of(&d), "heard").unwrap();
    assert!(now() - heard < 20, "heard {} s ago", now() - heard);
}

#[test]
fn a_connection_that_is_not_known_any_more_is_asked_to_come_again() {
    let user = User::register();
    let (mut socket, connected) = Socket::of(&user);
    for key in [
        json!({"pk": {"S": format!("conn#{}", connection_of(&connected))}, "sk": {"S": "-"}}),
        json!({"pk": {"S": format!("user#{}", user.id)}, "sk": {"S": connection_of(&connected)}}),
    ] {
        aws::call("dynamodb", "DeleteItem", &json!({"TableName": setting("CONNECTIONS_TABLE"), "Key": key}));
    }
    for frame in [json!({"type": "ping"}), json!({"type": "hello"})] {
        let answer = socket.ask(&frame);
        assert_eq!((&answer["type"], &answer["data"]["reason"]), (&json!("reconnect"), &json!("unknown_connection")));
    }
    assert_eq!(aws::connections(user.id), 0, "a frame brings no row back");
}

#[test]
fn must_hold_43_of_more_connections_than_a_user_may_have_the_first_are_closed() {
    let user = User::register();
    let mut sockets: Vec<_> = (0..20).map(|_| Socket::of(&user).0).collect();
    // All of them were opened within a second or two: by their ids, none would be the first.
    let mut others = sockets.split_off(1);
    let first = sockets.pop().unwrap();
    let mut first = first;
    let id = connection_of(&first.ask(&json!({"type": "ping"})));
    let oldest = json!({
        "TableName": setting("CONNECTIONS_TABLE"),
        "Key": {"pk": {"S": format!("user#{}", user.id)}, "sk": {"S": id}},
        "UpdateExpression": "SET opened = :value",
        "ExpressionAttributeValues": {":value": {"N": (now() - 60).to_string()}},
    });
    aws::call("dynamodb", "UpdateItem", &oldest);
    let (mut last, _) = Socket::of(&user);
    assert!(first.ends_within(10), "the one that was opened first");
    eventually("twenty rows", 10, || (aws::connections(user.id) == 20).then_some(()));
    user.spend("1.00", "Groceries", "EUR");
    assert_eq!(last.next()["seq"], 1);
    assert!(others.iter_mut().all(|socket| socket.next()["seq"] == 1));

    // Faster than they are closed: refused at the door.
    let template = aws::items("CONNECTIONS_TABLE").into_iter();
    let mut row = template.into_iter().find(|item| item["pk"]["S"] == format!("user#{}", user.id)).unwrap();
    for n in 0..20 {
        row["sk"] = json!({"S": format!("made-up-{n}=")});
        aws::call("dynamodb", "PutItem", &json!({"TableName": setting("CONNECTIONS_TABLE"), "Item": row}));
    }
    assert_eq!(Socket::open(&format!("ticket={}", ticket(&user))).err(), Some(429));
}

#[test]
fn must_hold_43_of_many_connections_at_once_as_many_stay_as_a_user_may_have() {
    let user = User::register();
    let _early: Vec<_> = (0..15).map(|_| Socket::of(&user)).collect();
    let tickets: Vec<_> = (0..10).map(|_| ticket(&user)).collect();
    let _late = at_once(10, |n| Socket::open(&format!("ticket={}", tickets[n])).unwrap());
    eventually("twenty rows", 10, || (aws::connections(user.id) == 20).then_some(()));
}

#[test]
fn must_hold_43_who_sends_too_many_or_too_large_frames_is_told_and_cut_off() {
    let (user, other) = (User::register(), User::register());
    let (mut socket, _) = Socket::of(&user);
    let large = json!({"type": "ping", "x": "x".repeat(5000)});
    assert_eq!(socket.ask(&large)["data"]["code"], "frame_too_large");
    let started = Instant::now();
    let refused = (0..2000).find_map(|_| {
        socket.send_raw(Message::text(r#"{"type":"ping"}"#));
        socket.within(Duration::from_secs(10)).filter(|answer| answer["type"] != "pong")
    });
    let refused = refused.expect("an end to it");
    assert_eq!(refused["data"]["code"], "too_many_frames", "{refused} after {:?}", started.elapsed());
    assert!(socket.ends_within(10));
    let (mut untouched, _) = Socket::of(&other);
    assert_eq!(untouched.ask(&json!({"type": "ping"}))["type"], "pong", "others are not counted with them");
}

#[test]
fn an_announcement_reaches_every_open_app_that_wants_it() {
    let (admin, users) = (User::register_admin(), [User::register(), User::register()]);
    // More connections than a page of the walk holds, and before those that are to hear of it, in time and by name.
    let table = setting("CONNECTIONS_TABLE");
    let nobody = Uuid::now_v7();
    let ghost = |n: usize| {
        let number = |value: i64| json!({"N": value.to_string()});
        json!({
            "pk": {"S": format!("conn#!ghost-{nobody}-{n}=")}, "sk": {"S": "-"}, "usr": {"S": nobody}, "sid": {"S": nobody},
            "expires": number(now() + 600), "opened": number(now() - 60), "heard": number(now()), "ttl": number(now() + 600),
            // They want nothing: posting to hundreds that are not there would hold up what other tests wait for.
            "types": {"S": ""},
        })
    };
    for n in 0..450 {
        aws::call("dynamodb", "PutItem", &json!({"TableName": table, "Item": ghost(n)}));
    }
    let mut sockets: Vec<_> = users.iter().map(|user| Socket::of(user).0).collect();
    let (mut deaf, _) = Socket::of(&users[0]);
    deaf.ask(&json!({"type": "unsubscribe", "types": ["announcement"]}));
    for socket in sockets.iter_mut().chain([&mut deaf]) {
        socket.announcements = true;
    }
    let words = format!("From 02:00 on, {nobody}");
    let body = json!({"title": "Maintenance", "text": words, "level": "warning"});
    let announced = admin.request("POST", "/admin/announcements").header("idempotency-key", &nobody.to_string());
    let announced = announced.json(&body).send().expect(202);
    let again = admin.request("POST", "/admin/announcements").header("idempotency-key", &nobody.to_string());
    assert_eq!(again.json(&body).send().expect(202), announced, "told once");
    for socket in &mut sockets {
        let frame = loop {
            let frame = socket.next_of("announcement");
            if frame["data"]["text"] == words {
                break frame;
            }
        };
        assert_eq!((&frame["id"], &frame["data"]["level"]), (&announced["id"], &json!("warning")), "{frame}");
        assert_eq!(frame["data"]["title"], "Maintenance");
        assert!(frame["seq"].is_null() && frame["timestamp"].is_string());
    }
    assert!(deaf.within(Duration::from_secs(1)).is_none(), "it does not want any");
    for n in 0..450 {
        let ghost = ghost(n);
        let key = json!({"pk": ghost["pk"], "sk": ghost["sk"]});
        aws::call("dynamodb", "DeleteItem", &json!({"TableName": table, "Key": key}));
    }
    let task = format!("/admin/tasks/{}", text(&announced["task_id"]));
    eventually("the end of its task", 10, || (admin.get(&task).expect(200)["status"] == "succeeded").then_some(()));
    for wrong in
        [json!({"title": "", "text": "x"}), json!({"title": "x"}), json!({"title": "x", "text": "x", "level": "loud"})]
    {
        admin.post("/admin/announcements", &wrong).problem(422);
    }
}
