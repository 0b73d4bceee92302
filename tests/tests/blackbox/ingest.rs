//! Other teams' programs, and what users see of what they hand over.

use crate::support::{
    aws, database, eventually,
    http::{Answer, Client},
    setting,
    socket::Socket,
    user::{User, text, today},
};
use serde_json::{Value, json};
use std::{fs, process::Command};
use uuid::Uuid;

struct Program {
    client: Client,
    token: String,
}

impl Program {
    fn new(scopes: &[&str]) -> Self {
        let admin = User::register_admin();
        let made = admin.post("/admin/service-tokens", &json!({"name": "test", "scopes": scopes})).expect(201);
        Self { client: Client::new(), token: text(&made["token"]) }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.client.request(method, path).bearer(&self.token).json(body).send()
    }

    fn get(&self, path: &str) -> Answer {
        self.client.request("GET", path).bearer(&self.token).send()
    }
}

fn row(user: &User, id: &str, amount: &str) -> Value {
    json!({"user_id": user.id, "source": "ocr", "external_id": id, "amount": amount, "date": today(),
        "merchant_raw": "STARBUCKS STORE 1234", "category": "Dining", "currency": "EUR"})
}

#[test]
fn a_transaction_of_a_program_is_seen_in_an_open_app_and_an_alert_with_it() {
    let (user, program) = (User::register(), Program::new(&["transactions:write", "anomalies:write"]));
    user.budget("10.00", "Dining", "EUR");
    let (mut socket, _) = Socket::of(&user);
    let told =
        program.send("POST", "/ingest/transactions", &json!({"transactions": [row(&user, "a", "12.50")]})).expect(200);
    assert_eq!((&told["changed"], &told["results"][0]["status"]), (&json!(1), &json!("created")), "{told}");
    let id = text(&told["results"][0]["transaction_id"]);
    let frame = socket.next();
    assert_eq!((frame["type"].as_str(), &frame["data"]["id"]), (Some("transaction_update"), &json!(id)));
    assert_eq!(frame["data"], user.get(&format!("/transactions/{id}")).expect(200), "what it tells is what is there");
    assert_eq!(socket.next()["data"]["threshold"], 110);
    let judged = json!({"anomalies": [{"user_id": user.id, "transaction_id": id, "score": 0.9,
        "reason": {"code": "far_away", "text": "Far away from home."}}]});
    program.send("POST", "/ingest/anomalies", &judged).expect(200);
    let alert = socket.next_of("anomaly_alert");
    assert_eq!(
        (&alert["data"]["transaction_id"], alert["data"]["detail"].as_str()),
        (&json!(id), Some("Far away from home."))
    );
    assert_eq!(user.get(&format!("/transactions/{id}")).expect(200)["anomaly_score"], 0.9);
    let secret = fs::read_to_string(setting("LAMBDA_LOG")).unwrap();
    for private in [program.token.as_str(), "Far away from home"] {
        assert!(!secret.contains(private), "{private} is in the log");
    }
}

#[test]
fn must_hold_31_a_programs_key_replays_its_answer() {
    let (user, program) = (User::register(), Program::new(&["transactions:write"]));
    let send = |amount: &str| {
        let body = json!({"transactions": [row(&user, "a", amount)]});
        let request = program.client.request("POST", "/ingest/transactions").bearer(&program.token);
        request.header("idempotency-key", "one").json(&body).send()
    };
    let first = send("1.00");
    let again = send("1.00");
    assert_eq!((again.header("idempotent-replayed"), &again.text), (Some("true"), &first.text));
    assert_eq!(send("2.00").problem(422), "idempotency_key_reused");
    assert_eq!(user.transactions().len(), 1);
}

#[test]
fn must_hold_21_bodies_have_their_bounds_and_full_ones_go_through() {
    let user = User::register_unlimited();
    let program = Program::new(&["transactions:write", "embeddings:write", "anchors:write"]);
    let rows: Vec<_> = (0..500).map(|n| row(&user, &n.to_string(), "1.00")).collect();
    let told = program.send("POST", "/ingest/transactions", &json!({"transactions": rows})).expect(200);
    assert_eq!(told["changed"], 500);
    let ids = told["results"].as_array().unwrap().iter().map(|one| one["transaction_id"].clone());
    // All their digits, as a program prints doubles.
    let vector = |n: usize| (0..384).map(|i| f64::from(u32::try_from(n * 384 + i).unwrap()).sin()).collect::<Vec<_>>();
    let vectors: Vec<_> = ids
        .enumerate()
        .map(|(n, id)| json!({"user_id": user.id, "transaction_id": id, "vector": vector(n), "model": "test"}))
        .collect();
    let full = json!({"embeddings": vectors});
    assert!((3_500_000..5 * 1024 * 1024).contains(&full.to_string().len()), "{}", full.to_string().len());
    assert_eq!(program.send("PUT", "/ingest/embeddings", &full).expect(200)["changed"], 500);
    let marks: Vec<_> = vectors
        .iter()
        .map(|one| json!({"user_id": user.id, "transaction_id": one["transaction_id"], "blockchain_hash": "ab".repeat(32), "ipfs_cid": "b".repeat(59)}))
        .collect();
    let marks = json!({"transactions": marks});
    assert!(marks.to_string().len() > 64 * 1024);
    assert_eq!(program.send("POST", "/ingest/anchors", &marks).status, 200);
    for (method, path, size) in
        [("POST", "/ingest/transactions", 2 * 1024 * 1024), ("PUT", "/ingest/embeddings", 5 * 1024 * 1024)]
    {
        let answer = program.send(method, path, &json!({"rows": "x".repeat(size)}));
        assert_eq!(answer.problem(413), "too_large", "{path}");
    }
}

/// The guide's program, with a data set there to be fetched.
#[test]
fn a_program_of_forty_lines_hands_over_and_fetches_a_data_set() {
    let (user, program) = (User::register(), Program::new(&["transactions:write", "corrections:read"]));
    let spent = user.spend("1.00", "Groceries", "EUR");
    // As many as make a set, whatever other tests have left.
    database::run(&format!(
        "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_key, old_category, new_category, created_at)
         SELECT '{}', gen_random_uuid(), '{}', 1, 'Groceries', 'Bread', now() - interval '1 hour' FROM generate_series(1, 500)",
        user.id,
        text(&spent["id"])
    ));
    aws::send("DEFAULT_QUEUE_URL", &json!({"v": 1, "kind": "retrain"}).to_string());
    let set = eventually("a data set", 60, || {
        let newest = program.get("/ingest/training-sets?limit=1").expect(200)["data"][0].clone();
        (newest["status"] == "ready").then_some(newest)
    });
    let one = program.get(&format!("/ingest/training-sets/{}", set["version"]));
    assert!(one.header("etag").is_some());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/handover.py");
    let arguments = ["-I", script, &setting("API_URL"), &program.token, &user.id.to_string()];
    let done = Command::new("python3").args(arguments).output().expect("python3 is there");
    let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
    assert!(done.status.success(), "{said}");
    assert!(said.starts_with("created ") && said.contains("corrections of"), "{said}");
    assert_eq!(user.transactions().len(), 2, "the replay stored nothing");
    for missing in ["0", "x", "9223372036854775807", "9223372036854775808"] {
        assert_eq!(program.get(&format!("/ingest/training-sets/{missing}")).problem(404), "not_found");
    }
}

#[test]
fn five_hundred_rows_of_a_hundred_users_are_stored_while_a_program_waits() {
    let program = Program::new(&["transactions:write"]);
    // Users who never log in: made where they are kept.
    let run = Uuid::now_v7();
    database::run(&format!(
        "WITH made AS (
             INSERT INTO users (id, email, hashed_password)
             SELECT gen_random_uuid(), '{run}-' || n || '@example.com', 'x' FROM generate_series(1, 100) AS n RETURNING id
         ) INSERT INTO user_seq (user_id) SELECT id FROM made"
    ));
    let users: Vec<Uuid> = database::column(&format!("SELECT id FROM users WHERE email LIKE '{run}-%' ORDER BY id"));
    let rows: Vec<_> = (0..500)
        .map(|n| {
            json!({"user_id": users[n % 100], "source": "sms", "external_id": n.to_string(), "amount": "1.00",
                "date": today(), "merchant_raw": "Kiosk"})
        })
        .collect();
    let begun = std::time::Instant::now();
    let told = program.send("POST", "/ingest/transactions", &json!({"transactions": rows})).expect(200);
    assert_eq!(told["changed"], 500);
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    let frames: i64 = database::one(&format!(
        "SELECT count(*) FROM events e JOIN users u ON u.id = e.user_id WHERE u.email LIKE '{run}-%'"
    ));
    assert_eq!(frames, 500);
}
