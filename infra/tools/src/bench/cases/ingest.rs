//! What other teams' programs send.

use super::{Caller, Case, Holds, writes::write};
use crate::bench::data::User;
use serde_json::json;
use shared::platform::clock;
use uuid::Uuid;

fn send(title: &'static str, handler: &'static str, main: &'static str) -> Case {
    Case { caller: Caller::Program, rounds: 20, ..write(title, handler, main) }.answering(Holds::Member("results"))
}

pub fn of(user: &User) -> Vec<Case> {
    let (me, id, run) = (user.id, user.transaction_id, Uuid::now_v7().simple().to_string());
    let today = clock::now().date().to_string();
    let row = move |run: &str, n: usize| {
        let amount = format!("{}.{:02}", n / 100 + 1, n % 100);
        json!({"user_id": me, "source": "ocr", "external_id": format!("{run} {n}"), "amount": amount, "date": today,
            "merchant_raw": "STARBUCKS STORE 1234 SEATTLE"})
    };
    let (one, many) = (run.clone(), row.clone());
    let read = |title, handler| Case { caller: Caller::Program, ..Case::of(title, handler) };
    vec![
        send("ingest a transaction", "ingest.transactions", "INSERT INTO transactions")
            .sending(move |n| json!({"transactions": [row(&one, n)]})),
        send("  500 at once", "ingest.transactions", "INSERT INTO transactions").sending(move |n| {
            let rows: Vec<_> = (0..500).map(|i| many(&format!("{run} {n}"), i)).collect();
            json!({"transactions": rows})
        }),
        Case { unheard: true, ..send("say what is unusual", "ingest.anomalies", "UPDATE transactions") }.sending(
            move |n| {
                // Stored and told to nobody: half of the scale is usual.
                let (score, reason) = (if n % 2 == 0 { 0.1 } else { 0.2 }, json!({"code": "bench", "text": "Bench"}));
                json!({"anomalies": [{"user_id": me, "transaction_id": id, "score": score, "reason": reason}]})
            },
        ),
        send("store a vector", "ingest.embeddings", "INSERT INTO embeddings").sending(move |n| {
            let mut vector = vec![0.5; 384];
            if let Some(first) = vector.get_mut(n % 384) {
                *first = 0.25;
            }
            json!({"embeddings": [{"user_id": me, "transaction_id": id, "vector": vector, "model": "bench"}]})
        }),
        read("roots to anchor", "ingest.anchors_list").asking("status=pending").answering(Holds::Member("data")),
        read("data sets", "ingest.training_sets").answering(Holds::Member("data")),
    ]
}
