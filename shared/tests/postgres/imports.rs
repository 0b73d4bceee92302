//! Imports and their reverts, worked off as the tasks do, and killed on the way.

use crate::support::{Fresh, NOW, body, create, query};
use rust_decimal::Decimal;
use serde_json::json;
use shared::{
    domain::{
        auth::Me,
        imports::{self, Started, statement::Options},
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use sqlx::{Connection, PgConnection, Row};
use std::{
    fmt::Write,
    time::{Duration, Instant},
};
use uuid::Uuid;

fn far() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

/// Starts an import of a file as the endpoint does.
async fn start(db: &Db, me: &Me, file: &str, asked: &str) -> Uuid {
    let (id, start) = (Uuid::now_v7(), query::<imports::Start>(asked));
    let options = db.tx(async |tx: &mut Tx| imports::options(tx, me, &start).await).await.unwrap();
    let mapping = imports::shape_of(file.as_bytes(), &options).unwrap();
    db.tx(async |tx: &mut Tx| imports::start(tx, me, id, file.len(), &start, &mapping).await).await.unwrap();
    id
}

async fn work(db: &Db, me: &Me, id: Uuid, file: &str, deadline: Instant) -> Ran {
    let bytes = async |_: &str| Ok::<_, Problem>(Some(file.as_bytes().to_vec()));
    imports::run(db, bytes, async || {}, me.user_id, id, deadline).await.unwrap()
}

async fn import(db: &Db, me: &Me, file: &str, asked: &str) -> Uuid {
    let id = start(db, me, file, asked).await;
    assert_eq!(work(db, me, id, file, far()).await, Ran::Done);
    id
}

async fn ask_revert(db: &Db, me: &Me, id: Uuid) -> Result<Started, Problem> {
    db.tx(async |tx: &mut Tx| imports::revert(tx, me, id).await).await
}

async fn revert(db: &Db, me: &Me, id: Uuid) {
    assert_eq!(ask_revert(db, me, id).await.unwrap().status, "running");
    assert_eq!(imports::take_back(db, async || {}, me.user_id, id, far()).await.unwrap(), Ran::Done);
    assert_eq!(ask_revert(db, me, id).await.unwrap().status, "reverted");
}

/// Everything a user sees of live transactions but what a change counts up, one line each.
async fn picture(conn: &mut PgConnection, me: &Me) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT concat_ws('|', id, amount, currency, date, merchant_raw, merchant_id, category, note, external_id, import_id,
                          duplicate_of, changed_seq)
         FROM transactions WHERE user_id = $1 AND NOT is_deleted ORDER BY id",
    )
    .bind(me.user_id)
    .fetch_all(conn)
    .await
    .unwrap()
}

async fn status(conn: &mut PgConnection, id: Uuid) -> (String, i32, i32, i32) {
    let sql = "SELECT status::text, rows_imported, rows_duplicate, rows_reverted FROM imports WHERE id = $1";
    let row = sqlx::query(sql).bind(id).fetch_one(conn).await.unwrap();
    (row.get(0), row.get(1), row.get(2), row.get(3))
}

async fn sum(conn: &mut PgConnection, me: &Me) -> Decimal {
    sqlx::query_scalar("SELECT coalesce(sum(amount), 0) FROM transactions WHERE user_id = $1 AND NOT is_deleted")
        .bind(me.user_id)
        .fetch_one(conn)
        .await
        .unwrap()
}

/// `rows` purchases of ten cents more each.
fn statement(rows: u32, ids: bool) -> String {
    let head = if ids { "Date,Description,Amount,Transaction ID\n" } else { "Date,Description,Amount\n" };
    let mut text = head.to_owned();
    for n in 0..rows {
        let (day, cents) = (n % 28 + 1, n * 10 + 10);
        let id = if ids { format!(",T{n}") } else { String::new() };
        writeln!(text, "2026-01-{day:02},SHOP {},-{}.{:02}{id}", n % 97, cents / 100, cents % 100).unwrap();
    }
    text
}

#[tokio::test]
async fn a_revert_restores_exactly_and_the_file_may_come_again() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    create(&db, &me, &json!({"amount": "3.00", "date": "2026-01-05", "merchant_raw": "Cafe"})).await;
    let kept = import(&db, &me, &statement(40, true), "").await;
    let before = picture(&mut conn, &me).await;
    assert_eq!(before.len(), 41);

    for (policy, imported) in [("skip", 20), ("flag", 60), ("import", 60)] {
        let file = statement(60, true);
        let id = import(&db, &me, &file, &format!("on_duplicate={policy}")).await;
        assert_eq!(status(&mut conn, id).await, ("completed".into(), imported, 60 - imported, 0), "{policy}");
        // What the user did to it since goes with it, and a row deleted by hand is not counted twice.
        let deleted = "UPDATE transactions SET is_deleted = true, deleted_at = now()
                       WHERE id = (SELECT id FROM transactions WHERE import_id = $1 ORDER BY id LIMIT 1)";
        sqlx::query(deleted).bind(id).execute(&mut conn).await.unwrap();
        revert(&db, &me, id).await;
        assert_eq!(status(&mut conn, id).await, ("reverted".into(), imported, 60 - imported, imported - 1), "{policy}");
        assert_eq!(picture(&mut conn, &me).await, before, "{policy}");
    }
    // Deleted by hand or not, nothing of a reverted import counts as known.
    let again = import(&db, &me, &statement(60, true), "").await;
    assert_eq!(status(&mut conn, again).await.1, 20);
    assert_eq!(status(&mut conn, kept).await.0, "completed");
}

#[tokio::test]
async fn a_killed_import_or_revert_goes_on_where_it_stood() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let (file, rows) = (statement(12_000, false), 12_000);
    let id = start(&db, &me, &file, "").await;
    // Each run is ended after a chunk, as by a kill: the future is dropped where it waits for the next.
    for chunk in 1..=2 {
        let bytes = async |_: &str| Ok::<_, Problem>(Some(file.as_bytes().to_vec()));
        let (told, mut wait) = tokio::sync::mpsc::channel::<()>(1);
        let run = imports::run(
            &db,
            bytes,
            async || {
                told.send(()).await.unwrap();
                std::future::pending::<()>().await;
            },
            me.user_id,
            id,
            far(),
        );
        tokio::select! {
            _ = run => panic!("it was to be killed"),
            _ = wait.recv() => {}
        }
        let (now, imported, ..) = status(&mut conn, id).await;
        assert_eq!((now.as_str(), imported), ("running", chunk * 5000));
    }
    assert_eq!(work(&db, &me, id, &file, far()).await, Ran::Done);
    assert_eq!(status(&mut conn, id).await, ("completed".into(), rows, 0, 0));
    let whole = Decimal::new(i64::from(rows) * (i64::from(rows) + 1) / 2 * 10, 2);
    assert_eq!(sum(&mut conn, &me).await, whole);
    // Twice at once, and once more: each row once.
    let (a, b) = tokio::join!(work(&db, &me, id, &file, far()), work(&db, &me, id, &file, far()));
    assert_eq!((a, b, sum(&mut conn, &me).await), (Ran::Done, Ran::Done, whole));

    ask_revert(&db, &me, id).await.unwrap();
    let (told, mut wait) = tokio::sync::mpsc::channel::<()>(1);
    let run = imports::take_back(
        &db,
        async || {
            told.send(()).await.unwrap();
            std::future::pending::<()>().await;
        },
        me.user_id,
        id,
        far(),
    );
    tokio::select! {
        _ = run => panic!("it was to be killed"),
        _ = wait.recv() => {}
    }
    assert_eq!(status(&mut conn, id).await, ("running".into(), rows, 0, 5000));
    let take = async || imports::take_back(&db, async || {}, me.user_id, id, far()).await;
    let (a, b) = tokio::join!(take(), take());
    assert_eq!((a.unwrap(), b.unwrap()), (Ran::Done, Ran::Done));
    assert_eq!(status(&mut conn, id).await, ("reverted".into(), rows, 0, rows));
    assert_eq!(sum(&mut conn, &me).await, Decimal::ZERO);
}

/// The first large import of an installation meets workers whose plans were made for an empty table, and are kept.
#[tokio::test]
async fn plans_from_an_empty_table_do_not_hold_up_a_large_file() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    sqlx::raw_sql("ALTER TABLE transactions SET (autovacuum_enabled = false); ANALYZE transactions")
        .execute(&mut conn)
        .await
        .unwrap();
    for _ in 0..8 {
        let id = start(&db, &me, &statement(1, false), "").await;
        revert(&db, &me, id).await;
    }
    let file = statement(10_000, false);
    let id = import(&db, &me, &file, "").await;
    revert(&db, &me, id).await;
    assert_eq!(status(&mut conn, id).await, ("reverted".into(), 10_000, 0, 10_000));
}

#[tokio::test]
async fn a_revert_stops_an_import_under_way() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let file = statement(20, false);
    let id = start(&db, &me, &file, "").await;
    assert_eq!(work(&db, &me, id, &file, Instant::now()).await, Ran::More, "no time for a chunk");
    assert_eq!(ask_revert(&db, &me, id).await.unwrap().status, "running");
    assert_eq!(work(&db, &me, id, &file, far()).await, Ran::Done, "there is nothing left to do");
    revert_rest(&db, &me, id).await;
    assert_eq!(status(&mut conn, id).await, ("reverted".into(), 0, 0, 0));
    assert_eq!(sum(&mut conn, &me).await, Decimal::ZERO);
}

/// The worker has read its chunk and waits for the user's turn when the revert is asked for.
#[tokio::test]
async fn a_revert_that_is_asked_for_before_a_chunk_is_stored_keeps_it_out() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let file = statement(20, false);
    let id = start(&db, &me, &file, "").await;
    let mut turn = conn.begin().await.unwrap();
    let lock = "SELECT FROM user_seq WHERE user_id = $1 FOR UPDATE";
    sqlx::query(lock).bind(me.user_id).execute(&mut *turn).await.unwrap();
    let asked = async {
        let waiting =
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *turn).await.unwrap() == 0 {
            tokio::task::yield_now().await;
        }
        let ask = "UPDATE imports SET revert_asked_at = now() WHERE id = $1";
        sqlx::query(ask).bind(id).execute(&mut *turn).await.unwrap();
        turn.commit().await.unwrap();
    };
    let both = async { tokio::join!(work(&db, &me, id, &file, far()), asked) };
    let (ran, ()) = tokio::time::timeout(Duration::from_secs(20), both).await.expect("the worker waits for its turn");
    assert_eq!(ran, Ran::Done);
    assert_eq!(sum(&mut fresh.admin().await, &me).await, Decimal::ZERO);
}

#[tokio::test]
async fn a_row_that_is_not_booked_yet_is_named_and_left_out() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let file = "Date,Description,Amount,State\n2026-01-13,SHOP,-1.10,COMPLETED\n2026-01-14,SHOP,-2.20,PENDING\n\
                2026-01-15,SHOP,-3.30,COMPLETED\n";
    let id = import(&db, &me, file, "").await;
    assert_eq!(sum(&mut conn, &me).await, Decimal::new(440, 2));
    let faults: Vec<(i32, String)> = sqlx::query_as("SELECT line, code FROM import_errors WHERE import_id = $1")
        .bind(id)
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert_eq!(faults, [(3, "pending".to_owned())]);
}

async fn revert_rest(db: &Db, me: &Me, id: Uuid) {
    assert_eq!(imports::take_back(db, async || {}, me.user_id, id, far()).await.unwrap(), Ran::Done);
}

#[tokio::test]
async fn must_hold_14_somebody_elses_import_cannot_be_reverted() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let id = import(&db, &me, &statement(3, false), "").await;
    assert_eq!(ask_revert(&db, &other, id).await.unwrap_err().status, 404);
    imports::take_back(&db, async || {}, other.user_id, id, far()).await.unwrap();
    assert_eq!(sum(&mut fresh.admin().await, &me).await, Decimal::new(60, 2));
}

#[tokio::test]
async fn rows_with_and_without_the_banks_ids_are_the_same_rows() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    import(&db, &me, &statement(10, false), "").await;
    let named = import(&db, &me, &statement(12, true), "").await;
    assert_eq!(status(&mut conn, named).await, ("completed".into(), 2, 10, 0));
    let unnamed = import(&db, &me, &statement(12, false), "").await;
    assert_eq!(status(&mut conn, unnamed).await, ("completed".into(), 0, 12, 0));
}

#[tokio::test]
async fn must_hold_29_a_file_with_one_coffee_more_than_the_last_adds_that_one() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let coffees = |n: usize| format!("Date,Description,Amount\n{}", "2026-01-05,CORNER CAFE,-3.20\n".repeat(n));
    for (n, added, known) in [(1, 1, 0), (2, 1, 1), (2, 0, 2), (3, 1, 2)] {
        let id = import(&db, &me, &coffees(n), "").await;
        assert_eq!(status(&mut conn, id).await, ("completed".into(), added, known, 0), "{n}");
    }
}

#[tokio::test]
async fn a_revert_arms_budget_alerts_again() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let budget = body(&json!({
        "category": "Uncategorized", "amount": "10.00", "start_date": "2026-03-01", "end_date": "2026-03-31",
    }));
    db.tx(async |tx: &mut Tx| shared::domain::budgets::put(tx, &me, &budget).await).await.unwrap();
    sqlx::query("UPDATE budget_periods SET start_date = $1::date - 20, end_date = $1::date + 20")
        .bind(shared::platform::clock::now().date())
        .execute(&mut conn)
        .await
        .unwrap();
    let today = shared::platform::clock::now().date();
    let file = format!("Date,Description,Amount\n{today},NOBODY KNOWS,-12.00\n{today},NOBODY KNOWS,-1.00\n");
    let alerts = async |conn: &mut PgConnection| -> Vec<serde_json::Value> {
        let sql = "SELECT data FROM events WHERE user_id = $1 AND type = 'budget_alert' ORDER BY seq";
        sqlx::query_scalar(sql).bind(me.user_id).fetch_all(conn).await.unwrap()
    };
    for round in 1..=2 {
        let id = import(&db, &me, &file, "").await;
        let told = alerts(&mut conn).await;
        assert_eq!((told.len(), told[round - 1]["threshold"].as_i64()), (round, Some(110)));
        revert(&db, &me, id).await;
    }
}

#[tokio::test]
async fn an_import_keeps_the_mapping_it_began_with() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let file = "Date,Description,Amount\n01/02/2026,SHOP,-1.00\n03/02/2026,SHOP,-2.00\n";
    let refused = imports::shape_of(file.as_bytes(), &Options { default_currency: "USD".into(), ..Options::default() });
    let refused = refused.unwrap_err();
    assert_eq!((refused.status, refused.code), (422, "ambiguous_dates"));
    let mut mapping = refused.more["mapping"].clone();
    let mut save = async |order: &str| {
        mapping["date_order"] = json!(order);
        let new = body(&json!({"name": "My bank", "mapping": mapping}));
        db.tx(async |tx: &mut Tx| imports::save_mapping(tx, &me, &new).await).await.unwrap().id
    };
    let saved = save("dmy").await;
    let id = start(&db, &me, file, &format!("mapping={saved}")).await;
    assert_eq!(save("mdy").await, saved, "one of that name is replaced");
    sqlx::query("UPDATE users SET preferences = '{\"currency\": \"EUR\"}'").execute(&mut conn).await.unwrap();
    work(&db, &me, id, file, far()).await;
    let rows: Vec<(String, String)> = sqlx::query_as("SELECT date::text, currency FROM transactions ORDER BY date")
        .fetch_all(&mut conn)
        .await
        .unwrap();
    assert_eq!(rows, [("2026-02-01".into(), "USD".into()), ("2026-02-03".into(), "USD".into())]);
    let listed = db.tx(async |tx: &mut Tx| imports::mappings(tx, me.user_id).await).await.unwrap();
    assert_eq!((listed.data.len(), listed.data[0].mapping["date_order"].as_str()), (1, Some("mdy")));
    let other = fresh.user().await;
    let start = query::<imports::Start>(&format!("mapping={saved}"));
    let foreign = db.tx(async |tx: &mut Tx| imports::options(tx, &other, &start).await).await.unwrap_err();
    assert_eq!((foreign.status, foreign.errors[0].code.as_ref()), (422, "unknown_mapping"), "must_hold_15");
}

#[tokio::test]
async fn an_import_that_ended_every_worker_for_a_day_is_given_up() {
    let fresh = Fresh::new().await;
    let (db, me, mut conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
    let id = start(&db, &me, &statement(3, false), "").await;
    let stalled =
        async |later: time::Duration| imports::stalled(&db, NOW + later, time::Duration::minutes(2)).await.unwrap();
    assert!(stalled(time::Duration::minutes(1)).await.is_empty(), "its task may still come");
    let waiting = stalled(time::Duration::hours(1)).await;
    assert!(matches!(&waiting[..], [one] if one.id == id && !one.hopeless()));
    let waiting = stalled(time::Duration::days(2)).await;
    assert!(waiting[0].hopeless());
    imports::give_up(&db, &waiting[0]).await.unwrap();
    assert_eq!(status(&mut conn, id).await.0, "failed");
    assert!(stalled(time::Duration::days(2)).await.is_empty());
}
