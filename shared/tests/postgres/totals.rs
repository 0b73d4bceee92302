//! The totals by month against sums over the transactions themselves.

use crate::support::{Fresh, Random};
use rust_decimal::Decimal;
use sqlx::PgConnection;
use uuid::Uuid;

/// Where the kept totals and the sums disagree.
pub async fn wrong(conn: &mut PgConnection) -> Vec<(Uuid, String, String)> {
    let mut wrong: Vec<(Uuid, String, String)> = sqlx::query_as(
        "WITH summed AS (
             SELECT user_id, category, currency, date_trunc('month', date)::date AS month, count(*)::int AS count, sum(amount) AS total
             FROM transactions WHERE NOT is_deleted GROUP BY 1, 2, 3, 4
         )
         SELECT user_id, category, currency
         FROM summed s FULL JOIN (SELECT * FROM transaction_totals WHERE count > 0) t USING (user_id, category, currency, month)
         WHERE (s.count, s.total) IS DISTINCT FROM (t.count, t.total)",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    let sql = "SELECT s.user_id, 'all', '' FROM user_seq s
               WHERE transactions <> (SELECT count(*) FROM transactions t WHERE t.user_id = s.user_id AND NOT is_deleted)";
    wrong.extend(sqlx::query_as::<_, (Uuid, String, String)>(sql).fetch_all(conn).await.unwrap());
    wrong
}

/// Changes rows at random: several at once, between months, categories and users' states.
async fn change(conn: &mut PgConnection, random: &mut Random, user: Uuid, other: Uuid) {
    let size = random.within(1, 9);
    let sql = match random.within(0, 6) {
        0 | 1 => {
            "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, category, source, changed_seq,
                 is_deleted, deleted_at)
             SELECT CASE WHEN n % 3 = 0 THEN $2 ELSE $1 END, gen_random_uuid(), (1.5 + random() * 100)::numeric(14, 2) * (n % 2 * 2 - 1),
                    CASE WHEN random() < 0.5 THEN 'EUR' ELSE 'USD' END, date '2026-01-01' + (random() * 90)::int, 'x', 1,
                    'c' || n % 3, 'csv', 1, n % 4 = 0, CASE WHEN n % 4 = 0 THEN now() END
             FROM generate_series(1, $3) AS n"
        }
        2 => {
            "UPDATE transactions SET amount = amount + 1.01, date = date + 31, category = 'c' || ($3 % 3)
             WHERE user_id IN ($1, $2) AND amount <> -1.01 AND id IN (SELECT id FROM transactions ORDER BY random() LIMIT $3)"
        }
        3 => {
            "UPDATE transactions SET is_deleted = NOT is_deleted, deleted_at = CASE WHEN is_deleted THEN NULL ELSE now() END
             WHERE user_id IN ($1, $2) AND id IN (SELECT id FROM transactions ORDER BY random() LIMIT $3)"
        }
        4 => "UPDATE transactions SET note = 'n' WHERE user_id IN ($1, $2) AND $3 > 0",
        _ => {
            "DELETE FROM transactions
             WHERE user_id IN ($1, $2) AND id IN (SELECT id FROM transactions ORDER BY random() LIMIT $3)"
        }
    };
    let size = i32::try_from(size).unwrap();
    sqlx::query(sql).bind(user).bind(other).bind(size).execute(conn).await.unwrap();
}

#[tokio::test]
async fn must_hold_25_totals_by_month_follow_every_statement() {
    let fresh = Fresh::new().await;
    let (user, other) = (fresh.user().await.user_id, fresh.user().await.user_id);
    let (mut conn, mut random) = (fresh.admin().await, Random::new(11));
    sqlx::query("SELECT setseed(0.25)").execute(&mut conn).await.unwrap();
    for step in 0..300 {
        change(&mut conn, &mut random, user, other).await;
        assert_eq!(wrong(&mut conn).await, [], "after step {step}");
    }
    let kept: Decimal =
        sqlx::query_scalar("SELECT sum(total) FROM transaction_totals").fetch_one(&mut conn).await.unwrap();
    assert!(!kept.is_zero(), "there was something to compare");
    sqlx::query("DELETE FROM users WHERE id = $1").bind(user).execute(&mut conn).await.unwrap();
    assert_eq!(wrong(&mut conn).await, [], "an account that goes takes its totals along");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM transaction_totals WHERE user_id = $1")
        .bind(user)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn nobody_but_the_triggers_writes_totals() {
    let fresh = Fresh::new().await;
    let user = fresh.user().await.user_id;
    let mut conn = fresh.admin().await;
    sqlx::query("SET ROLE tallybook_write").execute(&mut conn).await.unwrap();
    let sql = "INSERT INTO transaction_totals VALUES ($1, 'c', 'EUR', '2026-01-01', 1, 1)";
    let error = sqlx::query(sql).bind(user).execute(&mut conn).await.unwrap_err();
    assert_eq!(error.as_database_error().unwrap().code().unwrap(), "42501");
}
