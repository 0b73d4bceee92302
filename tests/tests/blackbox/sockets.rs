//! Live connections.

use crate::support::{
    at_once, aws, eventually, setting,
    socket::{Socket, ticket},
    user::User,
};
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};
use tungstenite::Message;
use uuid::Uuid;

/// Everything after a number, page by page.
fn resumed(socket: &mut Socket, from: i64) -> Vec<Value> {
    let (mut frames, mut last) = (Vec::new(), from);
    loop {
        let answer = socket.ask(&json!({"type": "resume", "last_seq": last}));
        assert_eq!((&answer["type"], &answer["data"]["from"]), (&json!("resumed"), &json!(last)), "{answer}");
        assert!(answer.to_string().len() <= 32 * 1024, "must-hold 41: an answer of {} bytes", answer.to_string().len());
        frames.extend(answer["data"]["frames"].as_array().unwrap().clone());
        last = answer["data"]["to"].as_i64().unwrap();
        if answer["data"]["complete"] == true {
            return frames;
        }
    }
}

/// Frames that are numbered from `first` on without a gap, each naming the one before it.
#[track_caller]
fn assert_whole(frames: &[Value], first: i64, count: usize) {
    assert_eq!(frames.len(), count);
    for (frame, seq) in frames.iter().zip(first..) {
        assert_eq!((&frame["seq"], &frame["prev_seq"]), (&json!(seq), &json!(seq - 1)), "{frame}");
    }
}

#[test]
fn must_hold_42_two_devices_get_every_frame_in_order_while_eight_write() {
    let user = User::register();
    let (mut phone, connected) = Socket::of(&user);
    let (mut laptop, _) = Socket::of(&user);
    assert_eq!(connected["data"]["user_id"], json!(user.id));
    assert_eq!(connected["data"]["seq"], 0);
    let per_thread = 8_i32;
    let (on_phone, on_laptop, late) = thread::scope(|scope| {
        let phone = scope.spawn(move || (phone.until(64), phone));
        let laptop = scope.spawn(move || laptop.until(64));
        let late = scope.spawn(|| {
            // A third device comes in the middle, catches up, and goes on from there.
            let (mut tablet, _) = Socket::of(&user);
            let mut frames = resumed(&mut tablet, 0);
            let mut seen = i64::try_from(frames.len()).unwrap();
            while seen < 64 {
                let frame = tablet.next();
                // At least once: what was caught up with may come again.
                if frame["seq"].as_i64().unwrap() > seen {
                    seen = frame["seq"].as_i64().unwrap();
                    frames.push(frame);
                }
            }
            frames
        });
        at_once(8, |n| {
            for _ in 0..per_thread {
                user.spend(&format!("{}.00", n + 1), "Groceries", "EUR");
            }
        });
        (phone.join().unwrap(), laptop.join().unwrap(), late.join().unwrap())
    });
    let (on_phone, mut phone) = on_phone;
    assert_whole(&on_phone, 1, 64);
    assert_whole(&on_laptop, 1, 64);
    assert_whole(&late, 1, 64);
    let without_connection = |frame: &Value| {
        let mut frame = frame.clone();
        frame["connection_id"].take();
        frame
    };
    assert_eq!(
        on_phone.iter().map(without_connection).collect::<Vec<_>>(),
        on_laptop.iter().map(without_connection).collect::<Vec<_>>(),
    );
    assert_ne!(on_phone[0]["connection_id"], on_laptop[0]["connection_id"]);

    let again = resumed(&mut phone, 0);
    assert_whole(&again, 1, 64);
    assert_eq!(
        again.iter().map(|f| f["data"].clone()).collect::<Vec<_>>(),
        on_phone.iter().map(|f| f["data"].clone()).collect::<Vec<_>>()
    );
    let mut stored: Vec<_> = user.transactions().iter().map(|t| t["id"].clone()).collect();
    let mut told: Vec<_> = again.iter().map(|f| f["data"]["id"].clone()).collect();
    stored.sort_by_key(Value::to_string);
    told.sort_by_key(Value::to_string);
    assert_eq!(told, stored);
}

#[test]
fn must_hold_42_catching_up_shows_no_foreign_frame_and_says_when_it_cannot() {
    let (user, other) = (User::register(), User::register());
    other.spend("9.00", "Groceries", "EUR");
    for _ in 0..3 {
        user.spend("1.00", "Groceries", "EUR");
    }
    let (mut socket, connected) = Socket::of(&user);
    assert_eq!(connected["data"]["seq"], 3);
    let frames = resumed(&mut socket, 1);
    assert_whole(&frames, 2, 2);
    assert!(frames.iter().all(|frame| frame["data"]["amount"] == "1.00"));
    assert_eq!(resumed(&mut socket, 3), [Value::Null; 0]);
    let by_id = socket.ask(&json!({"type": "resume", "last_message_id": frames[0]["id"]}));
    assert_eq!(by_id["data"]["from"], 2, "{by_id}");
    for beyond in [4, i64::MAX] {
        let answer = socket.ask(&json!({"type": "resume", "last_seq": beyond}));
        assert_eq!((&answer["type"], &answer["data"]["seq"]), (&json!("resync_required"), &json!(3)), "{answer}");
    }
    // What is older than what is kept was dropped with its day.
    crate::support::database::run(&format!("DELETE FROM events WHERE user_id = '{}' AND seq <= 2", user.id));
    assert_eq!(socket.ask(&json!({"type": "resume", "last_seq": 0}))["type"], "resync_required");
    assert_whole(&resumed(&mut socket, 2), 3, 1);
}

#[test]
fn must_hold_41_a_large_catch_up_comes_in_pages_that_fit() {
    let user = User::register();
    for _ in 0..20 {
        let note = "n".repeat(1900);
        let body = json!({"amount": "1.00", "date": "2026-01-05", "merchant_raw": "Corner shop", "note": note});
        user.post("/transactions", &body).expect(201);
    }
    // And one frame that is too large by itself is sent as an id to fetch.
    let large = format!(
        "WITH s AS (UPDATE user_seq SET seq = seq + 1 WHERE user_id = '{0}' RETURNING seq)
         INSERT INTO events (user_id, seq, type, data)
         SELECT '{0}', seq, 'transaction_update', jsonb_build_object('id', 'large', 'note', repeat('x', 60000)) FROM s",
        user.id
    );
    crate::support::database::run(&large);
    let (mut socket, _) = Socket::of(&user);
    let first = socket.ask(&json!({"type": "resume", "last_seq": 0}));
    assert_eq!(first["data"]["complete"], false, "this does not fit into one answer");
    let frames = resumed(&mut socket, 0);
    assert_whole(&frames, 1, 21);
    assert_eq!(frames[20]["data"]["id"], "large");
}

#[test]
fn must_hold_38_a_cut_connection_delays_nobody_and_is_forgotten() {
    let user = User::register();
    let (lost, _) = Socket::of(&user);
    let (mut kept, _) = Socket::of(&user);
    assert_eq!(aws::connections(user.id), 2);
    lost.cut();
    let start = Instant::now();
    user.spend("1.00", "Groceries", "EUR");
    assert_eq!(kept.next()["type"], "transaction_update");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    eventually("the end of the lost connection's row", 10, || (aws::connections(user.id) == 1).then_some(()));
}

#[test]
fn must_hold_38_a_connection_that_never_said_goodbye_is_forgotten_at_the_first_frame() {
    let user = User::register();
    let (mut kept, _) = Socket::of(&user);
    let table = setting("CONNECTIONS_TABLE");
    // Rows like those of its connection, of a connection that the gateway does not know.
    let own: Vec<_> = aws::items("CONNECTIONS_TABLE")
        .into_iter()
        .filter(|item| item.to_string().contains(&user.id.to_string()))
        .collect();
    assert!(!own.is_empty());
    let connection = own.iter().find_map(|item| {
        let key = item["sk"]["S"].as_str()?;
        (key != "-").then(|| key.to_owned())
    });
    let connection = connection.expect("the row that its user finds names the connection");
    for item in &own {
        let ghost = item.to_string().replace(&connection, "ghost-connection=");
        let mut ghost: Value = serde_json::from_str(&ghost).unwrap();
        ghost["opened"] = json!({"N": "1600000000"});
        aws::call("dynamodb", "PutItem", &json!({"TableName": table, "Item": ghost}));
    }
    assert_eq!(aws::connections(user.id), 2);
    user.spend("1.00", "Groceries", "EUR");
    assert_eq!(kept.next()["type"], "transaction_update");
    eventually("the end of the dead connection's row", 10, || (aws::connections(user.id) == 1).then_some(()));
    user.spend("1.00", "Groceries", "EUR");
    assert_eq!(kept.next()["seq"], 2, "the live one is still there");
}

#[test]
fn must_hold_39_authority_is_checked_again_on_an_open_connection() {
    for frame in [
        json!({"type": "hello"}),
        json!({"type": "resume", "last_seq": 0}),
        json!({"type": "subscribe", "types": ["budget_alert"]}),
    ] {
        let user = User::register();
        let (mut socket, _) = Socket::of(&user);
        let end = format!("UPDATE sessions SET revoked_at = now() WHERE user_id = '{}'", user.id);
        crate::support::database::run(&end);
        let answer = socket.ask(&frame);
        assert_eq!((&answer["type"], &answer["data"]["code"]), (&json!("error"), &json!("session_ended")), "{answer}");
        assert!(socket.ends_within(10), "and the connection is closed");
    }
}

#[test]
fn must_hold_40_a_ticket_works_once_within_a_minute_and_only_its_hash_is_kept() {
    let user = User::register();
    let issued = user.post("/auth/ws-ticket", &json!({})).expect(200);
    assert_eq!(issued["expires_in"], 60);
    let first = issued["ticket"].as_str().unwrap();
    assert!(first.len() >= 22, "at least 128 bits");
    let kept = Value::from(aws::items("TICKETS_TABLE")).to_string();
    assert!(!kept.contains(first), "the ticket itself is in the table");
    Socket::open(&format!("ticket={first}")).unwrap();
    assert_eq!(Socket::open(&format!("ticket={first}")).err(), Some(401), "once");

    let contested = ticket(&user);
    let opened = at_once(8, |_| Socket::open(&format!("ticket={contested}")).is_ok());
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1, "of eight at once, one");

    let late = ticket(&user);
    for item in aws::items("TICKETS_TABLE").iter().filter(|item| item.to_string().contains(&user.id.to_string())) {
        let mut past = item.clone();
        past["ttl"] = json!({"N": "1600000000"});
        aws::call("dynamodb", "PutItem", &json!({"TableName": setting("TICKETS_TABLE"), "Item": past}));
    }
    assert_eq!(
        Socket::open(&format!("ticket={late}")).err(),
        Some(401),
        "the table removes late, so the time is compared"
    );
    for query in ["ticket=", "ticket=%00", "token=", "", "ticket=../../x", &format!("ticket={}", Uuid::now_v7())] {
        assert_eq!(Socket::open(query).err(), Some(401), "{query}");
    }
}

#[test]
fn must_hold_43_odd_frames_are_answered_and_the_connection_stays() {
    let user = User::register();
    let (mut socket, _) = Socket::of(&user);
    let odd = [
        "not json",
        "",
        "[]",
        "null",
        "42",
        "{}",
        r#"{"type": 7}"#,
        r#"{"type": "no such type"}"#,
        r#"{"type": "resume"}"#,
        r#"{"type": "resume", "last_seq": -1}"#,
        r#"{"type": "resume", "last_seq": "1"}"#,
        r#"{"type": "resume", "last_seq": 99999999999999999999}"#,
        r#"{"type": "resume", "last_message_id": "x:y"}"#,
        "{\"type\": \"hello\", \"last_seq\": \"\\u0000\"}",
        r#"{"type":"error","code":"mine"}"#,
    ];
    for frame in odd {
        socket.send_raw(Message::text(frame));
        let answer = socket.within(Duration::from_secs(10)).unwrap_or_else(|| panic!("no answer to {frame}"));
        assert_eq!(answer["type"], "error", "{frame}: {answer}");
        assert!(answer["data"]["code"].is_string() && answer["data"]["detail"].is_string(), "{answer}");
    }
    let deep = format!("{{\"type\": \"ping\", \"x\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
    socket.send_raw(Message::text(deep));
    assert_eq!(socket.next()["type"], "error");
    socket.send_raw(Message::binary(vec![0, 159, 146, 150]));
    assert_eq!(socket.next()["type"], "error");
    let pong = socket.ask(&json!({"type": "ping"}));
    assert_eq!(pong["type"], "pong", "{pong}");
    assert!(pong["timestamp"].is_string() && pong["connection_id"].is_string(), "{pong}");
    socket.send(&json!({"type": "pong"}));
    user.spend("1.00", "Groceries", "EUR");
    assert_eq!(socket.next()["type"], "transaction_update", "a pong has no answer");
}

#[test]
fn must_hold_43_a_frame_named_like_a_route_of_the_gateway_does_no_harm() {
    let user = User::register();
    let (mut socket, _) = Socket::of(&user);
    for kind in ["$connect", "$disconnect", "$default"] {
        socket.send(&json!({"type": kind}));
        // Whether the gateway lets it through or not.
        socket.within(Duration::from_millis(500));
    }
    assert_eq!(aws::connections(user.id), 1);
    user.spend("1.00", "Groceries", "EUR");
    assert_eq!(socket.next_of("transaction_update")["seq"], 1);
}

#[test]
fn a_device_that_says_hello_with_what_it_has_learns_what_it_missed() {
    let user = User::register();
    let (socket, _) = Socket::of(&user);
    drop(socket);
    user.spend("1.00", "Groceries", "EUR");
    user.spend("2.00", "Groceries", "EUR");
    let mut socket = Socket::open(&format!("token={}", user.access)).unwrap();
    let connected = socket.ask(&json!({"type": "hello", "last_seq": 0}));
    assert_eq!(connected["data"]["seq"], 2);
    assert!(connected["data"]["heartbeat_s"].as_i64().unwrap() > 0);
    assert_eq!(connected["data"]["connection_id"], connected["connection_id"]);
    assert_whole(&resumed(&mut socket, 0), 1, 2);
}
