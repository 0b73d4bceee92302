//! Nearest neighbours by embedding.

use crate::support::{Fresh, body, call, create};
use serde_json::json;
use shared::{
    domain::{
        auth::{Me, with_user},
        transactions::{self, Neighbours},
    },
    platform::{db::Tx, problem::Problem},
};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

async fn similar(fresh: &Fresh, me: &Me, id: Uuid) -> Result<Neighbours, Problem> {
    let (asked, call) = (body(&json!({"transaction_id": id, "limit": 10})), call(me, "", None));
    with_user(&fresh.read_db(), &call, async |tx: &mut Tx, me: &Me| {
        let found = transactions::similar(tx, me, &asked).await?;
        assert!(tx.statements() <= 3, "the session, the origin, the nearest: {}", tx.statements());
        Ok(found)
    })
    .await
}

/// Transactions with embeddings at the same angles for every user: `n` degrees.
async fn embedded(fresh: &Fresh, me: &Me, many: i64) -> Vec<Uuid> {
    let mut conn = fresh.admin().await;
    let sql = format!(
        "WITH t AS (
             INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, changed_seq)
             SELECT '{user}', gen_random_uuid(), 1, 'USD', '2026-03-15', n::text, n, 'csv', 1 FROM generate_series(0, {many} - 1) AS n
             RETURNING id, merchant_key AS n
         )
         INSERT INTO embeddings (user_id, id, transaction_id, vector)
         SELECT '{user}', gen_random_uuid(), id, (ARRAY[cosd(n), sind(n)] || array_fill(0::float8, ARRAY[382]))::vector FROM t",
        user = me.user_id
    );
    sqlx::query(AssertSqlSafe(sql)).execute(&mut conn).await.unwrap();
    sqlx::query_scalar("SELECT id FROM transactions WHERE user_id = $1 ORDER BY merchant_key")
        .bind(me.user_id)
        .fetch_all(&mut conn)
        .await
        .unwrap()
}

#[tokio::test]
async fn the_nearest_of_a_user_with_few_among_many_are_all_found() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    // Others' are nearer, all of them.
    for _ in 0..3 {
        let other = fresh.user().await;
        embedded(&fresh, &other, 300).await;
    }
    let mine = embedded(&fresh, &me, 12).await;
    let found = similar(&fresh, &me, mine[0]).await.unwrap().data;
    assert_eq!(found.iter().map(|one| one.transaction.id).collect::<Vec<_>>(), mine[1..11]);
    let first = found[0].similarity;
    assert!((first - 1.0_f64.to_radians().cos()).abs() < 1e-6, "{first}");
    // A deleted one is no neighbour, and has none.
    sqlx::query("UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE id = $1")
        .bind(mine[1])
        .execute(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(similar(&fresh, &me, mine[0]).await.unwrap().data[0].transaction.id, mine[2]);
    assert_eq!(similar(&fresh, &me, mine[1]).await.unwrap_err().status, 404);
}

#[tokio::test]
async fn must_hold_14_anothers_is_absent_and_one_without_an_embedding_says_so() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let theirs = embedded(&fresh, &other, 2).await[0];
    let (foreign, absent) =
        (similar(&fresh, &me, theirs).await.unwrap_err(), similar(&fresh, &me, Uuid::now_v7()).await.unwrap_err());
    assert_eq!((foreign.status, foreign.body("/", "r")), (404, absent.body("/", "r")));
    let bare = create(&db, &me, &json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "Shop"})).await.id;
    let refused = similar(&fresh, &me, bare).await.unwrap_err();
    assert_eq!((refused.status, refused.code), (409, "not_embedded"));
}
