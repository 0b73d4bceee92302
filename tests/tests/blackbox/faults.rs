//! What breaks between the parts: dead connections, messages twice or out of order.

use crate::support::{
    at_once, aws, database, eventually,
    http::Client,
    process,
    socket::Socket,
    user::{User, text, today},
};
use rustix::process::Signal;
use serde_json::json;
use uuid::Uuid;

#[test]
fn must_hold_47_a_function_thawed_with_a_dead_connection_reconnects() {
    let user = User::register();
    for (handler, method, path) in
        [("transactions.list", "GET", "/transactions"), ("transactions.create", "POST", "/transactions")]
    {
        let body = json!({"amount": "1.00", "date": today(), "merchant_raw": "Corner shop"});
        let call = || {
            let request = user.request(method, path);
            if method == "POST" { request.json(&body).send() } else { request.send() }
        };
        call();
        let frozen = eventually("an idle process of the function", 5, || {
            let idle = process::idle(handler);
            (!idle.is_empty()).then_some(idle)
        });
        for process in &frozen {
            process.signal(Signal::STOP);
            // Only while it is idle: another test's request may have come in since.
            let cut = format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = {} AND state = 'idle'",
                process.backend
            );
            database::column::<bool>(&cut);
        }
        for process in &frozen {
            process.signal(Signal::CONT);
        }
        // As many at once as there were processes, so that each of them gets one.
        for answer in at_once(frozen.len() + 1, |_| call()) {
            assert!((200..300).contains(&answer.status), "{answer:?}");
        }
    }
}

#[test]
fn must_hold_34_messages_repeated_reordered_or_meant_for_nobody_do_no_harm() {
    let user = User::register();
    let csv = format!("Date,Description,Amount\n{0},Corner shop,-5.00\n{0},Book shop,-7.00\n", today());
    let import = text(&user.import("/transactions/import", &csv)["id"]);
    let (mut socket, connected) = Socket::of(&user);
    let before = user.get(&format!("/transactions/imports/{import}")).text;
    let seq = connected["data"]["seq"].as_i64().unwrap();

    for _ in 0..3 {
        let task = json!({"v": 1, "kind": "import", "user_id": user.id, "import_id": import});
        aws::send("HIGH_QUEUE_URL", &task.to_string());
        aws::send_ordered("RELAY_QUEUE_URL", &user.id.to_string(), &user.id.to_string());
        aws::send("SCHEDULED_QUEUE_URL", &json!({"v": 1, "kind": "sweep"}).to_string());
    }
    let nobody = Uuid::now_v7();
    aws::send_ordered("RELAY_QUEUE_URL", &nobody.to_string(), &nobody.to_string());
    let absent = json!({"v": 1, "kind": "import", "user_id": nobody, "import_id": Uuid::now_v7()});
    aws::send("HIGH_QUEUE_URL", &absent.to_string());

    user.spend("1.00", "Fuel", "EUR");
    let frame = socket.next_of("transaction_update");
    assert_eq!(frame["seq"], seq + 1, "no frame was made again");
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert_eq!(user.get(&format!("/transactions/imports/{import}")).text, before);
    assert_eq!(user.transactions().len(), 3);
}

#[test]
fn health_names_each_dependency() {
    let answer = Client::new().get("/health");
    let health = answer.expect(200);
    assert!(health.to_string().contains("database"), "{health}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
