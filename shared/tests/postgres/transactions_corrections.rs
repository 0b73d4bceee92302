//! Corrections, and the trainings that take them.

use crate::support::{Fresh, body, call, create, later, merchant, patiently};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        transactions::{self, Corrected, PER_TRAINING},
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
    },
};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

async fn correct(db: &Db, me: &Me, id: Uuid, category: &str) -> Result<(Corrected, bool), Problem> {
    let new = body(&json!({"transaction_id": id, "new_category": category, "reason": "because"}));
    let call = call(me, "", None);
    db.tx(async |tx: &mut Tx| transactions::correct(tx, me, &call, &new).await).await
}

fn bakery(text: &str) -> Value {
    json!({"amount": "3", "date": "2026-03-15", "merchant_raw": text})
}

async fn count(fresh: &Fresh, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(&mut fresh.admin().await).await.unwrap()
}

#[tokio::test]
async fn a_correction_is_recorded_with_its_merchant_and_the_next_of_it_goes_by_it() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let id = merchant(&mut fresh.admin().await, "Corner Bakery", "Groceries", &["corner bakery"]).await;
    let made = create(&db, &me, &bakery("POS10SEP CORNER BAKERY")).await;
    let (answer, due) = correct(&db, &me, made.id, "Fun").await.unwrap();
    assert_eq!((answer.old_category.as_str(), answer.new_category.as_str(), due), ("Groceries", "Fun", false));
    let row = sqlx::query("SELECT * FROM user_corrections").fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(
        (
            row.get("old_category"),
            row.get("new_category"),
            row.get("reason"),
            row.get("merchant_id"),
            row.get("transaction_id")
        ),
        ("Groceries", "Fun", "because", id, made.id)
    );
    assert_eq!(create(&db, &me, &bakery("Corner Bakery")).await.category, "Fun");
    // The same once more is no correction.
    correct(&db, &later(&me, 1), made.id, "Fun").await.unwrap();
    assert_eq!(count(&fresh, "SELECT count(*) FROM user_corrections").await, 1);
    // A change of the category is one, too.
    let (patch, me) = (body(&json!({"category": "Travel"})), later(&me, 2));
    let call = call(&me, "", None);
    db.tx(async |tx: &mut Tx| transactions::update(tx, &me, &call, made.id, &patch).await).await.unwrap();
    assert_eq!(count(&fresh, "SELECT count(*) FROM user_corrections").await, 2);
    assert_eq!(create(&db, &me, &bakery("Corner Bakery 2")).await.category, "Travel");
}

#[tokio::test]
async fn a_change_of_merchant_and_category_teaches_the_new_merchant() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let made = create(&db, &me, &bakery("Corner Bakery")).await;
    let patch = body(&json!({"merchant_raw": "Corner Butcher", "category": "Meat"}));
    let call = call(&me, "", None);
    db.tx(async |tx: &mut Tx| transactions::update(tx, &me, &call, made.id, &patch).await).await.unwrap();
    assert_eq!(create(&db, &me, &bakery("Corner Butcher")).await.category, "Meat");
    assert_eq!(create(&db, &me, &bakery("Corner Bakery")).await.category, "Uncategorized");
}

#[tokio::test]
async fn must_hold_15_the_id_in_a_correction_is_checked_for_its_owner() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let theirs = create(&db, &other, &bakery("Corner Bakery")).await;
    let (foreign, absent) = (
        correct(&db, &me, theirs.id, "Mine").await.unwrap_err(),
        correct(&db, &me, Uuid::now_v7(), "Mine").await.unwrap_err(),
    );
    assert_eq!((foreign.status, foreign.body("/", "r")), (404, absent.body("/", "r")));
    assert_eq!(count(&fresh, "SELECT count(*) FROM user_corrections").await, 0);
}

/// Corrections of a user's, as many as asked for, one after the other.
async fn corrections(fresh: &Fresh, me: &Me, many: i64) {
    let id = create(&fresh.db(), me, &bakery("Corner Bakery")).await.id;
    let sql = format!(
        "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_key, old_category, new_category, created_at)
         SELECT '{}', gen_random_uuid(), '{id}', 1, 'a', 'b', timestamptz '2026-01-01' + n * interval '1 second'
         FROM generate_series(1, {many}) AS n",
        me.user_id
    );
    sqlx::query(AssertSqlSafe(sql)).execute(&mut fresh.admin().await).await.unwrap();
}

#[tokio::test]
async fn the_five_hundredth_correction_makes_a_training_due_and_the_task_takes_each_once() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    corrections(&fresh, &me, PER_TRAINING - 2).await;
    let made = create(&db, &other, &bakery("Corner Bakery")).await;
    assert!(!correct(&db, &other, made.id, "One").await.unwrap().1, "499");
    transactions::request_trainings(&db).await.unwrap();
    assert_eq!(count(&fresh, "SELECT count(*) FROM trainings").await, 0);
    assert!(correct(&db, &later(&other, 1), made.id, "Two").await.unwrap().1, "500");
    assert!(db.tx(transactions::is_training_due).await.unwrap());
    for _ in 0..2 {
        transactions::request_trainings(&db).await.unwrap();
        assert_eq!(count(&fresh, "SELECT count(*) FROM trainings WHERE corrections = 500").await, 1);
    }
    assert!(!db.tx(transactions::is_training_due).await.unwrap());
    assert!(!correct(&db, &later(&other, 2), made.id, "Three").await.unwrap().1, "the first of the next");
}

#[tokio::test]
async fn corrections_and_tasks_at_the_same_time_make_one_training_per_five_hundred() {
    let fresh = Fresh::new().await;
    let workers: [Db; 8] = fresh.warm().await;
    let users = [fresh.user().await, fresh.user().await];
    for me in &users {
        corrections(&fresh, me, PER_TRAINING - 5).await;
    }
    let made =
        [create(&workers[0], &users[0], &bakery("A")).await.id, create(&workers[1], &users[1], &bakery("B")).await.id];
    let work = workers.iter().enumerate().map(|(n, db)| {
        let (users, made) = (&users, &made);
        async move {
            for round in 0..4_i64 {
                let (me, id) = (later(&users[n % 2], round), made[n % 2]);
                patiently(async || correct(db, &me, id, &format!("{n} {round}")).await).await;
                patiently(async || transactions::request_trainings(db).await).await;
            }
        }
    });
    futures_util::future::join_all(work).await;
    // 990 there were, and 32 came.
    assert_eq!(count(&fresh, "SELECT count(*) FROM user_corrections").await, 1022);
    assert_eq!(count(&fresh, "SELECT count(*) FROM trainings WHERE corrections = 500").await, 2);
    let taken = "SELECT count(*) FROM (SELECT training_id FROM user_corrections WHERE training_id IS NOT NULL
                 GROUP BY 1 HAVING count(*) = 500) AS t";
    assert_eq!(count(&fresh, taken).await, 2);
    assert_eq!(count(&fresh, "SELECT count(*) FROM user_corrections WHERE training_id IS NULL").await, 22);
}
