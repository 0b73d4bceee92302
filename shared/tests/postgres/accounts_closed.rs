//! Closing an account: what is gone at once, and what a task takes away.

use crate::support::{Fresh, NOW, amount, body, call, create, keys};
use serde_json::json;
use shared::{
    domain::{
        auth::{Me, Registration, create_account, session_stands, with_user},
        erasure::{self, close_account},
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};
use time::OffsetDateTime;

const HASH: &str = "$2b$04$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuabcdefghijk";

async fn close(db: &Db, me: &Me) {
    let call = call(me, "", None);
    with_user(db, &call, async |tx: &mut Tx, me: &Me| close_account(tx, &call, me).await).await.unwrap();
}

/// A run with so much time, and the folders it emptied.
async fn run(db: &Db, me: &Me, now: OffsetDateTime, seconds: u64) -> Result<(Ran, Vec<String>), Problem> {
    let folders = RefCell::new(Vec::new());
    let files = async |folder: &str| {
        folders.borrow_mut().push(folder.to_owned());
        Ok(())
    };
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let ran = erasure::run(db, files, me.user_id, now, deadline).await?;
    Ok((ran, folders.into_inner()))
}

/// How many rows each table has of a user, but for tables with none.
async fn rows_of(conn: &mut PgConnection, me: &Me) -> Vec<(String, i64)> {
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT c.relname::text, a.attname::text FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('user_id', 'actor_id', 'created_by')
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
         UNION ALL SELECT 'users', 'id' ORDER BY 1",
    )
    .fetch_all(&mut *conn)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    let mut found = Vec::new();
    for (table, column) in tables {
        let sql = format!("SELECT count(*) FROM {table} WHERE {column} = $1");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).bind(me.user_id).fetch_one(&mut *conn).await.unwrap();
        if count > 0 {
            found.push((table, count));
        }
    }
    found
}

/// Something of everything that a user can have.
async fn furnish(fresh: &Fresh, db: &Db, me: &Me) {
    for n in 1..=3 {
        create(db, me, &json!({"amount": amount(n), "date": "2026-03-01", "merchant_raw": "Shop", "category": "Home"}))
            .await;
    }
    const FURNITURE: [&str; 12] = [
        "INSERT INTO imports (user_id, id, status, file_key, size_bytes, changed_seq) VALUES ($1, gen_random_uuid(), 'running', 'k', 1, 1)",
        "INSERT INTO import_errors (user_id, import_id, line, code) SELECT $1, id, 1, 'x' FROM imports WHERE user_id = $1",
        "INSERT INTO import_mappings (user_id, id, name, mapping) VALUES ($1, gen_random_uuid(), 'm', '{}')",
        "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_key, old_category, new_category)
         SELECT $1, gen_random_uuid(), id, 1, 'a', 'b' FROM transactions WHERE user_id = $1",
        "INSERT INTO embeddings (user_id, id, transaction_id, vector)
         SELECT $1, gen_random_uuid(), id, array_fill(1, ARRAY[384])::vector FROM transactions WHERE user_id = $1",
        "WITH b AS (INSERT INTO merkle_batches (id, batch_date, transaction_count, root_hash, sealed_at)
                    SELECT gen_random_uuid(), '2026-01-01'::date + count(*)::int, 0, md5($1::text) || md5('x'), now() FROM merkle_batches
                    RETURNING id)
         INSERT INTO merkle_leaves (user_id, transaction_id, revision, batch_id, leaf_index, leaf)
         SELECT $1, t.id, 1, b.id, row_number() OVER (), '' FROM transactions t, b WHERE t.user_id = $1",
        "INSERT INTO budgets (user_id, id, category, currency, changed_seq) VALUES ($1, gen_random_uuid(), 'Home', 'USD', 1)",
        "INSERT INTO budget_periods (user_id, budget_id, start_date, end_date, amount)
         SELECT $1, id, '2026-03-01', '2026-03-31', 5 FROM budgets WHERE user_id = $1",
        "INSERT INTO portfolio_holdings (user_id, id, asset_type, identifier, units, currency, changed_seq)
         VALUES ($1, gen_random_uuid(), 'cash', 'x', 1, 'USD', 1)",
        "INSERT INTO idempotency_keys (user_id, route, key, request_hash, status, body, expires_at)
         VALUES ($1, 'r', 'k', '', 200, '{}', now() + interval '1 day')",
        "INSERT INTO task_runs (id, kind, queue, user_id) VALUES (gen_random_uuid(), 'import', 'default', $1)",
        "INSERT INTO audit_log (actor_id, action, target, ip, detail) VALUES ($1, 'auth.login', $1::text, '192.0.2.7', '{\"a\": 1}')",
    ];
    let mut conn = fresh.admin().await;
    for sql in FURNITURE {
        sqlx::query(sql).bind(me.user_id).execute(&mut conn).await.unwrap();
    }
}

#[tokio::test]
async fn must_hold_51_a_closed_account_is_nobodys_at_once() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let mut conn = fresh.admin().await;
    let set = "UPDATE users SET email = 'ada@example.com', full_name = 'Ada', phone = '123', is_admin = true,
               preferences = '{\"currency\": \"EUR\"}', wallet_addresses = '[\"0xada\"]' WHERE id = $1";
    sqlx::query(set).bind(me.user_id).execute(&mut conn).await.unwrap();
    furnish(&fresh, &db, &me).await;
    close(&db, &me).await;

    assert!(!session_stands(&fresh.read_db(), me.user_id, me.session_id, me.now).await.unwrap());
    let again = with_user(&db, &call(&me, "", None), async |_: &mut Tx, _: &Me| Ok(())).await;
    assert_eq!(again.unwrap_err().status, 401);
    let row: String = sqlx::query_scalar("SELECT row_to_json(u)::text FROM users u WHERE id = $1")
        .bind(me.user_id)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    for personal in ["ada", "Ada", "123", "EUR"] {
        assert!(!row.contains(personal), "{personal} in {row}");
    }
    let open: i64 = sqlx::query_scalar("SELECT count(*) FROM imports WHERE status IN ('queued', 'running')")
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(open, 0, "an import under way stops");

    let new = json!({"email": "ADA@example.com", "password": "a long password", "full_name": "Another"});
    let new = body::<Registration>(&new).hashed(HASH.into());
    db.tx(async |tx: &mut Tx| create_account(tx, &keys(), &call(&me, "", None), &new).await).await.expect("it is free");
}

#[tokio::test]
async fn must_hold_51_closing_an_account_erases_all_it_has_and_nothing_of_others() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let mut conn = fresh.admin().await;
    furnish(&fresh, &db, &me).await;
    furnish(&fresh, &db, &other).await;
    let before = rows_of(&mut conn, &other).await;
    assert!(before.len() > 12, "{before:?}");

    assert_eq!(run(&db, &me, NOW, 60).await.unwrap(), (Ran::Done, Vec::new()), "an open account is not erased");
    assert_eq!(rows_of(&mut conn, &me).await, before);
    close(&db, &me).await;
    let (ran, folders) = run(&db, &me, NOW, 60).await.unwrap();
    assert_eq!(ran, Ran::Done);
    let expected = ["imports", "uploads", "receipts", "exports"].map(|folder| format!("{folder}/{}/", me.user_id));
    assert_eq!(folders, expected);
    let left = rows_of(&mut conn, &me).await;
    for gone in [
        "transactions",
        "imports",
        "user_corrections",
        "embeddings",
        "merkle_leaves",
        "events",
        "idempotency_keys",
        "audit_log",
    ] {
        assert!(!left.iter().any(|(table, _)| table == gone), "{gone} in {left:?}");
    }

    // A function that had begun before may have stored something since; the last look takes it along.
    sqlx::query(
        "INSERT INTO import_mappings (user_id, id, name, mapping) VALUES ($1, gen_random_uuid(), 'late', '{}')",
    )
    .bind(me.user_id)
    .execute(&mut conn)
    .await
    .unwrap();
    let due = async |minutes| {
        let now = NOW + time::Duration::minutes(minutes);
        db.tx(async |tx: &mut Tx| erasure::due(tx, now).await).await.unwrap()
    };
    assert!(due(15).await.is_empty());
    assert_eq!(due(16).await, [me.user_id]);
    assert_eq!(run(&db, &me, NOW + time::Duration::minutes(16), 60).await.unwrap().0, Ran::Done);
    assert_eq!(rows_of(&mut conn, &me).await, []);
    assert!(due(999).await.is_empty());
    assert_eq!(run(&db, &me, NOW, 60).await.unwrap(), (Ran::Done, Vec::new()), "a message that comes once more");
    assert_eq!(rows_of(&mut conn, &other).await, before);

    let named: Vec<String> = sqlx::query_scalar("SELECT a::text FROM audit_log a WHERE a::text LIKE '%' || $1 || '%'")
        .bind(me.user_id.to_string())
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert!(named.is_empty(), "the log names the person: {named:?}");
    let kept: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM audit_log WHERE actor_id IS NULL AND ip IS NULL AND target IS NULL AND detail = '{}'",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    assert_eq!(kept, 2, "what was done stays in it");
}

#[tokio::test]
async fn an_erasure_goes_on_where_it_was_killed_and_twice_at_once_does_no_harm() {
    let fresh = Fresh::new().await;
    let (db, other, me) = (fresh.db(), fresh.db(), fresh.user().await);
    let mut conn = fresh.admin().await;
    sqlx::query(
        "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, changed_seq)
         SELECT $1, gen_random_uuid(), 1, 'USD', '2026-03-01', 'shop', 1, 'manual', 1 FROM generate_series(1, 12000)",
    )
    .bind(me.user_id)
    .execute(&mut conn)
    .await
    .unwrap();
    close(&db, &me).await;
    assert_eq!(run(&db, &me, NOW, 1).await.unwrap().0, Ran::More, "without time it begins nothing");
    let late = NOW + time::Duration::minutes(20);
    let both = futures_util::future::join(run(&db, &me, late, 60), run(&other, &me, late, 60)).await;
    // One may be told to come again, because the other held a row for longer than a lock may wait.
    assert!(both.0.is_ok() || both.1.is_ok());
    // Whoever was told to come again does.
    run(&db, &me, late, 60).await.unwrap();
    assert_eq!(rows_of(&mut conn, &me).await, []);
}

/// A worker that erased small accounts while the tables were empty has plans for empty tables, and keeps them.
#[tokio::test]
async fn plans_from_empty_tables_do_not_hold_up_the_erasure_of_many_rows() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let mut conn = fresh.admin().await;
    for table in ["transactions", "user_corrections", "embeddings"] {
        let small = format!("ALTER TABLE {table} SET (autovacuum_enabled = false); ANALYZE {table}");
        sqlx::raw_sql(AssertSqlSafe(small)).execute(&mut conn).await.unwrap();
    }
    const ROWS: &str = "
        INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, changed_seq)
        SELECT $1, gen_random_uuid(), 1, 'USD', '2026-03-01', 'shop', 1, 'manual', 1 FROM generate_series(1, $2)";
    for rows in [1, 1, 1, 1, 1, 1, 1, 1, 20_000] {
        let me = fresh.user().await;
        sqlx::query(ROWS).bind(me.user_id).bind(rows).execute(&mut conn).await.unwrap();
        close(&db, &me).await;
        // No chunk may take longer than a statement may.
        assert_eq!(run(&db, &me, NOW, 60).await.unwrap().0, Ran::Done, "{rows} rows");
    }
}

#[tokio::test]
async fn the_audit_log_still_refuses_any_other_change() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    furnish(&fresh, &db, &me).await;
    let mut conn = fresh.connect("tallybook_write").await;
    let forget = "SELECT audit_log_forget($1, 100)";
    let refused = sqlx::query(forget).bind(me.user_id).execute(&mut conn).await.unwrap_err();
    assert!(refused.to_string().contains("append-only"), "{refused}");
    close(&db, &me).await;
    let mut admin = fresh.admin().await;
    let change = "UPDATE audit_log SET actor_id = NULL, action = 'nothing' WHERE actor_id = $1";
    assert!(sqlx::query(change).bind(me.user_id).execute(&mut admin).await.is_err());
    sqlx::query(forget).bind(me.user_id).execute(&mut conn).await.unwrap();
}

#[tokio::test]
async fn must_hold_51_an_account_that_a_restore_brought_back_is_closed_again_and_no_other() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let mut conn = fresh.admin().await;
    furnish(&fresh, &db, &me).await;
    furnish(&fresh, &db, &other).await;
    let before = rows_of(&mut conn, &other).await;
    let mails = "SELECT count(*) FROM mails";
    // As the backup has it: the account is open, and nobody knows that it was closed since.
    assert!(erasure::close_again(&db, me.user_id, NOW).await.unwrap());
    assert!(!erasure::close_again(&db, me.user_id, NOW).await.unwrap(), "it is closed already");
    assert!(!erasure::close_again(&db, uuid::Uuid::now_v7(), NOW).await.unwrap(), "nobody's");
    assert!(!session_stands(&fresh.read_db(), me.user_id, me.session_id, me.now).await.unwrap());
    let written: i64 = sqlx::query_scalar(mails).fetch_one(&mut conn).await.unwrap();
    assert_eq!(written, 0, "they were told when they closed it");

    let due = db.tx(async |tx: &mut Tx| erasure::due(tx, NOW).await).await.unwrap();
    assert_eq!(due, [me.user_id], "the sweep finds it at once");
    assert_eq!(run(&db, &me, NOW + time::Duration::minutes(20), 60).await.unwrap().0, Ran::Done);
    assert_eq!(rows_of(&mut conn, &me).await, []);
    assert_eq!(rows_of(&mut conn, &other).await, before);
}
