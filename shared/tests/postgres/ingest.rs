//! Transactions that programs hand over: each row for itself, nothing twice, and all else as if the user had typed it.

use crate::{
    support::{Fresh, Random, TODAY, amount, at_once, body, call, cents, create, frames, later, merchant},
    totals::wrong,
};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::{Me, with_user},
        budgets,
        erasure::close_account,
        ingest::{self, NewTransactions},
        services::{self, NewToken},
        transactions,
    },
    platform::{
        db::{Db, Tx},
        http::Call,
        jwt::sha256,
        problem::Problem,
    },
};
use sqlx::AssertSqlSafe;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A program's call as the gate lets it through.
pub async fn program(db: &Db, me: &Me, scope: &'static str) -> Call {
    let new: NewToken = body(&json!({"name": "reader", "scopes": [scope]}));
    let mut asking = call(me, "", None);
    let (_, token) = db.tx(async |tx: &mut Tx| services::issue(tx, me, &asking, &new).await).await.unwrap();
    asking.claims = None;
    (asking.scope, asking.service) = (Some(scope), Some(sha256(token.as_bytes())));
    asking
}

pub fn row(me: &Me, id: &str, amount: &str) -> Value {
    json!({"user_id": me.user_id, "source": "ocr", "external_id": id, "amount": amount, "date": TODAY.to_string(),
        "merchant_raw": "CORNER SHOP 12", "currency": "EUR"})
}

fn with(mut row: Value, members: Value) -> Value {
    let Value::Object(members) = members else { panic!("{members}") };
    for (name, value) in members {
        row[name] = value;
    }
    row
}

async fn tried(db: &Db, call: &Call, rows: &[Value]) -> Result<Value, Problem> {
    let new: NewTransactions = body(&json!({"transactions": rows}));
    let stored = ingest::store(db, call, &new).await?;
    Ok(serde_json::to_value(stored.outcomes).unwrap())
}

pub async fn send(db: &Db, call: &Call, rows: &[Value]) -> Vec<Value> {
    let told = tried(db, call, rows).await.unwrap();
    let results = told["results"].as_array().unwrap().clone();
    assert!(results.iter().enumerate().all(|(place, result)| result["index"] == place), "{results:?}");
    results
}

/// The status of each, or the code it was refused with.
pub fn codes(results: &[Value]) -> Vec<&str> {
    results.iter().map(|result| result["code"].as_str().or(result["status"].as_str()).unwrap()).collect()
}

async fn count(fresh: &Fresh, sql: &str) -> i64 {
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut fresh.admin().await).await.unwrap()
}

#[tokio::test]
async fn each_row_is_answered_for_itself_with_all_that_is_wrong_with_it() {
    let fresh = Fresh::new().await;
    let (db, me, closed) = (fresh.db(), fresh.user().await, fresh.user().await);
    let asking = program(&db, &me, "transactions:write").await;
    let closing = call(&closed, "", None);
    with_user(&db, &closing, async |tx: &mut Tx, me: &Me| close_account(tx, &closing, me).await).await.unwrap();
    let stranger = Me { user_id: Uuid::now_v7(), ..me.clone() };
    let good = row(&me, "a", "12.50");
    let refused = [
        (json!(7), "not_an_object"),
        (json!([]), "not_an_object"),
        (json!({}), "required"),
        (with(good.clone(), json!({"amount": "1.234"})), "too_many_decimals"),
        (with(good.clone(), json!({"amount": "NaN"})), "not_an_amount"),
        (with(good.clone(), json!({"date": "31.01.2026"})), "not_a_date"),
        (with(good.clone(), json!({"source": "manual"})), "not_a_source"),
        (with(good.clone(), json!({"external_id": ""})), "wrong_length"),
        (with(good.clone(), json!({"external_id": "a\u{0}"})), "nul_character"),
        (with(good.clone(), json!({"merchant_raw": "x".repeat(501)})), "wrong_length"),
        (with(good.clone(), json!({"currency": "KWD"})), "unsupported_currency"),
        (with(good.clone(), json!({"confidence": {"category": 1.5}})), "not_confidences"),
        (with(good.clone(), json!({"confidence": {"a\u{0}": 0.5}})), "nul_character"),
        (with(good.clone(), json!({"anomaly_score": -0.1})), "not_a_share"),
        (with(good.clone(), json!({"receipt_url": "javascript:alert(1)"})), "not_a_link"),
        (with(good.clone(), json!({"blockchain_hash": "00"})), "unknown_field"),
        (with(good.clone(), json!({"id": Uuid::nil()})), "unknown_field"),
        (with(good.clone(), json!({"merchant_id": Uuid::now_v7()})), "unknown_merchant"),
        (row(&stranger, "a", "12.50"), "not_found"),
        (row(&closed, "a", "12.50"), "not_found"),
    ];
    let mut rows: Vec<_> = refused.iter().map(|(row, _)| row.clone()).collect();
    rows.push(good.clone());
    rows.push(with(good.clone(), json!({"amount": 12.5})));
    rows.push(with(good.clone(), json!({"note": "another"})));
    rows.push(with(good.clone(), json!({"source": "sms"})));
    let results = send(&db, &asking, &rows).await;
    let mut expected: Vec<_> = refused.iter().map(|(_, code)| *code).collect();
    expected.extend(["created", "existing", "external_id_taken", "created"]);
    assert_eq!(codes(&results), expected);
    let many = &results[2]["errors"];
    let pointers: Vec<_> = many.as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
    assert_eq!(pointers, ["/amount", "/date", "/external_id", "/merchant_raw", "/source", "/user_id"]);
    let (foreign, gone) = (&results[18], &results[19]);
    assert_eq!((&foreign["errors"], &foreign["code"]), (&gone["errors"], &gone["code"]), "told alike");
    assert_eq!(count(&fresh, "SELECT count(*) FROM transactions").await, 2);
    let too_many: Result<NewTransactions, _> =
        shared::platform::fields::Fields::from_json(json!({"transactions": vec![7; 501]}).to_string().as_bytes())
            .and_then(shared::platform::fields::Fields::read);
    assert_eq!(too_many.err().unwrap().errors[0].code, "too_many");
}

#[tokio::test]
async fn the_same_again_is_harmless_also_after_the_user_changed_or_deleted_it() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let asking = program(&db, &me, "transactions:write").await;
    let rows = [row(&me, "a", "12.50"), row(&me, "b", "3.00")];
    let first = send(&db, &asking, &rows).await;
    let ids: Vec<Uuid> = first.iter().map(|one| one["transaction_id"].as_str().unwrap().parse().unwrap()).collect();
    let patch = body(&json!({"amount": "20.00", "category": "Gifts"}));
    let change = call(&me, "", None);
    db.tx(async |tx: &mut Tx| transactions::update(tx, &me, &change, ids[0], &patch).await).await.unwrap();
    db.tx(async |tx: &mut Tx| transactions::delete(tx, &me, &change, ids[1]).await).await.unwrap();
    let before = count(&fresh, "SELECT sum(changes)::bigint FROM user_seq").await;
    let again = send(&db, &asking, &rows).await;
    assert_eq!(codes(&again), ["existing", "existing"]);
    assert_eq!(again[0]["transaction_id"], first[0]["transaction_id"]);
    assert_eq!(count(&fresh, "SELECT sum(changes)::bigint FROM user_seq").await, before, "no number was taken");
    let kept = db.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, ids[0]).await).await.unwrap();
    assert_eq!((kept.category.as_str(), kept.amount.amount().to_string()), ("Gifts", "20.00".into()));
}

#[tokio::test]
async fn must_hold_15_what_is_one_users_id_is_anothers_to_use() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let asking = program(&db, &me, "transactions:write").await;
    let results = send(&db, &asking, &[row(&me, "a", "1.00"), row(&other, "a", "2.00")]).await;
    assert_eq!(codes(&results), ["created", "created"]);
}

#[tokio::test]
async fn a_program_tells_what_typing_would_merchant_correction_lookalikes_alerts() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let shop = merchant(&mut fresh.admin().await, "Corner Shop", "Groceries", &["corner shop"]).await;
    let asking = program(&db, &me, "transactions:write").await;
    let budget = body(
        &json!({"category": "Gifts", "amount": "100.00", "start_date": "2026-03-01", "end_date": "2026-03-31", "currency": "EUR"}),
    );
    db.tx(async |tx: &mut Tx| budgets::put(tx, &me, &budget).await.map(drop)).await.unwrap();
    let typed = create(
        &db,
        &me,
        &json!({"amount": "5.00", "date": TODAY.to_string(), "merchant_raw": "Corner shop", "currency": "EUR"}),
    )
    .await;
    assert_eq!(typed.category, "Groceries");
    let correction = body(&json!({"transaction_id": typed.id, "new_category": "Gifts"}));
    let change = call(&later(&me, 1), "", None);
    db.tx(async |tx: &mut Tx| transactions::correct(tx, &later(&me, 1), &change, &correction).await).await.unwrap();
    let told = frames(&fresh, &me).await.len();
    let guess = json!({"category": "Dining", "confidence": {"category": 0.6, "amount": 0.9}});
    let rows = [
        with(row(&me, "a", "5.00"), guess.clone()),
        with(row(&me, "b", "90.00"), guess),
        with(row(&me, "c", "90.00"), json!({"merchant_raw": "Anything", "merchant_id": shop})),
        with(row(&me, "d", "7.00"), json!({"merchant_raw": "Nobody knows"})),
        with(
            row(&me, "e", "8.00"),
            json!({"merchant_raw": "Nobody knows", "category": "Dining", "confidence": {"category": 0.6}}),
        ),
    ];
    let results = send(&db, &asking, &rows).await;
    let categories: Vec<_> = results.iter().map(|one| one["category"].as_str().unwrap()).collect();
    assert_eq!(categories, ["Gifts", "Gifts", "Gifts", "Uncategorized", "Dining"], "the user's correction comes first");
    // Two coffees are two coffees, and look the same.
    assert_eq!(results[0]["duplicate_of"], json!(typed.id));
    assert_eq!(results[1]["duplicate_of"], Value::Null);
    assert_eq!(results[2]["duplicate_of"], results[1]["transaction_id"], "by the merchant, within one request");
    let told = frames(&fresh, &me).await.split_off(told);
    let kinds: Vec<_> = told.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, [["transaction_update"; 5].as_slice(), &["budget_alert"]].concat());
    assert_eq!(told[0].1["confidence"], json!({"amount": 0.9}), "of another category the program was sure");
    assert_eq!(told[4].1["confidence"], json!({"category": 0.6}));
    assert_eq!((told[5].1["threshold"].as_i64(), told[5].1["spent"].as_str()), (Some(110), Some("190.00")));
    // What a frame tells is what is stored.
    for (_, frame) in &told[..5] {
        let id = frame["id"].as_str().unwrap().parse().unwrap();
        let stored = db.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, id).await).await.unwrap();
        assert_eq!(&serde_json::to_value(stored).unwrap(), frame);
    }
}

#[tokio::test]
async fn more_than_fifty_rows_of_a_user_are_told_in_one_frame() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let asking = program(&db, &me, "transactions:write").await;
    let of = |me: &Me, many: usize| (0..many).map(|n| row(me, &n.to_string(), "1.00")).collect::<Vec<_>>();
    send(&db, &asking, &[of(&me, 51), of(&other, 50)].concat()).await;
    let told = frames(&fresh, &me).await;
    assert_eq!((told.len(), told[0].0.as_str(), told[0].1["imported"].as_i64()), (1, "import_update", Some(51)));
    assert_eq!(frames(&fresh, &other).await.len(), 50);
}

#[tokio::test]
async fn must_hold_34_sixteen_at_once_with_the_same_rows_store_each_once() {
    let fresh = Fresh::new().await;
    let all: [Db; 16] = fresh.warm().await;
    let users = [fresh.user().await, fresh.user().await, fresh.user().await];
    let asking = program(&all[0], &users[0], "transactions:write").await;
    let rows: Vec<_> = users.iter().flat_map(|me| (0..5).map(|n| row(me, &n.to_string(), "1.00"))).collect();
    let told = at_once(&all, async |db: &Db| {
        let told = tried(db, &asking, &rows).await?;
        // Who waited too long for a user's turn is told to send again, as a program does.
        let busy = told["results"].as_array().unwrap().iter().any(|one| one["code"] == "try_again");
        if busy { Err(Problem::unavailable("busy")) } else { Ok(told) }
    })
    .await;
    let created = told.iter().map(|told| told.as_ref().unwrap()["changed"].as_i64().unwrap()).sum::<i64>();
    // Fewer where one of those who sent again had been told `created` before.
    assert!((1..=15).contains(&created), "{created}");
    assert_eq!(count(&fresh, "SELECT count(*) FROM transactions").await, 15);
    assert_eq!(count(&fresh, "SELECT count(*) FROM events").await, 15);
    assert_eq!(count(&fresh, "SELECT count(DISTINCT (user_id, seq)) FROM events").await, 15);
    assert_eq!(wrong(&mut fresh.admin().await).await, []);
}

#[tokio::test]
async fn must_hold_24_26_totals_equal_a_model_after_random_requests() {
    let fresh = Fresh::new().await;
    let (db, users) = (fresh.db(), [fresh.user().await, fresh.user().await]);
    let asking = program(&db, &users[0], "transactions:write").await;
    let mut random = Random::new(20_260_315);
    let mut model = BTreeMap::<(Uuid, &str), i64>::new();
    let mut known = BTreeMap::<(Uuid, String), (i64, &str)>::new();
    for _ in 0..40 {
        let mut rows = Vec::new();
        for _ in 0..random.within(1, 30) {
            let me = &users[usize::try_from(random.within(0, 1)).unwrap()];
            let (id, spent) = (random.within(1, 400).to_string(), random.within(-99_999, 99_999));
            let category = random.of(&["Groceries", "Dining", "Fuel"]);
            // Zero is no amount.
            let spent = if spent == 0 { 1 } else { spent };
            rows.push((
                me,
                id.clone(),
                spent,
                category,
                with(row(me, &id, &amount(spent)), json!({"category": category})),
            ));
        }
        let sent: Vec<_> = rows.iter().map(|(.., row)| row.clone()).collect();
        let results = send(&db, &asking, &sent).await;
        for ((me, id, spent, category, _), code) in rows.into_iter().zip(codes(&results)) {
            let expected = match known.get(&(me.user_id, id.clone())) {
                None => "created",
                Some(before) if *before == (spent, category) => "existing",
                Some(_) => "external_id_taken",
            };
            assert_eq!(code, expected);
            if expected == "created" {
                known.insert((me.user_id, id), (spent, category));
                *model.entry((me.user_id, category)).or_default() += spent;
            }
        }
    }
    assert_eq!(wrong(&mut fresh.admin().await).await, []);
    for ((user_id, category), spent) in model {
        let total: String = sqlx::query_scalar(
            "SELECT sum(total)::text FROM transaction_totals WHERE user_id = $1 AND category = $2 AND currency = 'EUR'",
        )
        .bind(user_id)
        .bind(category)
        .fetch_one(&mut fresh.admin().await)
        .await
        .unwrap();
        assert_eq!(cents(&json!(total)), spent, "{category}");
    }
}

/// A user whose turn another holds for longer than a lock may wait keeps nobody else back.
#[tokio::test]
async fn a_busy_user_is_told_to_come_again_and_the_others_are_done() {
    let fresh = Fresh::new().await;
    let (db, me, busy) = (fresh.db(), fresh.user().await, fresh.user().await);
    let asking = program(&db, &me, "transactions:write").await;
    let mut holder = fresh.admin().await;
    sqlx::query("BEGIN").execute(&mut holder).await.unwrap();
    sqlx::query("SELECT 1 FROM user_seq WHERE user_id = $1 FOR UPDATE")
        .bind(busy.user_id)
        .execute(&mut holder)
        .await
        .unwrap();
    let rows = [row(&busy, "a", "1.00"), row(&me, "a", "1.00")];
    let results = send(&db, &asking, &rows).await;
    assert_eq!(codes(&results), ["try_again", "created"]);
    let alone = tried(&db, &asking, &rows[..1]).await.unwrap_err();
    assert_eq!(
        (alone.status, alone.retry_after.is_some()),
        (503, true),
        "with nothing done it is an answer like any other"
    );
    sqlx::query("ROLLBACK").execute(&mut holder).await.unwrap();
    assert_eq!(codes(&send(&db, &asking, &rows).await), ["created", "existing"]);
}
