//! Changing, deleting and restoring a transaction.

use crate::support::{Fresh, body, call, create, frames, later, matching, merchant, patiently};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        transactions::{self, Patch, Transaction},
    },
    platform::{
        db::{Db, Tx},
        fields::Fields,
        http::Call,
        problem::Problem,
    },
};
use std::time::Duration;
use uuid::Uuid;

fn shop(amount: &str) -> Value {
    json!({"amount": amount, "date": "2026-03-15", "merchant_raw": "Corner shop", "note": "bread"})
}

async fn patch_by(db: &Db, me: &Me, call: &Call, id: Uuid, json: &Value) -> Result<Transaction, Problem> {
    let patch: Patch = body(json);
    db.tx(async |tx: &mut Tx| transactions::update(tx, me, call, id, &patch).await)
        .await
        .map(|changed| changed.transaction)
}

async fn patch(db: &Db, me: &Me, id: Uuid, json: &Value) -> Result<Transaction, Problem> {
    patch_by(db, me, &call(me, "", None), id, json).await
}

async fn delete(db: &Db, me: &Me, id: Uuid) -> Result<(), Problem> {
    let call = call(me, "", None);
    db.tx(async |tx: &mut Tx| transactions::delete(tx, me, &call, id).await).await
}

async fn restore(db: &Db, me: &Me, id: Uuid) -> Result<Transaction, Problem> {
    let call = call(me, "", None);
    db.tx(async |tx: &mut Tx| transactions::restore(tx, me, &call, id).await).await
}

async fn stored(db: &Db, me: &Me, id: Uuid) -> Value {
    json!(db.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, id).await).await.unwrap())
}

#[tokio::test]
async fn each_field_changes_alone_and_what_is_answered_is_stored_and_told() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let mut last = json!(create(&db, &me, &shop("12.50")).await);
    let id: Uuid = last["id"].as_str().unwrap().parse().unwrap();
    for (minutes, change) in [
        json!({"amount": "-3.07"}),
        json!({"date": "2026-02-28"}),
        json!({"currency": "EUR"}),
        json!({"note": "milk"}),
        json!({"note": null}),
        json!({"merchant_raw": "Other shop"}),
        json!({"category": "Fun"}),
    ]
    .into_iter()
    .enumerate()
    {
        let me = later(&me, i64::try_from(minutes).unwrap());
        let answer = json!(patch(&db, &me, id, &change).await.unwrap());
        assert_eq!(answer, stored(&db, &me, id).await, "{change}");
        let mut expected = last.clone();
        for (name, value) in change.as_object().unwrap() {
            expected[name] = value.clone();
        }
        expected["updated_at"] = answer["updated_at"].clone();
        if change.get("category").is_some() {
            expected["confidence"] = json!({"category": 1.0});
        }
        assert_eq!(answer, expected, "{change}");
        assert_eq!(frames(&fresh, &me).await.last().unwrap(), &("transaction_update".to_owned(), answer.clone()));
        last = answer;
    }
}

#[tokio::test]
async fn a_change_to_what_it_is_already_changes_nothing() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let made = create(&db, &me, &shop("12.50")).await;
    for same in [json!({}), json!({"amount": "12.50", "note": "bread", "merchant_raw": "Corner shop"})] {
        let answer = patch(&db, &later(&me, 1), made.id, &same).await.unwrap();
        assert_eq!((json!(answer), answer.etag()), (json!(made), made.etag()));
    }
    assert_eq!(frames(&fresh, &me).await.len(), 1, "the one of its making");
}

#[tokio::test]
async fn must_hold_18_only_what_a_user_may_change_is_taken() {
    let hostile = json!({
        "amount": "1.005", "date": null, "merchant_raw": " ", "category": "", "currency": "KWD", "note": 5, "source": "csv",
        "user_id": Uuid::now_v7(), "id": Uuid::now_v7(), "blockchain_hash": "x", "is_deleted": true,
    });
    let refused = Fields::from_json(hostile.to_string().as_bytes()).and_then(Fields::read::<Patch>);
    let refused = refused.err().unwrap();
    let codes: Vec<_> = refused.errors.iter().map(|error| format!("{} {}", error.pointer, error.code)).collect();
    assert_eq!(
        codes,
        [
            "/amount too_many_decimals",
            "/blockchain_hash unknown_field",
            "/category wrong_length",
            "/currency unsupported_currency",
            "/date not_nullable",
            "/id unknown_field",
            "/is_deleted unknown_field",
            "/merchant_raw wrong_length",
            "/note not_text",
            "/source unknown_field",
            "/user_id unknown_field",
        ]
    );
}

#[tokio::test]
async fn another_merchant_brings_its_category_unless_the_user_chose_one() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let mut conn = fresh.admin().await;
    let netflix = merchant(&mut conn, "Netflix", "Subscriptions", &["netflix"]).await;
    merchant(&mut conn, "Shell", "Fuel", &["shell"]).await;
    let id = create(&db, &me, &shop("1")).await.id;
    let known = patch(&db, &me, id, &json!({"merchant_raw": "NETFLIX"})).await.unwrap();
    assert_eq!((known.merchant.unwrap().id, known.category.as_str()), (netflix, "Subscriptions"));
    let unknown = patch(&db, &me, id, &json!({"merchant_raw": "Nobody"})).await.unwrap();
    assert_eq!((unknown.merchant, unknown.category.as_str()), (None, "Uncategorized"));
    // Chosen, it stays, whichever way it was chosen.
    patch(&db, &me, id, &json!({"category": "Mine"})).await.unwrap();
    assert_eq!(patch(&db, &me, id, &json!({"merchant_raw": "Shell"})).await.unwrap().category, "Mine");
    let mut given = shop("2");
    given["category"] = "Given".into();
    let given = create(&db, &me, &given).await.id;
    assert_eq!(patch(&db, &me, given, &json!({"merchant_raw": "Shell"})).await.unwrap().category, "Given");
    // A recogniser that is nearly sure is not the user.
    sqlx::query("UPDATE transactions SET confidence = '{\"category\": 0.99}' WHERE id = $1")
        .bind(given)
        .execute(&mut conn)
        .await
        .unwrap();
    assert_eq!(patch(&db, &me, given, &json!({"merchant_raw": "NETFLIX"})).await.unwrap().category, "Subscriptions");
}

#[tokio::test]
async fn a_stale_change_is_refused_and_a_current_one_taken() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let made = create(&db, &me, &shop("12.50")).await;
    let first = patch_by(&db, &me, &matching(&me, &made.etag()), made.id, &json!({"amount": "1"})).await.unwrap();
    for stale in [made.etag(), format!("W/{}", first.etag()), "\"x\"".into(), "5".into(), String::new()] {
        let refused = patch_by(&db, &me, &matching(&me, &stale), made.id, &json!({"amount": "2"})).await.unwrap_err();
        assert_eq!((refused.status, refused.code), (412, "stale"), "{stale}");
        let refused =
            db.tx(async |tx: &mut Tx| transactions::delete(tx, &me, &matching(&me, &stale), made.id).await).await;
        assert_eq!(refused.unwrap_err().status, 412, "{stale}");
    }
    for current in ["*".to_owned(), format!("\"0\", {}", first.etag())] {
        let same = patch_by(&db, &me, &matching(&me, &current), made.id, &json!({"amount": "1"})).await.unwrap();
        assert_eq!(same.etag(), first.etag());
    }
    db.tx(async |tx: &mut Tx| transactions::delete(tx, &me, &matching(&me, &first.etag()), made.id).await)
        .await
        .unwrap();
}

#[tokio::test]
async fn of_sixteen_changes_of_the_same_version_one_wins() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let all: [Db; 16] = fresh.warm().await;
    let made = create(&all[0], &me, &shop("12.50")).await;
    let tries = all.iter().enumerate().map(|(n, db)| {
        let (me, made) = (&me, &made);
        async move {
            loop {
                let tried = patch_by(db, me, &matching(me, &made.etag()), made.id, &json!({"amount": n + 1})).await;
                match tried {
                    Err(problem) if problem.status == 503 => tokio::time::sleep(Duration::from_millis(50)).await,
                    other => return other.map(|won| won.amount).map_err(|problem| problem.status),
                }
            }
        }
    });
    let results = futures_util::future::join_all(tries).await;
    let won: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
    assert_eq!(won.len(), 1, "{results:?}");
    assert!(results.iter().all(|result| result.as_ref().err().is_none_or(|status| *status == 412)), "{results:?}");
    assert_eq!(stored(&all[0], &me, made.id).await["amount"], json!(won[0]));
}

#[tokio::test]
async fn deleted_it_is_gone_and_restored_it_is_as_it_was() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let made = create(&db, &me, &shop("12.50")).await;
    delete(&db, &later(&me, 1), made.id).await.unwrap();
    let (kind, frame) = frames(&fresh, &me).await.pop().unwrap();
    assert_eq!(
        (kind.as_str(), &frame["is_deleted"], &frame["id"]),
        ("transaction_update", &json!(true), &json!(made.id))
    );
    assert_eq!(delete(&db, &me, made.id).await.unwrap_err().status, 404, "deleted before");
    assert_eq!(patch(&db, &me, made.id, &json!({"note": "x"})).await.unwrap_err().status, 404, "deleted");
    let back = restore(&db, &later(&me, 2), made.id).await.unwrap();
    let mut expected = json!(made);
    expected["updated_at"] = json!(back)["updated_at"].clone();
    assert_eq!(json!(back), expected);
    assert_eq!(json!(back), stored(&db, &me, made.id).await);
    // Once more changes nothing and tells nobody.
    let before = frames(&fresh, &me).await.len();
    assert_eq!(restore(&db, &later(&me, 3), made.id).await.unwrap().etag(), back.etag());
    assert_eq!(frames(&fresh, &me).await.len(), before);
}

#[tokio::test]
async fn must_hold_14_anothers_transaction_is_as_absent_as_none() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let theirs = create(&db, &other, &shop("1")).await;
    for id in [theirs.id, Uuid::now_v7()] {
        assert_eq!(patch(&db, &me, id, &json!({"note": "mine"})).await.unwrap_err().status, 404);
        assert_eq!(delete(&db, &me, id).await.unwrap_err().status, 404);
        assert_eq!(restore(&db, &me, id).await.unwrap_err().status, 404);
        let attached = db.tx(async |tx: &mut Tx| transactions::attach(tx, &me, id).await).await;
        assert_eq!(attached.unwrap_err().status, 404);
    }
    assert_eq!(stored(&db, &other, theirs.id).await, json!(theirs));
}

#[tokio::test]
async fn a_receipt_stands_in_the_transaction() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let made = create(&db, &me, &shop("1")).await;
    let attached =
        patiently(async || db.tx(async |tx: &mut Tx| transactions::attach(tx, &me, made.id).await).await).await;
    assert_eq!(attached.receipt_url, Some(format!("/v1/transactions/{}/receipt", made.id)));
    assert_eq!(json!(attached), stored(&db, &me, made.id).await);
}
