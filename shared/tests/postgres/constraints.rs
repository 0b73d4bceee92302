//! What the database refuses by itself, whatever the code above it forgets.

use crate::support::{Fresh, NOW};
use shared::{domain::auth::Me, platform::problem::Problem};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

/// Refused, and with which SQLSTATE.
async fn refused(conn: &mut PgConnection, sql: &'static str, values: &[Uuid]) -> String {
    let mut query = sqlx::query(sql);
    for value in values {
        query = query.bind(*value);
    }
    match query.execute(conn).await {
        Ok(_) => "accepted".into(),
        Err(error) => {
            let error = error.into_database_error().unwrap();
            error.code().unwrap().into_owned()
        }
    }
}

async fn transaction(conn: &mut PgConnection, me: &Me, amount: &str, date: &str) -> Result<Uuid, sqlx::Error> {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, changed_seq)
         VALUES ($1, $2, $3::text::numeric, 'USD', $4::text::date, 'shop', 1, 'manual', 1)",
    )
    .bind(me.user_id)
    .bind(id)
    .bind(amount)
    .bind(date)
    .execute(conn)
    .await
    .map(|_| id)
}

#[tokio::test]
async fn must_hold_23_no_amount_that_is_no_money_is_stored() {
    let fresh = Fresh::new().await;
    let (mut conn, me) = (fresh.admin().await, fresh.user().await);
    for amount in ["NaN", "Infinity", "-Infinity", "0", "0.004", "1000000000000", "-1000000000000", "1e30"] {
        assert!(transaction(&mut conn, &me, amount, "2026-03-15").await.is_err(), "{amount}");
    }
    for amount in ["0.01", "-0.01", "999999999999.99", "-999999999999.99"] {
        assert!(transaction(&mut conn, &me, amount, "2026-03-15").await.is_ok(), "{amount}");
    }
    const CHECKED: [(&str, &str); 4] = [
        ("budget_periods", "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount)
            SELECT $1, id, '2026-01-01', '2026-02-01', v::numeric FROM budgets, unnest(ARRAY['VALUE']) AS v"),
        ("recurrences", "INSERT INTO recurrences (user_id, id, merchant_key, currency, amount_mean, period_days, next_expected_date, confidence, changed_seq)
            SELECT $1, gen_random_uuid(), 1, 'USD', v::numeric, 30, '2026-01-01', 1, 1 FROM unnest(ARRAY['VALUE']) AS v"),
        ("portfolio_holdings", "INSERT INTO portfolio_holdings (user_id, id, asset_type, identifier, units, currency, changed_seq)
            SELECT $1, gen_random_uuid(), 'stock', 'X', v::numeric, 'USD', 1 FROM unnest(ARRAY['VALUE']) AS v"),
        ("portfolio_holdings", "INSERT INTO portfolio_holdings (user_id, id, asset_type, identifier, units, cost_basis, currency, changed_seq)
            SELECT $1, gen_random_uuid(), 'stock', 'X', 1, v::numeric, 'USD', 1 FROM unnest(ARRAY['VALUE']) AS v"),
    ];
    budget(&mut conn, &me).await;
    for (table, sql) in CHECKED {
        for amount in ["NaN", "Infinity", "-Infinity", "1e30"] {
            let sql = sqlx::AssertSqlSafe(sql.replace("VALUE", amount));
            assert!(sqlx::query(sql).bind(me.user_id).execute(&mut conn).await.is_err(), "{table} {amount}");
        }
    }
    for amount in ["0", "-1", "0.004"] {
        let sql = sqlx::AssertSqlSafe(CHECKED[0].1.replace("VALUE", amount));
        assert!(sqlx::query(sql).bind(me.user_id).execute(&mut conn).await.is_err(), "a budget of {amount}");
    }
}

async fn budget(conn: &mut PgConnection, me: &Me) -> Uuid {
    let id = Uuid::now_v7();
    sqlx::query(
        "INSERT INTO budgets (user_id, id, category, currency, changed_seq) VALUES ($1, $2, 'Groceries', 'USD', 1)",
    )
    .bind(me.user_id)
    .bind(id)
    .execute(conn)
    .await
    .unwrap();
    id
}

#[tokio::test]
async fn dates_are_finite_and_in_order() {
    let fresh = Fresh::new().await;
    let (mut conn, me) = (fresh.admin().await, fresh.user().await);
    assert!(transaction(&mut conn, &me, "1", "infinity").await.is_err());
    assert!(transaction(&mut conn, &me, "1", "-infinity").await.is_err());
    let id = budget(&mut conn, &me).await;
    for (start, end, ok) in [
        ("2026-01-31", "2026-01-01", false),
        ("2026-01-01", "2026-01-01", false),
        ("2026-01-01", "infinity", false),
        ("2026-01-01", "2026-01-31", true),
        ("2026-01-31", "2026-02-27", false),
        ("2025-12-01", "2026-01-01", false),
        ("2026-02-01", "2026-02-28", true),
    ] {
        let made = sqlx::query(
            "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount) VALUES ($1, $2, $3::text::date, $4::text::date, 1)",
        )
        .bind(me.user_id)
        .bind(id)
        .bind(start)
        .bind(end)
        .execute(&mut conn)
        .await;
        assert_eq!(made.is_ok(), ok, "{start} {end}");
    }
    let endless =
        "INSERT INTO sessions (user_id, id, token_hash, created_at, expires_at) VALUES ($1, $2, '\\x00', now(), now())";
    assert_eq!(refused(&mut conn, endless, &[me.user_id, Uuid::now_v7()]).await, "23514");
}

#[tokio::test]
async fn must_hold_16_a_row_cannot_point_at_another_users_row() {
    let fresh = Fresh::new().await;
    let (mut conn, me, other) = (fresh.admin().await, fresh.user().await, fresh.user().await);
    let theirs = transaction(&mut conn, &other, "1", "2026-03-15").await.unwrap();
    let their_budget = budget(&mut conn, &other).await;
    let (import, mapping) = (Uuid::now_v7(), Uuid::now_v7());
    for (sql, id) in [
        ("INSERT INTO imports (user_id, id, file_key, size_bytes, changed_seq) VALUES ($1, $2, 'k', 1, 1)", import),
        ("INSERT INTO import_mappings (user_id, id, name, mapping) VALUES ($1, $2, 'm', '{}')", mapping),
    ] {
        assert_eq!(refused(&mut conn, sql, &[other.user_id, id]).await, "accepted");
    }
    const TRANSACTION: &str = "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, changed_seq, duplicate_of)
        VALUES ($1, $2, 1, 'USD', '2026-03-15', 'shop', 1, 'manual', 1, $3)";
    const IMPORTED: &str = "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, changed_seq, import_id)
        VALUES ($1, $2, 1, 'USD', '2026-03-15', 'shop', 1, 'csv', 1, $3)";
    const CORRECTION: &str =
        "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_key, old_category, new_category)
        VALUES ($1, $2, $3, 1, 'a', 'b')";
    const EMBEDDING: &str = "INSERT INTO embeddings (user_id, id, transaction_id, vector) VALUES ($1, $2, $3, array_fill(0, ARRAY[384])::vector)";
    const IMPORT: &str = "INSERT INTO imports (user_id, id, file_key, size_bytes, changed_seq, mapping_id) VALUES ($1, $2, 'k', 1, 1, $3)";
    for (sql, foreign) in
        [(TRANSACTION, theirs), (IMPORTED, import), (CORRECTION, theirs), (EMBEDDING, theirs), (IMPORT, mapping)]
    {
        let new = Uuid::now_v7();
        assert_eq!(refused(&mut conn, sql, &[me.user_id, new, foreign]).await, "23503", "{sql}");
        assert_eq!(refused(&mut conn, sql, &[other.user_id, new, foreign]).await, "accepted", "{sql}");
    }
    let period = "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount) VALUES ($1, $2, '2026-01-01', '2026-02-01', 1)";
    assert_eq!(refused(&mut conn, period, &[me.user_id, their_budget]).await, "23503");
    let fault = "INSERT INTO import_errors (user_id, import_id, line, code) VALUES ($1, $2, 1, 'c')";
    assert_eq!(refused(&mut conn, fault, &[me.user_id, import]).await, "23503");
}

#[tokio::test]
async fn must_hold_13_two_registrations_that_differ_in_case_alone_make_one_account() {
    let fresh = Fresh::new().await;
    let (mut first, mut second) = (fresh.connect("tallybook_write").await, fresh.connect("tallybook_write").await);
    const NEW: &str = "INSERT INTO users (id, email, hashed_password) VALUES ($1, $2, 'none')";
    let mut open = first.begin().await.unwrap();
    sqlx::query(NEW).bind(Uuid::now_v7()).bind("A@x.example").execute(&mut *open).await.unwrap();
    // The second finds the first uncommitted and waits for its end.
    let (lost, ()) =
        tokio::join!(sqlx::query(NEW).bind(Uuid::now_v7()).bind("a@X.example").execute(&mut second), async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            open.commit().await.unwrap();
        });
    let problem = Problem::from(lost.unwrap_err());
    assert_eq!((problem.status, problem.code), (409, "email_taken"));
    let count: i64 = sqlx::query_scalar("SELECT count(*) FROM users WHERE lower(email) = 'a@x.example'")
        .fetch_one(&mut first)
        .await
        .unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn the_reading_role_cannot_write_and_sees_no_secret() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let mut conn = fresh.connect("tallybook_read").await;
    let writable: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S')
           AND (has_table_privilege(oid, 'INSERT, UPDATE, DELETE, TRUNCATE') OR has_any_column_privilege(oid, 'INSERT, UPDATE'))",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap();
    assert!(writable.is_empty(), "{writable:?}");
    // Also where somebody lifts the setting that makes it read only.
    sqlx::raw_sql("SET default_transaction_read_only = off").execute(&mut conn).await.unwrap();
    for (sql, code) in [
        ("UPDATE transactions SET category = 'x' WHERE user_id = $1", "42501"),
        ("DELETE FROM users WHERE id = $1", "42501"),
        ("SELECT hashed_password FROM users WHERE id = $1", "42501"),
        ("SELECT * FROM users WHERE id = $1", "42501"),
        ("SELECT token_hash FROM single_use_tokens WHERE user_id = $1", "42501"),
        ("SELECT id, email, currency FROM users WHERE id = $1", "accepted"),
    ] {
        assert_eq!(refused(&mut conn, sql, &[me.user_id]).await, code, "{sql}");
    }
}

#[tokio::test]
async fn must_hold_51_the_audit_log_can_only_grow() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let mut conn = fresh.connect("tallybook_write").await;
    let add = "INSERT INTO audit_log (actor_id, action, target, ip) VALUES ($1, 'test', 'them', '192.0.2.1')";
    assert_eq!(refused(&mut conn, add, &[me.user_id]).await, "accepted");
    // The owner is stopped by a trigger, the application by its grants.
    let mut owner = fresh.admin().await;
    for sql in ["UPDATE audit_log SET action = 'other'", "DELETE FROM audit_log", "TRUNCATE audit_log"] {
        assert_eq!(refused(&mut conn, sql, &[]).await, "42501", "{sql}");
        assert_eq!(refused(&mut owner, sql, &[]).await, "42501", "{sql}");
    }
    // An erased account leaves what was done and nobody who did it.
    assert_eq!(refused(&mut conn, "DELETE FROM users WHERE id = $1", &[me.user_id]).await, "accepted");
    let left: (Option<Uuid>, String, Option<String>, Option<String>) =
        sqlx::query_as("SELECT actor_id, action, target, ip FROM audit_log").fetch_one(&mut conn).await.unwrap();
    assert_eq!(left, (None, "test".into(), None, None));
}

#[tokio::test]
async fn an_account_is_erased_with_all_that_is_its_own() {
    let fresh = Fresh::new().await;
    let (mut conn, me, other) = (fresh.admin().await, fresh.user().await, fresh.user().await);
    for user in [&me, &other] {
        transaction(&mut conn, user, "1", "2026-03-15").await.unwrap();
        budget(&mut conn, user).await;
        sqlx::query("INSERT INTO events (user_id, seq, type, data, created_at) VALUES ($1, 1, 'x', '{}', $2)")
            .bind(user.user_id)
            .bind(NOW)
            .execute(&mut conn)
            .await
            .unwrap();
    }
    assert_eq!(refused(&mut conn, "DELETE FROM users WHERE id = $1", &[me.user_id]).await, "accepted");
    for table in ["sessions", "user_seq", "transactions", "budgets", "events"] {
        let sql = sqlx::AssertSqlSafe(format!("SELECT array_agg(DISTINCT user_id) FROM {table}"));
        let left: Vec<Uuid> = sqlx::query_scalar(sql).fetch_one(&mut conn).await.unwrap();
        assert_eq!(left, [other.user_id], "{table}");
    }
}

/// Set on the roles, because a setting sent per connection is lost behind a transaction pooler.
#[tokio::test]
async fn no_role_of_ours_can_hold_up_the_others_for_long() {
    let fresh = Fresh::new().await;
    for role in ["tallybook_write", "tallybook_read"] {
        let mut conn = fresh.connect(role).await;
        for (setting, most_ms) in
            [("statement_timeout", 5000), ("lock_timeout", 1000), ("idle_in_transaction_session_timeout", 5000)]
        {
            let ms: String = sqlx::query_scalar("SELECT setting FROM pg_settings WHERE name = $1")
                .bind(setting)
                .fetch_one(&mut conn)
                .await
                .unwrap();
            let ms: i64 = ms.parse().unwrap();
            assert!(ms > 0 && ms <= most_ms, "{role} {setting} {ms}");
        }
    }
}
