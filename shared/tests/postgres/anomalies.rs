//! Unusual amounts: what stands out, who is told, and how often.

use crate::support::{Fresh, NOW, Random, create, frames};
use serde_json::{Value, json};
use shared::{
    domain::{
        anomalies::{self, Scored},
        auth::Me,
        events::Turn,
        transactions,
    },
    platform::{
        db::{Db, Tx},
        queue::Ran,
    },
};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};
use uuid::Uuid;

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// Runs the look, and says who was told.
async fn look(db: &Db) -> Vec<Uuid> {
    let told = RefCell::new(Vec::new());
    let ran = anomalies::detect(db, async |user_id| told.borrow_mut().push(user_id), NOW, soon()).await;
    assert_eq!(ran.unwrap(), Ran::Done);
    told.into_inner()
}

fn ago(days: i64) -> String {
    (NOW - time::Duration::days(days)).date().to_string()
}

async fn spend(db: &Db, me: &Me, days: i64, merchant: &str, amount: &str, category: &str) -> Uuid {
    let row = json!({"amount": amount, "date": ago(days), "merchant_raw": merchant, "category": category,
                     "currency": "EUR"});
    create(db, me, &row).await.id
}

/// A year of groceries between 10 and 80, and rent.
async fn usual(db: &Db, me: &Me) {
    let mut random = Random::new(3);
    for n in 0..60 {
        let amount = format!("{}.{:02}", random.within(10, 80), random.within(0, 99));
        spend(db, me, 20 + 5 * n, &format!("Shop {}", n % 7), &amount, "Groceries").await;
    }
    for n in 0..11 {
        spend(db, me, 1 + 30 * n, "Landlord", "900.00", "Uncategorized").await;
        for week in 0..3 {
            spend(db, me, 3 + 30 * n + 7 * week, &format!("Kiosk {n}"), "4.00", "Uncategorized").await;
        }
    }
}

async fn scores(fresh: &Fresh, me: &Me) -> Vec<(Uuid, Option<f64>, Option<String>)> {
    let sql = "SELECT id, anomaly_score, anomaly_reason FROM transactions
               WHERE user_id = $1 AND anomaly_score IS NOT NULL ORDER BY id";
    sqlx::query_as(sql).bind(me.user_id).fetch_all(&mut fresh.admin().await).await.unwrap()
}

async fn alerts(fresh: &Fresh, me: &Me) -> Vec<Value> {
    let all = frames(fresh, me).await;
    all.into_iter().filter(|(kind, _)| kind == "anomaly_alert").map(|(_, data)| data).collect()
}

#[tokio::test]
async fn what_is_far_above_the_usual_is_scored_with_its_reason_and_told_once() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    usual(&db, &me).await;
    assert!(look(&db).await.is_empty(), "rent is large, and as always");
    assert_eq!(scores(&fresh, &me).await, []);
    let large = spend(&db, &me, 1, "Jeweller", "2400.00", "Groceries").await;
    spend(&db, &me, 1, "Market", "95.00", "Groceries").await;
    // Much for a kiosk, but nothing beside what the user spends elsewhere.
    spend(&db, &me, 1, "Kiosk", "30.00", "Uncategorized").await;
    // Too little is known of a category.
    spend(&db, &me, 1, "Airline", "5000.00", "Travel").await;
    // And of what another user usually spends nothing follows.
    spend(&db, &other, 1, "Jeweller", "2400.00", "Groceries").await;
    assert_eq!(look(&db).await, [me.user_id]);
    assert!(look(&db).await.is_empty());
    let scored = scores(&fresh, &me).await;
    let [(id, Some(score), reason)] = scored.as_slice() else { panic!("{scored:?}") };
    assert_eq!((*id, reason.as_deref()), (large, Some("unusual_amount")));
    assert!(*score > 0.5 && *score < 1.0, "{score}");
    let told = alerts(&fresh, &me).await;
    let [alert] = told.as_slice() else { panic!("{told:?}") };
    let expected = json!({"transaction_id": large, "score": score, "reason": "unusual_amount", "amount": "2400.00",
                          "currency": "EUR", "date": ago(1), "merchant": "Jeweller", "category": "Groceries",
                          "detail": alert["detail"]});
    assert_eq!(*alert, expected);
    let detail = alert["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("Spending on Groceries is usually about 4") && detail.contains(" EUR: this is 5"),
        "{detail}"
    );
    // A coffee more changes nothing.
    spend(&db, &me, 0, "Market", "15.00", "Groceries").await;
    assert!(look(&db).await.is_empty());
    assert_eq!(alerts(&fresh, &me).await.len(), 1);
}

#[tokio::test]
async fn an_amount_that_was_mended_loses_its_score_and_old_ones_are_no_news() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    usual(&db, &me).await;
    let old = spend(&db, &me, 100, "Jeweller", "2400.00", "Groceries").await;
    let typo = spend(&db, &me, 1, "Shop 1", "4500.00", "Groceries").await;
    assert_eq!(look(&db).await, [me.user_id]);
    let ids: Vec<Uuid> = scores(&fresh, &me).await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, [old, typo]);
    assert_eq!(alerts(&fresh, &me).await.len(), 1, "of what is older than two weeks nobody is told");
    let patch: transactions::Patch = crate::support::body(&json!({"amount": "45.00"}));
    let call = crate::support::call(&me, "", None);
    db.tx(async |tx: &mut Tx| transactions::update(tx, &me, &call, typo, &patch).await).await.unwrap();
    assert!(look(&db).await.is_empty());
    let ids: Vec<Uuid> = scores(&fresh, &me).await.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(ids, [old]);
}

#[tokio::test]
async fn who_does_not_want_to_know_is_not_told_and_another_teams_score_stays() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    usual(&db, &me).await;
    let quieten = r#"UPDATE users SET preferences = '{"notifications": {"anomalies": false}}' WHERE id = $1"#;
    sqlx::query(quieten).bind(me.user_id).execute(&mut fresh.admin().await).await.unwrap();
    let theirs = spend(&db, &me, 1, "Jeweller", "2400.00", "Groceries").await;
    let mark = |score| Scored {
        id: theirs,
        score: Some(score),
        reason: Some("stolen_card".into()),
        detail: "Paid abroad.".into(),
    };
    let record = async |scored: Vec<Scored>| {
        db.tx(async |tx: &mut Tx| {
            let mut turn = Turn::take(tx, me.user_id, NOW).await?;
            let recorded = anomalies::record(tx, &mut turn, me.user_id, &scored, NOW).await?;
            turn.finish(tx).await?;
            Ok::<_, shared::platform::problem::Problem>((recorded.known, recorded.alerts))
        })
        .await
        .unwrap()
    };
    let missing = Scored { id: Uuid::now_v7(), ..mark(0.9) };
    assert_eq!(record(vec![mark(0.6), missing]).await, (vec![theirs], 0));
    assert!(look(&db).await.is_empty());
    assert_eq!(scores(&fresh, &me).await, [(theirs, Some(0.6), Some("stolen_card".to_owned()))]);
    // Who wants to know is told when it becomes unusual, and again only when it is clearly more so.
    sqlx::query("UPDATE users SET preferences = '{}' WHERE id = $1")
        .bind(me.user_id)
        .execute(&mut fresh.admin().await)
        .await
        .unwrap();
    for (score, alerts) in [(0.6, 0), (0.75, 0), (0.96, 1), (0.96, 0), (0.2, 0), (0.55, 1)] {
        assert_eq!(record(vec![mark(score)]).await, (vec![theirs], alerts), "{score}");
    }
}
