//! Making a transaction by hand.

use crate::support::{Fresh, body, call, create, later, merchant};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::{Me, with_user},
        events::{self, Page},
        idempotency::once,
        transactions::{self, NewTransaction},
    },
    platform::{
        db::{Db, Tx},
        http::Reply,
    },
};
use uuid::Uuid;

fn netflix(amount: &str) -> Value {
    json!({"amount": amount, "date": "2026-03-15", "merchant_raw": "POS18SEP NETFLIX.COM "})
}

async fn correct(fresh: &Fresh, me: &Me, transaction: Uuid, category: &str, minutes: i64) {
    sqlx::query(
        "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_id, merchant_key, old_category, new_category, created_at)
         SELECT user_id, gen_random_uuid(), id, merchant_id, merchant_key, category, $3, $4 FROM transactions WHERE user_id = $1 AND id = $2",
    )
    .bind(me.user_id)
    .bind(transaction)
    .bind(category)
    .bind(later(me, minutes).now)
    .execute(&mut fresh.admin().await)
    .await
    .unwrap();
}

#[tokio::test]
async fn the_merchant_is_recognised_in_what_the_bank_prints() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let unknown = create(&db, &me, &netflix("12.50")).await;
    assert_eq!((unknown.merchant, unknown.category.as_str()), (None, "Uncategorized"));
    let mut conn = fresh.admin().await;
    let id = merchant(&mut conn, "Netflix", "Subscriptions", &["netflix", "netflix com"]).await;
    merchant(&mut conn, "Com", "Shopping", &["com"]).await;
    let known = create(&db, &me, &netflix("12.50")).await;
    let merchant = known.merchant.unwrap();
    assert_eq!((merchant.id, merchant.canonical_name.as_str()), (id, "Netflix"), "the longest name that is known");
    assert_eq!(
        (known.category.as_str(), known.source.as_str(), known.confidence),
        ("Subscriptions", "manual", json!({}))
    );
    assert_eq!((known.amount.amount().to_string(), known.currency.as_str()), ("12.50".into(), "USD"));
    // What was answered is what is stored.
    let stored = db.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, known.id).await).await.unwrap();
    assert_eq!(json!(stored)["merchant"], json!(merchant));
    assert_eq!((stored.category, stored.created_at, stored.changed_seq), (known.category, me.now, 2));
}

#[tokio::test]
async fn a_given_category_beats_a_correction_and_a_correction_the_merchants_own() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let mut conn = fresh.admin().await;
    merchant(&mut conn, "Netflix", "Subscriptions", &["netflix", "netflix com"]).await;
    let first = create(&db, &me, &netflix("1")).await;
    assert_eq!(first.category, "Subscriptions");
    correct(&fresh, &me, first.id, "Entertainment", 1).await;
    assert_eq!(create(&db, &me, &netflix("2")).await.category, "Entertainment");
    // The last one counts; it holds for the merchant, however the bank wrote it.
    correct(&fresh, &me, first.id, "Kids & Pets", 2).await;
    let otherwise = json!({"amount": "3", "date": "2026-03-15", "merchant_raw": "NETFLIX 0049"});
    assert_eq!(create(&db, &me, &otherwise).await.category, "Kids & Pets");
    let given = json!({"amount": "4", "date": "2026-03-15", "merchant_raw": "NETFLIX.COM", "category": "My own"});
    let given = create(&db, &me, &given).await;
    assert_eq!((given.category.as_str(), given.confidence), ("My own", json!({"category": 1.0})));
    assert_eq!(create(&db, &other, &netflix("5")).await.category, "Subscriptions", "nobody else's corrections");
}

#[tokio::test]
async fn a_correction_holds_where_no_merchant_is_known() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let bakery = |text: &str| json!({"amount": "3", "date": "2026-03-15", "merchant_raw": text});
    let first = create(&db, &me, &bakery("POS10SEP CORNER BAKERY")).await;
    correct(&fresh, &me, first.id, "Food & Dining", 1).await;
    assert_eq!(create(&db, &me, &bakery("POS18SEP Corner Bakery ")).await.category, "Food & Dining");
    assert_eq!(create(&db, &me, &bakery("Corner Butcher")).await.category, "Uncategorized");
}

#[tokio::test]
async fn must_hold_29_one_that_looks_the_same_is_flagged_and_stored() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let coffee = |amount: &str, date: &str, currency: &str| json!({"amount": amount, "date": date, "merchant_raw": "Cafe Central", "currency": currency});
    let first = create(&db, &me, &coffee("3.50", "2026-03-15", "EUR")).await;
    assert_eq!(first.duplicate_of, None);
    for _ in 0..2 {
        assert_eq!(create(&db, &me, &coffee("3.50", "2026-03-15", "EUR")).await.duplicate_of, Some(first.id));
    }
    for different in [
        coffee("3.51", "2026-03-15", "EUR"),
        coffee("3.50", "2026-03-14", "EUR"),
        coffee("3.50", "2026-03-15", "USD"),
        coffee("-3.50", "2026-03-15", "EUR"),
    ] {
        assert_eq!(create(&db, &me, &different).await.duplicate_of, None, "{different}");
    }
    assert_eq!(create(&db, &other, &coffee("3.50", "2026-03-15", "EUR")).await.duplicate_of, None);
    let mut conn = fresh.admin().await;
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM transactions WHERE user_id = $1")
        .bind(me.user_id)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(count, 7);
    // A deleted one is no original.
    sqlx::query("UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE user_id = $1")
        .bind(me.user_id)
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(create(&db, &me, &coffee("3.50", "2026-03-15", "EUR")).await.duplicate_of, None);
}

#[tokio::test]
async fn a_create_is_six_statements_at_most_and_a_read_two() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    let new: NewTransaction = body(&netflix("12.50"));
    let call_without_key = call(&me, "", None);
    let (id, statements) = with_user(&db, &call_without_key, async |tx: &mut Tx, me: &Me| {
        let id = transactions::create(tx, me, &new).await?.id;
        Ok((id, tx.statements()))
    })
    .await
    .unwrap();
    assert!(statements <= 6, "create: {statements}");
    // The key's two are its own: looking for the record, and writing it.
    let statements = std::cell::Cell::new(0);
    once(&db, &call(&me, "{}", Some("k")), "POST /transactions", async |tx: &mut Tx, me: &Me| {
        let created = transactions::create(tx, me, &new).await?;
        statements.set(tx.statements() + 1);
        Reply::json(201, &created)
    })
    .await
    .unwrap();
    assert!(statements.get() <= 8, "create with a key: {}", statements.get());
    let got = with_user(&read, &call_without_key, async |tx: &mut Tx, me: &Me| {
        transactions::get(tx, me.user_id, id).await?;
        Ok(tx.statements())
    })
    .await
    .unwrap();
    assert!(got <= 2, "get: {got}");
}

#[tokio::test]
async fn must_hold_14_another_users_transaction_is_as_absent_as_none() {
    let fresh = Fresh::new().await;
    let (db, read, me, other) = (fresh.db(), fresh.read_db(), fresh.user().await, fresh.user().await);
    let theirs = create(&db, &other, &netflix("1")).await.id;
    let get = async |me: &Me, id: Uuid| read.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, id).await).await;
    let (foreign, absent) = (get(&me, theirs).await.unwrap_err(), get(&me, Uuid::now_v7()).await.unwrap_err());
    assert_eq!(foreign.body("/", "r"), absent.body("/", "r"));
    assert!(get(&other, theirs).await.is_ok());
    let mut conn = fresh.admin().await;
    sqlx::query("UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE id = $1")
        .bind(theirs)
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(get(&other, theirs).await.unwrap_err().status, 404, "deleted");
}

#[tokio::test]
async fn the_users_apps_are_told_what_was_answered() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let made = create(&db, &me, &netflix("12.50")).await;
    let Page::Frames { frames, .. } =
        db.tx(async |tx: &mut Tx| events::resume(tx, me.user_id, 0, |_| true).await).await.unwrap()
    else {
        panic!("resync")
    };
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].seq, frames[0].kind.as_str()), (1, "transaction_update"));
    assert_eq!(frames[0].data, json!(made));
    assert!(frames[0].data.get("blockchain_hash").is_none());
}

#[tokio::test]
async fn must_hold_19_hostile_text_is_stored_as_it_came_or_refused() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let odd = [
        "%",
        "_",
        "\\",
        "a &",
        "'; DROP TABLE users --",
        "\u{202e}\u{1f4b8}",
        "ﷺ".repeat(500).as_str(),
        "-1",
        "\"",
        "ŁÓDŹ İ ß",
    ]
    .map(ToOwned::to_owned);
    for text in odd {
        let made = store(&db, &me, &text).await;
        assert_eq!(made.merchant_raw, text);
        let stored = db.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, made.id).await).await.unwrap();
        assert_eq!((stored.merchant_raw, stored.note), (text.clone(), Some(text)));
    }
}

async fn store(db: &Db, me: &Me, text: &str) -> transactions::Transaction {
    create(db, me, &json!({"amount": "999999999999.99", "date": "1900-01-01", "merchant_raw": text, "note": text}))
        .await
}
