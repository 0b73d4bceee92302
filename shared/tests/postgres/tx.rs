//! `Db::tx`: what a transaction leaves behind when it does not end well.

use crate::support::Fresh;
use shared::{
    domain::auth::Me,
    platform::{
        db::{Db, Tx},
        problem::Problem,
    },
};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Takes the user's row and its lock, and answers on which backend.
async fn touch(tx: &mut Tx, me: &Me) -> Result<i32, Problem> {
    sqlx::query("UPDATE user_seq SET changes = changes + 1 WHERE user_id = $1")
        .bind(me.user_id)
        .execute(&mut *tx)
        .await?;
    Ok(sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(tx).await?)
}

async fn changes(fresh: &Fresh, me: &Me) -> i64 {
    let mut conn = fresh.admin().await;
    sqlx::query_scalar("SELECT changes FROM user_seq WHERE user_id = $1")
        .bind(me.user_id)
        .fetch_one(&mut conn)
        .await
        .unwrap()
}

/// No transaction of the application's is open, and none of its locks is held.
async fn nothing_is_open(fresh: &Fresh) -> bool {
    let mut conn = fresh.admin().await;
    let open: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'tallybook_write' AND xact_start IS NOT NULL",
    )
    .fetch_one(&mut conn)
    .await
    .unwrap();
    open == 0
}

pub async fn until_nothing_is_open(fresh: &Fresh) {
    for _ in 0..100 {
        if nothing_is_open(fresh).await {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("a transaction stayed open");
}

/// Ends a backend, and waits until it is gone.
async fn terminate(fresh: &Fresh, pid: i32) {
    let mut conn = fresh.admin().await;
    let gone: bool =
        sqlx::query_scalar("SELECT pg_terminate_backend($1, 5000)").bind(pid).fetch_one(&mut conn).await.unwrap();
    assert!(gone);
}

#[tokio::test]
async fn must_hold_36_an_error_leaves_no_transaction_open() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let first = db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
    let failed = db
        .tx(async |tx: &mut Tx| {
            touch(tx, &me).await?;
            Err::<(), _>(Problem::not_found())
        })
        .await;
    assert_eq!(failed.unwrap_err().status, 404);
    assert!(nothing_is_open(&fresh).await);
    assert_eq!(changes(&fresh, &me).await, 1);
    assert_eq!(db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap(), first, "the connection is kept");
}

#[tokio::test]
async fn must_hold_36_a_failed_statement_leaves_no_transaction_open() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let failed = db
        .tx(async |tx: &mut Tx| {
            touch(tx, &me).await?;
            sqlx::query("SELECT 1 / 0").execute(tx).await?;
            Ok::<_, Problem>(())
        })
        .await;
    assert_eq!(failed.unwrap_err().status, 500);
    assert!(nothing_is_open(&fresh).await);
    assert_eq!(changes(&fresh, &me).await, 0);
    db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
}

#[tokio::test]
async fn must_hold_36_a_dropped_transaction_is_soon_over_and_the_next_one_is_unharmed() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for statement in ["SELECT 1", "SELECT pg_sleep(0.3)"] {
        let work = db.tx(async |tx: &mut Tx| {
            touch(tx, &me).await?;
            sqlx::query(statement).execute(tx).await?;
            sleep(Duration::from_mins(1)).await;
            Ok::<_, Problem>(())
        });
        assert!(timeout(Duration::from_millis(150), work).await.is_err());
        until_nothing_is_open(&fresh).await;
        let before = changes(&fresh, &me).await;
        db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
        assert_eq!(changes(&fresh, &me).await, before + 1, "the dropped one changed nothing");
    }
}

/// Postgres answers COMMIT of a failed transaction with ROLLBACK, and no error.
#[tokio::test]
async fn a_swallowed_error_is_never_taken_for_a_commit() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let answer = db
        .tx(async |tx: &mut Tx| {
            touch(tx, &me).await?;
            sqlx::query("SELECT 1 / 0").execute(&mut *tx).await.ok();
            Ok::<_, Problem>(())
        })
        .await;
    assert_eq!(answer.unwrap_err().status, 500);
    assert_eq!(changes(&fresh, &me).await, 0);
    assert!(nothing_is_open(&fresh).await);
    // That no row was found is an answer, and no failure.
    db.tx(async |tx: &mut Tx| {
        let none = sqlx::query("SELECT 1 WHERE false").fetch_one(&mut *tx).await;
        assert!(matches!(none, Err(sqlx::Error::RowNotFound)));
        touch(tx, &me).await
    })
    .await
    .unwrap();
    assert_eq!(changes(&fresh, &me).await, 1);
}

/// A deferred constraint speaks at COMMIT only.
#[tokio::test]
async fn what_fails_at_commit_is_told_and_leaves_nothing() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let mut owner = fresh.admin().await;
    sqlx::raw_sql("CREATE TABLE late (n int, CONSTRAINT late_key UNIQUE (n) DEFERRABLE INITIALLY DEFERRED); GRANT ALL ON late TO tallybook_write")
        .execute(&mut owner)
        .await
        .unwrap();
    let answer = db
        .tx(async |tx: &mut Tx| {
            touch(tx, &me).await?;
            sqlx::query("INSERT INTO late VALUES (1), (1)").execute(tx).await?;
            Ok::<_, Problem>(())
        })
        .await;
    assert_eq!(answer.unwrap_err().status, 500);
    assert_eq!(changes(&fresh, &me).await, 0);
    until_nothing_is_open(&fresh).await;
    db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
}

#[tokio::test]
async fn must_hold_47_a_connection_that_died_between_requests_costs_a_reconnect() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let first = db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
    terminate(&fresh, first).await;
    let second = db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(changes(&fresh, &me).await, 2);
}

#[tokio::test]
async fn must_hold_48_a_connection_that_dies_in_a_transaction_is_a_503_and_nothing_is_committed() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let inside = db
        .tx(async |tx: &mut Tx| {
            terminate(&fresh, touch(tx, &me).await?).await;
            touch(tx, &me).await
        })
        .await;
    let problem = inside.unwrap_err();
    assert_eq!((problem.status, problem.retry_after.is_some()), (503, true), "{problem}");
    let at_commit = db
        .tx(async |tx: &mut Tx| {
            terminate(&fresh, touch(tx, &me).await?).await;
            Ok::<_, Problem>(())
        })
        .await;
    assert_eq!(at_commit.unwrap_err().status, 503);
    assert_eq!(changes(&fresh, &me).await, 0);
    db.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
}

#[tokio::test]
async fn a_lock_that_is_not_given_is_a_503_within_its_time() {
    let fresh = Fresh::new().await;
    let (db, other, me) = (fresh.db(), fresh.db(), fresh.user().await);
    let refused = db
        .tx(async |tx: &mut Tx| {
            touch(tx, &me).await?;
            Ok::<_, Problem>(other.tx(async |tx: &mut Tx| touch(tx, &me).await).await)
        })
        .await
        .unwrap();
    assert_eq!(refused.unwrap_err().status, 503);
    other.tx(async |tx: &mut Tx| touch(tx, &me).await).await.unwrap();
}

#[tokio::test]
async fn reading_cannot_write() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.read_db(), fresh.user().await);
    // Not even where its role had been given too much.
    let mut owner = fresh.admin().await;
    sqlx::raw_sql("GRANT UPDATE ON user_seq TO tallybook_read").execute(&mut owner).await.unwrap();
    let refused = db.tx(async |tx: &mut Tx| touch(tx, &me).await).await;
    assert_eq!(refused.unwrap_err().cause.as_deref(), Some("sqlstate 25006 constraint -"));
}

#[tokio::test]
async fn statements_are_counted_by_tx() {
    let fresh = Fresh::new().await;
    let db: Db = fresh.db();
    let counted = db
        .tx(async |tx: &mut Tx| {
            assert_eq!(tx.statements(), 0);
            sqlx::query("SELECT 1").execute(&mut *tx).await?;
            sqlx::query("SELECT 1").fetch_one(&mut *tx).await?;
            sqlx::query("SELECT 1").fetch_all(&mut *tx).await?;
            Ok::<_, Problem>(tx.statements())
        })
        .await;
    assert_eq!(counted.unwrap(), 3);
}

/// Postgres's own messages quote values: none may reach a log.
#[tokio::test]
async fn must_hold_50_the_cause_of_a_problem_quotes_no_value() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let canary = "canary-4711@example.com";
    for sql in [
        "SELECT $1::int",
        "INSERT INTO users (id, email, hashed_password) SELECT gen_random_uuid(), $1, '' FROM generate_series(1, 2)",
    ] {
        let failed = db
            .tx(async |tx: &mut Tx| Ok::<_, Problem>(sqlx::query(sql).bind(canary).execute(tx).await.map(drop)?))
            .await;
        let said = format!("{:?}", failed.unwrap_err());
        assert!(said.contains("sqlstate") && !said.contains("canary"), "{said}");
    }
}
