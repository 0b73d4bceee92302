//! What has come to look the same as an older transaction is flagged at night, and never deleted.

use crate::support::{Fresh, NOW, create, frames};
use serde_json::json;
use shared::{
    domain::{auth::Me, transactions},
    platform::{db::Db, queue::Ran},
};
use std::time::{Duration, Instant};
use uuid::Uuid;

async fn night(db: &Db) {
    let ran = transactions::find_duplicates(db, async |_| (), NOW, Instant::now() + Duration::from_mins(1)).await;
    assert_eq!(ran.unwrap(), Ran::Done);
}

async fn buy(db: &Db, me: &Me, merchant: &str, amount: &str) -> Uuid {
    create(db, me, &json!({"amount": amount, "date": "2026-03-01", "merchant_raw": merchant})).await.id
}

async fn flags(fresh: &Fresh, me: &Me) -> Vec<(Uuid, Uuid)> {
    let sql = "SELECT id, duplicate_of FROM transactions WHERE user_id = $1 AND duplicate_of IS NOT NULL ORDER BY id";
    sqlx::query_as(sql).bind(me.user_id).fetch_all(&mut fresh.admin().await).await.unwrap()
}

/// Has all transactions of a user be of one merchant, as a merge does.
async fn merge(fresh: &Fresh, me: &Me) {
    let mut admin = fresh.admin().await;
    let merchant = crate::support::merchant(&mut admin, &format!("Coffee {}", Uuid::now_v7()), "Dining", &[]).await;
    let sql = "WITH turn AS (UPDATE user_seq SET changes = changes + 1, changed_at = now() WHERE user_id = $1 RETURNING changes)
               UPDATE transactions SET merchant_id = $2, changed_seq = changes FROM turn WHERE user_id = $1";
    sqlx::query(sql).bind(me.user_id).bind(merchant).execute(&mut admin).await.unwrap();
}

#[tokio::test]
async fn must_hold_29_what_a_merge_made_alike_is_flagged_once_the_later_one() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let first = buy(&db, &me, "Coffee House", "3.50").await;
    let second = buy(&db, &me, "CH Vienna", "3.50").await;
    buy(&db, &me, "Coffee House", "4.50").await;
    buy(&db, &other, "Coffee House", "3.50").await;
    night(&db).await;
    assert_eq!(flags(&fresh, &me).await, []);
    merge(&fresh, &me).await;
    let before = frames(&fresh, &me).await.len();
    night(&db).await;
    assert_eq!(flags(&fresh, &me).await, [(second, first)]);
    let told = frames(&fresh, &me).await.split_off(before);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].0.as_str(), &told[0].1["duplicate_of"]), ("transaction_update", &json!(first)));
    night(&db).await;
    assert_eq!(frames(&fresh, &me).await.len(), before + 1);
    let live = "SELECT count(*) FROM transactions WHERE user_id = $1 AND NOT is_deleted";
    let live: i64 = sqlx::query_scalar(live).bind(me.user_id).fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(live, 3);
}

#[tokio::test]
async fn what_the_user_kept_and_rows_of_one_file_are_left_alone() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let ids =
        [buy(&db, &me, "One", "3.50").await, buy(&db, &me, "Two", "3.50").await, buy(&db, &me, "Three", "3.50").await];
    let mut admin = fresh.admin().await;
    let kept = "UPDATE transactions SET duplicate_kept = true WHERE user_id = $1 AND id = $2";
    sqlx::query(kept).bind(me.user_id).bind(ids[1]).execute(&mut admin).await.unwrap();
    let file = "WITH file AS (INSERT INTO imports (user_id, id, status, file_key, size_bytes, changed_seq)
                              VALUES ($1, $2, 'completed', 'file', 1, 1))
                UPDATE transactions SET import_id = $2 WHERE user_id = $1 AND id = ANY($3)";
    sqlx::query(file)
        .bind(me.user_id)
        .bind(Uuid::now_v7())
        .bind(vec![ids[0], ids[2]])
        .execute(&mut admin)
        .await
        .unwrap();
    merge(&fresh, &me).await;
    night(&db).await;
    assert_eq!(flags(&fresh, &me).await, [(ids[2], ids[1])], "another source's, not the same file's");
    sqlx::query("UPDATE transactions SET duplicate_of = NULL WHERE user_id = $1")
        .bind(me.user_id)
        .execute(&mut admin)
        .await
        .unwrap();
    sqlx::query("UPDATE imports SET on_duplicate = 'import' WHERE user_id = $1")
        .bind(me.user_id)
        .execute(&mut admin)
        .await
        .unwrap();
    merge(&fresh, &me).await;
    night(&db).await;
    assert_eq!(flags(&fresh, &me).await, [], "a file that was to be imported whatever there was");
}
