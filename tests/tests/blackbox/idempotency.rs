//! Idempotency keys, and what a kill at the worst moment leaves behind.

use crate::support::{
    at_once,
    database::{self, Database},
    eventually,
    http::Answer,
    process,
    socket::Socket,
    user::{User, today},
};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    thread,
    time::{Duration, Instant},
};
use uuid::Uuid;

fn coffee(amount: &str) -> Value {
    json!({"amount": amount, "date": today(), "merchant_raw": "Coffee to go", "category": "Food & Dining"})
}

fn create(user: &User, key: &str, body: &Value) -> Answer {
    user.request("POST", "/transactions").header("idempotency-key", key).json(body).send()
}

fn rows(user: &User) -> i64 {
    database::one(&format!("SELECT count(*) FROM transactions WHERE user_id = '{}'", user.id))
}

/// Holds up every write of a user until it is let go.
fn hold(user: &User) -> Database {
    let mut holder = Database::connect();
    holder.run(&format!("BEGIN; SELECT FROM user_seq WHERE user_id = '{}' FOR UPDATE", user.id));
    holder
}

#[test]
fn must_hold_31_same_key_same_body_is_replayed() {
    let user = User::register();
    let (key, body) = (Uuid::now_v7().to_string(), coffee("3.20"));
    let first = create(&user, &key, &body);
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    let again = create(&user, &key, &body);
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.text, first.text);
    assert_eq!(rows(&user), 1);
}

#[test]
fn must_hold_31_same_key_other_body_is_refused() {
    let user = User::register();
    let key = Uuid::now_v7().to_string();
    create(&user, &key, &coffee("3.20")).expect(201);
    assert_eq!(create(&user, &key, &coffee("3.30")).problem(422), "idempotency_key_reused");
    assert_eq!(rows(&user), 1);
}

#[test]
fn must_hold_31_a_key_in_flight_answers_409() {
    let user = User::register();
    let (key, body) = (Uuid::now_v7().to_string(), coffee("3.20"));
    create(&user, "warm-up", &coffee("1.00")).expect(201);
    let mut holder = hold(&user);
    let first = thread::scope(|scope| {
        let first = scope.spawn(|| create(&user, &key, &body));
        process::waiting_for(&mut holder);
        assert_eq!(create(&user, &key, &body).problem(409), "in_flight");
        holder.run("COMMIT");
        first.join().unwrap()
    });
    first.expect(201);
    assert_eq!(create(&user, &key, &body).header("idempotent-replayed"), Some("true"));
    assert_eq!(rows(&user), 2);
}

#[test]
fn must_hold_31_sixteen_at_once_with_one_key_make_one() {
    let user = User::register();
    let (key, body) = (Uuid::now_v7().to_string(), coffee("3.20"));
    let answers = at_once(16, |_| create(&user, &key, &body));
    assert!(answers.iter().all(|answer| [201, 409].contains(&answer.status)), "{answers:?}");
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert!(!made.is_empty() && made.iter().all(|answer| answer.text == made[0].text), "{made:?}");
    assert_eq!(rows(&user), 1);
}

#[test]
fn must_hold_31_keys_are_scoped_by_user_and_route() {
    let (user, other) = (User::register(), User::register());
    let key = Uuid::now_v7().to_string();
    create(&user, &key, &coffee("3.20")).expect(201);
    let others = create(&other, &key, &coffee("3.30"));
    assert_eq!((others.status, others.header("idempotent-replayed")), (201, None));
    let budget = json!({"category": "Fuel", "amount": "50.00", "start_date": "2026-01-01", "end_date": "2026-01-31"});
    let budget = user.request("POST", "/budgets").header("idempotency-key", &key).json(&budget).send();
    assert!([200, 201].contains(&budget.status) && budget.header("idempotent-replayed").is_none(), "{budget:?}");
}

#[test]
fn must_hold_31_only_what_succeeded_is_kept() {
    let user = User::register();
    let key = Uuid::now_v7().to_string();
    assert_eq!(create(&user, &key, &coffee("0.00")).status, 422);
    create(&user, &key, &coffee("3.20")).expect(201);
    for bad in ["x".repeat(256), "tab\there".into(), "ünïcode".into()] {
        assert_eq!(create(&user, &bad, &coffee("3.20")).status, 422, "{bad}");
    }
    create(&user, &"x".repeat(255), &coffee("4.20")).expect(201);
}

#[test]
fn must_hold_32_a_key_that_ran_out_is_free_although_its_row_is_still_there() {
    let user = User::register();
    let key = Uuid::now_v7().to_string();
    create(&user, &key, &coffee("3.20")).expect(201);
    let past = "created_at = now() - interval '25 h', expires_at = now() - interval '1 h'";
    assert_eq!(database::run(&format!("UPDATE idempotency_keys SET {past} WHERE user_id = '{}'", user.id)), 1);
    let answer = create(&user, &key, &coffee("3.30"));
    assert_eq!((answer.status, answer.header("idempotent-replayed")), (201, None));
    assert_eq!(rows(&user), 2);
}

#[test]
fn must_hold_30_killed_after_the_commit_and_before_the_answer_a_retry_doubles_nothing() {
    let user = User::register();
    let body = coffee("3.20");
    let (mut committed_unanswered, mut made) = (0, 0);
    for _ in 0..40 {
        let key = Uuid::now_v7().to_string();
        let mut holder = hold(&user);
        let answer = thread::scope(|scope| {
            let call = || user.request("POST", "/transactions").header("idempotency-key", &key).json(&body).try_send();
            let first = scope.spawn(call);
            let process = process::waiting_for(&mut holder);
            holder.run("COMMIT");
            // The moment its commit is seen: the answer comes only after a message to the relay.
            let end = Instant::now() + Duration::from_secs(5);
            while rows(&user) == made {
                assert!(Instant::now() < end, "it was never committed");
            }
            process.signal(Signal::STOP);
            // Frozen, it says no more: an answer that has not come by now was never sent.
            thread::sleep(Duration::from_millis(250));
            process.signal(if first.is_finished() { Signal::CONT } else { Signal::KILL });
            first.join().unwrap()
        });
        made += 1;
        let answered = answer.is_ok_and(|answer| answer.status == 201);
        committed_unanswered += i32::from(!answered);
        let retry = create(&user, &key, &body);
        assert_eq!((retry.status, retry.header("idempotent-replayed")), (201, Some("true")), "{retry:?}");
        assert_eq!(rows(&user), made, "one effect");
        if committed_unanswered == 5 {
            break;
        }
    }
    assert_eq!(committed_unanswered, 5, "no kill fell between commit and answer: this tested nothing");
    let last: i64 = database::one(&format!("SELECT seq FROM user_seq WHERE user_id = '{}'", user.id));
    assert_eq!(last, made, "one frame each");
}

#[test]
fn must_hold_30_killed_before_the_commit_nothing_is_left_and_a_retry_works() {
    let user = User::register();
    let (key, body) = (Uuid::now_v7().to_string(), coffee("3.20"));
    let mut holder = hold(&user);
    let answer = thread::scope(|scope| {
        let first = scope
            .spawn(|| user.request("POST", "/transactions").header("idempotency-key", &key).json(&body).try_send());
        process::waiting_for(&mut holder).signal(Signal::KILL);
        let answer = first.join().unwrap();
        holder.run("COMMIT");
        answer
    });
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status >= 500));
    // Postgres notices that the client is gone when the lock is granted, or times out.
    let retry = eventually("an answer other than 409", 5, || {
        let retry = create(&user, &key, &body);
        (![409, 502, 503].contains(&retry.status)).then_some(retry)
    });
    assert_eq!((retry.status, retry.header("idempotent-replayed")), (201, None), "{retry:?}");
    assert_eq!(rows(&user), 1);
    let last: i64 = database::one(&format!("SELECT seq FROM user_seq WHERE user_id = '{}'", user.id));
    assert_eq!(last, 1, "and no frame of what did not happen");
}

#[test]
fn must_hold_33_a_commit_whose_kick_was_lost_is_pushed_by_the_sweeper() {
    let user = User::register();
    user.spend("1.00", "Fuel", "EUR");
    let (mut socket, _) = Socket::of(&user);
    // What a process leaves behind that is killed between its commit and its message.
    let commit = format!(
        "WITH s AS (UPDATE user_seq SET seq = seq + 1 WHERE user_id = '{0}' RETURNING seq)
         INSERT INTO events (user_id, seq, type, data) SELECT '{0}', seq, 'transaction_update', '{{\"id\": \"unsent\"}}' FROM s",
        user.id
    );
    database::run(&commit);
    assert_eq!(socket.within(Duration::from_millis(300)), None);
    crate::support::aws::send("SCHEDULED_QUEUE_URL", &json!({"v": 1, "kind": "sweep"}).to_string());
    assert_eq!(socket.next()["data"]["id"], "unsent");
    let pushed = format!("SELECT pushed_seq = seq FROM user_seq WHERE user_id = '{}'", user.id);
    eventually("the note that it was pushed", 5, || database::one::<bool>(&pushed).then_some(()));
}

#[test]
fn must_hold_36_a_failing_request_leaves_no_transaction_and_no_lock() {
    let user = User::register();
    let budget = |start: &str, end: &str| {
        user.post("/budgets", &json!({"category": "Fuel", "amount": "50.00", "start_date": start, "end_date": end}))
    };
    assert!(budget("2026-01-01", "2026-01-31").status < 300);
    assert!(budget("2026-02-01", "2026-02-28").status < 300);
    for _ in 0..5 {
        // Refused in the middle of its transaction, with the user's turn taken.
        assert_eq!(budget("2026-01-15", "2026-02-15").problem(409), "periods_overlap");
        assert!(budget("2026-03-01", "2026-03-31").status < 300, "the next request of the same process is unharmed");
    }
    // A lock that does not come fails the request within its time, and lets everything go.
    let mut holder = hold(&user);
    let refused = create(&user, "held", &coffee("3.20"));
    assert_eq!((refused.status, refused.header("retry-after").is_some()), (503, true), "{refused:?}");
    holder.run("COMMIT");
    create(&user, "held", &coffee("3.20")).expect(201);

    let open = "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'tallybook%'
                AND state LIKE 'idle in transaction%' AND state_change < now() - interval '500 ms'";
    thread::sleep(Duration::from_millis(600));
    assert_eq!(database::one::<i64>(open), 0);
    let locked = format!(
        "BEGIN; SET LOCAL lock_timeout = '200ms'; SELECT FROM user_seq WHERE user_id = '{}' FOR UPDATE; COMMIT",
        user.id
    );
    Database::connect().run(&locked);
}
