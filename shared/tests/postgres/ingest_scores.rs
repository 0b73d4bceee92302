//! What programs say of transactions: how unusual they are, and the vectors that stand for them.

use crate::{
    ingest::{codes, program},
    support::{Fresh, TODAY, body, call, create, frames},
};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::{Me, with_user},
        ingest::{self, Anomalies, Embeddings},
        transactions::{self, Transaction},
    },
    platform::{
        db::{Db, Tx},
        http::Call,
    },
};
use uuid::Uuid;

async fn spend(db: &Db, me: &Me, date: &str) -> Transaction {
    create(db, me, &json!({"amount": "9.00", "date": date, "merchant_raw": "Kiosk"})).await
}

fn results(told: impl serde::Serialize) -> Vec<Value> {
    serde_json::to_value(told).unwrap()["results"].as_array().unwrap().clone()
}

async fn judge(db: &Db, call: &Call, rows: &[Value]) -> Vec<Value> {
    let new: Anomalies = body(&json!({"anomalies": rows}));
    results(ingest::judge(db, call, &new).await.unwrap().outcomes)
}

fn score(me: &Me, id: Uuid, score: f64) -> Value {
    json!({"user_id": me.user_id, "transaction_id": id, "score": score, "reason": {"code": "far_away", "text": "Far away."}})
}

async fn alerts(fresh: &Fresh, me: &Me) -> Vec<Value> {
    let told = frames(fresh, me).await.into_iter();
    told.filter(|(kind, _)| kind == "anomaly_alert").map(|(_, data)| data).collect()
}

#[tokio::test]
async fn a_score_is_stored_and_told_once_until_it_has_risen() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let asking = program(&db, &me, "anomalies:write").await;
    let spent = spend(&db, &me, &TODAY.to_string()).await;
    let theirs = spend(&db, &other, &TODAY.to_string()).await;
    let rows = [
        score(&me, spent.id, 0.6),
        score(&me, spent.id, 0.7),
        score(&me, theirs.id, 0.9),
        score(&me, Uuid::now_v7(), 0.9),
        score(&Me { user_id: Uuid::now_v7(), ..me.clone() }, spent.id, 0.9),
        json!({"user_id": me.user_id, "transaction_id": spent.id, "score": 1.1, "reason": {"code": "A", "text": ""}}),
        json!({"user_id": me.user_id, "transaction_id": spent.id, "score": 1, "reason": null}),
    ];
    let told = judge(&db, &asking, &rows).await;
    assert_eq!(
        codes(&told),
        ["stored", "duplicate_id", "not_found", "not_found", "not_found", "not_a_code", "not_nullable"]
    );
    assert_eq!(
        (&told[2]["errors"], &told[2]["code"]),
        (&told[3]["errors"], &told[3]["code"]),
        "foreign and absent alike"
    );
    let stored = async || db.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, spent.id).await).await.unwrap();
    let first = stored().await;
    assert_eq!(first.anomaly_score, Some(0.6));
    assert!(first.changed_seq > spent.changed_seq, "a client that syncs sees it");
    let told = alerts(&fresh, &me).await;
    assert_eq!((told.len(), &told[0]["reason"], &told[0]["detail"]), (1, &json!("far_away"), &json!("Far away.")));
    // The same again, then a little more, then much more.
    assert_eq!(codes(&judge(&db, &asking, &rows[..1]).await), ["existing"]);
    assert_eq!(stored().await.changed_seq, first.changed_seq);
    judge(&db, &asking, &[score(&me, spent.id, 0.7)]).await;
    assert_eq!(alerts(&fresh, &me).await.len(), 1);
    judge(&db, &asking, &[score(&me, spent.id, 0.95)]).await;
    assert_eq!(alerts(&fresh, &me).await.len(), 2);
    assert_eq!(alerts(&fresh, &other).await.len(), 0);
}

#[tokio::test]
async fn who_does_not_want_to_hear_of_it_does_not_and_what_is_usual_or_old_is_no_news() {
    let fresh = Fresh::new().await;
    let (db, me, quiet) = (fresh.db(), fresh.user().await, fresh.user().await);
    let asking = program(&db, &me, "anomalies:write").await;
    sqlx::query(
        "UPDATE users SET preferences = preferences || '{\"notifications\": {\"anomalies\": false}}' WHERE id = $1",
    )
    .bind(quiet.user_id)
    .execute(&mut fresh.admin().await)
    .await
    .unwrap();
    let (usual, old) = (spend(&db, &me, &TODAY.to_string()).await, spend(&db, &me, "2025-01-01").await);
    let theirs = spend(&db, &quiet, &TODAY.to_string()).await;
    let rows = [score(&me, usual.id, 0.49), score(&me, old.id, 1.0), score(&quiet, theirs.id, 1.0)];
    assert_eq!(codes(&judge(&db, &asking, &rows).await), ["stored"; 3]);
    assert_eq!((alerts(&fresh, &me).await.len(), alerts(&fresh, &quiet).await.len()), (0, 0));
}

/// A vector that points so many degrees away from the first axis.
fn vector(degrees: f64) -> Vec<f64> {
    let mut all = vec![0.0; 384];
    (all[0], all[1]) = (degrees.to_radians().cos(), degrees.to_radians().sin());
    all
}

fn embedding(me: &Me, id: Uuid, degrees: f64, model: &str) -> Value {
    json!({"user_id": me.user_id, "transaction_id": id, "vector": vector(degrees), "model": model})
}

async fn embed(db: &Db, call: &Call, rows: &[Value]) -> Vec<Value> {
    let new: Embeddings = body(&json!({"embeddings": rows}));
    results(ingest::embed(db, call, &new).await.unwrap())
}

async fn near(fresh: &Fresh, me: &Me, id: Uuid) -> Vec<Uuid> {
    let (asked, call) = (body(&json!({"transaction_id": id, "limit": 10})), call(me, "", None));
    let db = fresh.read_db();
    let found = with_user(&db, &call, async |tx: &mut Tx, me: &Me| transactions::similar(tx, me, &asked).await).await;
    let found = serde_json::to_value(found.unwrap()).unwrap();
    let id = |one: &Value| one["transaction"]["id"].as_str().or(one["id"].as_str()).unwrap().parse().unwrap();
    found["data"].as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn vectors_are_stored_in_place_of_older_ones_and_compared_within_their_model() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let asking = program(&db, &me, "embeddings:write").await;
    let mut mine = Vec::new();
    for _ in 0..4 {
        mine.push(spend(&db, &me, &TODAY.to_string()).await.id);
    }
    let theirs = spend(&db, &other, &TODAY.to_string()).await.id;
    let rows = [
        embedding(&me, mine[0], 0.0, "a"),
        embedding(&me, mine[1], 10.0, "a"),
        embedding(&me, mine[2], 5.0, "b"),
        embedding(&me, mine[3], 20.0, "a"),
        embedding(&other, theirs, 1.0, "a"),
        embedding(&me, mine[0], 0.0, "a"),
        embedding(&me, theirs, 1.0, "a"),
        json!({"user_id": me.user_id, "transaction_id": mine[0], "vector": vec![0.0; 384], "model": "a"}),
        json!({"user_id": me.user_id, "transaction_id": mine[0], "vector": [1.0], "model": "a"}),
    ];
    let told = embed(&db, &asking, &rows).await;
    let expected = [
        "stored",
        "stored",
        "stored",
        "stored",
        "stored",
        "duplicate_id",
        "not_found",
        "zero_vector",
        "wrong_dimensions",
    ];
    assert_eq!(codes(&told), expected);
    assert_eq!(near(&fresh, &me, mine[0]).await, [mine[1], mine[3]], "the other model's would be the nearest");
    assert_eq!(codes(&embed(&db, &asking, &rows[..4]).await), ["existing"; 4]);
    assert_eq!(codes(&embed(&db, &asking, &[embedding(&me, mine[2], 5.0, "a")]).await), ["stored"]);
    assert_eq!(near(&fresh, &me, mine[0]).await, [mine[2], mine[1], mine[3]]);
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM embeddings").fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(stored, 5);
}
