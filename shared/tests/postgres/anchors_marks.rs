//! What the blockchain's team hands over: each row for itself, and nothing twice.

use crate::support::{Fresh, NOW, body, call, create};
use serde_json::{Value, json};
use shared::{
    domain::{
        anchors::{self, Marks},
        auth::Me,
        services::{self, NewToken},
        transactions,
    },
    platform::{
        db::{Db, Tx},
        fields::Fields,
        http::Call,
        jwt::sha256,
    },
};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// A program's call as the gate lets it through.
async fn program(db: &Db, me: &Me) -> Call {
    let new: NewToken = body(&json!({"name": "chain", "scopes": ["anchors:write"]}));
    let mut asking = call(me, "", None);
    let (_, token) = db.tx(async |tx: &mut Tx| services::issue(tx, me, &asking, &new).await).await.unwrap();
    asking.claims = None;
    (asking.scope, asking.service) = (Some("anchors:write"), Some(sha256(token.as_bytes())));
    asking
}

async fn mark(db: &Db, call: &Call, marks: &Value) -> (Vec<String>, Vec<String>) {
    let marks: Marks = body(marks);
    let told = anchors::mark(db, call, &marks).await.unwrap();
    for all in [&told.anchors, &told.transactions] {
        assert!(all.iter().enumerate().all(|(place, outcome)| place == outcome.index), "{all:?}");
    }
    let codes = |all: &[_]| {
        let code = |outcome: &Value| outcome["code"].as_str().unwrap_or("ok").to_owned();
        all.iter().map(code).collect::<Vec<_>>()
    };
    let told = serde_json::to_value(told).unwrap();
    (codes(told["anchors"].as_array().unwrap()), codes(told["transactions"].as_array().unwrap()))
}

/// The transaction's number, hash and content id, and the number of the user's last change.
async fn state(fresh: &Fresh, id: Uuid) -> (i64, Option<String>, Option<String>, i64) {
    sqlx::query_as(
        "SELECT t.changed_seq, t.blockchain_hash, t.ipfs_cid, s.changes
         FROM transactions t JOIN user_seq s USING (user_id) WHERE t.id = $1",
    )
    .bind(id)
    .fetch_one(&mut fresh.admin().await)
    .await
    .unwrap()
}

#[tokio::test]
async fn each_row_stands_for_itself_and_sending_it_again_changes_nothing() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let call = program(&db, &me).await;
    let id = create(&db, &me, &json!({"amount": "3.00", "date": "2026-03-01", "merchant_raw": "Coffee"})).await.id;
    anchors::anchor(&db, NOW, Instant::now() + Duration::from_mins(1)).await.unwrap();
    let root: String =
        sqlx::query_scalar("SELECT root_hash FROM merkle_batches").fetch_one(&mut fresh.admin().await).await.unwrap();
    let (day, hash, chain) = (NOW.date().to_string(), "ab".repeat(32), "0xfeed");
    let rows = json!({
        "anchors": [
            {"root_hash": root, "blockchain_tx_id": chain},
            {"batch_date": day, "blockchain_tx_id": chain},
            {"batch_date": day, "root_hash": root, "blockchain_tx_id": "0xother"},
            {"batch_date": day, "root_hash": hash, "blockchain_tx_id": chain},
            {"batch_date": "2026-01-01", "blockchain_tx_id": chain},
            {"root_hash": "x", "blockchain_tx_id": chain},
            {"blockchain_tx_id": chain},
            {"batch_date": day, "blockchain_tx_id": "a\u{0}b"},
            7,
        ],
        "transactions": [
            {"user_id": me.user_id, "transaction_id": id, "blockchain_hash": hash},
            {"user_id": other.user_id, "transaction_id": id, "ipfs_cid": "bafy"},
            {"user_id": Uuid::now_v7(), "transaction_id": id, "ipfs_cid": "bafy"},
            {"user_id": me.user_id, "transaction_id": id},
            {"user_id": me.user_id, "transaction_id": id, "ipfs_cid": "not/a/cid"},
            {"user_id": me.user_id, "transaction_id": id, "ipfs_cid": "bafy", "category": "Mine"},
            {"user_id": me.user_id, "transaction_id": id, "ipfs_cid": "bafy"},
        ],
    });
    let before = state(&fresh, id).await;
    let only_hash = json!({"transactions": [rows["transactions"][0]]});
    assert_eq!(mark(&db, &call, &only_hash).await.1, ["ok"]);
    assert_eq!(state(&fresh, id).await, (before.0, Some(hash.clone()), None, before.3), "nobody sees it: no change");
    let told = mark(&db, &call, &rows).await;
    let roots = [
        "ok",
        "ok",
        "already_anchored",
        "not_found",
        "not_found",
        "not_a_hash",
        "required",
        "nul_character",
        "not_an_object",
    ];
    let marks = ["ok", "not_found", "not_found", "required", "not_a_cid", "unknown_field", "ok"];
    assert_eq!(told, (roots.map(str::to_owned).to_vec(), marks.map(str::to_owned).to_vec()));
    let after = state(&fresh, id).await;
    assert_eq!(
        after,
        (before.3 + 1, Some(hash.clone()), Some("bafy".into()), before.3 + 1),
        "one change of the user's"
    );
    assert_eq!(mark(&db, &call, &rows).await, told);
    assert_eq!(state(&fresh, id).await, after);
    let chained: Vec<String> = sqlx::query_scalar("SELECT blockchain_tx_id FROM merkle_batches WHERE anchored_at = $1")
        .bind(NOW)
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(chained, [chain]);
    // A hash that only the other team sees is nowhere in what its owner gets.
    let shown = fresh.read_db().tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, id).await).await.unwrap();
    let shown = serde_json::to_string(&shown).unwrap();
    assert!(!shown.contains(&hash) && shown.contains("bafy"), "{shown}");
}

#[test]
fn five_hundred_rows_are_taken_and_no_more() {
    let read = |anchors: usize, transactions: usize| {
        let rows = |count| vec![json!({}); count];
        let body = json!({"anchors": rows(anchors), "transactions": rows(transactions)}).to_string();
        Fields::from_json(body.as_bytes())
            .and_then(Fields::read::<Marks>)
            .err()
            .map(|problem| problem.errors[0].code.clone())
    };
    assert_eq!(read(250, 250), None);
    assert_eq!(read(251, 250).as_deref(), Some("too_many"));
    for bad in [r#"{"anchors": {}}"#, r#"{"transactions": "x"}"#, r#"{"other": []}"#] {
        assert!(Fields::from_json(bad.as_bytes()).and_then(Fields::read::<Marks>).is_err(), "{bad}");
    }
}
