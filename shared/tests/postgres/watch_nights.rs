//! What is looked at every night: the planner's statistics, and files that were pinned.

use crate::{
    support::{Fresh, NOW, create},
    watch::{alerts, both, soon, waiting},
};
use serde_json::json;
use shared::{
    domain::watch::{
        maintain::{LIMITS, Limits, Maintained, maintain},
        pins::{self, Checked},
    },
    platform::{
        clock,
        db::{Db, Tx},
        outside::Outside,
        problem::Problem,
    },
};
use std::cell::{Cell, RefCell};
use time::{Duration, OffsetDateTime};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use uuid::Uuid;

async fn maintained(fresh: &Fresh, limits: &Limits) -> Maintained {
    maintain(&fresh.db(), limits, &both(), clock::now(), soon()).await.unwrap()
}

async fn admin(fresh: &Fresh, sql: &'static str) {
    sqlx::raw_sql(sql).execute(&mut fresh.admin().await).await.unwrap();
}

#[tokio::test]
async fn statistics_that_are_stale_are_gathered_and_tables_that_vacuum_leaves_behind_are_told() {
    let fresh = Fresh::new().await;
    admin(&fresh, "ALTER TABLE merchant_aliases SET (autovacuum_enabled = off)").await;
    admin(
        &fresh,
        "INSERT INTO merchant_master (id, canonical_name, category) VALUES (gen_random_uuid(), 'Shop', 'Shopping');
         INSERT INTO merchant_aliases (alias_key, merchant_id)
         SELECT 'alias ' || n, (SELECT id FROM merchant_master LIMIT 1) FROM generate_series(1, 3000) AS n;
         DELETE FROM merchant_aliases WHERE alias_key LIKE 'alias 1%';
         -- Else Postgres tells of changes up to a second late.
         SELECT pg_stat_force_next_flush()",
    )
    .await;
    let few = Limits { dead: 300, ..LIMITS };
    let done = maintained(&fresh, &few).await;
    assert!(done.analyzed.contains(&"merchant_aliases".to_owned()), "{done:?}");
    assert!(done.analyzed.contains(&"events".to_owned()), "a table of partitions: {done:?}");
    assert_eq!((done.not_analyzed.len(), done.alerts.begun), (0, 1));
    let rows: f32 = sqlx::query_scalar("SELECT reltuples FROM pg_class WHERE relname = 'merchant_aliases'")
        .fetch_one(&mut fresh.admin().await)
        .await
        .unwrap();
    assert!(rows > 1000.0, "{rows}");
    let alert = alerts(&fresh).await.remove(0);
    assert_eq!((alert.kind.as_str(), alert.subject.as_str()), ("vacuum_behind", "merchant_aliases"));
    // Again it finds nothing to gather; and once VACUUM has been there the alert is over.
    assert_eq!(maintained(&fresh, &few).await.analyzed, Vec::<String>::new());
    admin(&fresh, "VACUUM merchant_aliases").await;
    assert_eq!(maintained(&fresh, &few).await.alerts.over, 1);
    assert_eq!(waiting(&fresh).await.len(), 4);
}

#[tokio::test]
async fn a_statement_that_is_slow_is_told_by_its_id_and_without_a_value() {
    let fresh = Fresh::new().await;
    let mut writer = fresh.connect("tallybook_write").await;
    // The server knows nothing of statements where it was not told to load what counts them.
    if sqlx::query("SELECT 1 FROM pg_stat_statements LIMIT 1").execute(&mut fresh.admin().await).await.is_err() {
        assert_eq!(maintained(&fresh, &LIMITS).await.alerts.begun, 0);
        return;
    }
    for _ in 0..3 {
        sqlx::query("SELECT pg_sleep(0.06), 'secret'::text, $1::text").bind("4.20").execute(&mut writer).await.unwrap();
        admin(&fresh, "SELECT pg_sleep(0.06), 'administrator'").await;
    }
    assert_eq!(maintained(&fresh, &LIMITS).await.alerts.begun, 0, "three times are no rule");
    let few = Limits { slow_ms: 50, slow_calls: 3, ..LIMITS };
    assert_eq!(maintained(&fresh, &few).await.alerts.begun, 1);
    let alert = alerts(&fresh).await.remove(0);
    assert_eq!(alert.kind, "statement_slow");
    assert!(alert.subject.parse::<i64>().is_ok(), "{}", alert.subject);
    assert!(alert.detail.starts_with("3 times, 6") && alert.detail.contains("pg_sleep"), "{}", alert.detail);
    for value in ["secret", "4.20", "administrator"] {
        assert!(!alert.detail.contains(value), "{}", alert.detail);
    }
    let reset =
        "SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)";
    admin(&fresh, reset).await;
    assert_eq!(maintained(&fresh, &few).await.alerts.over, 1, "set back, it is over");
}

#[tokio::test]
async fn the_writing_role_gathers_statistics_of_our_tables_and_of_no_others() {
    let fresh = Fresh::new().await;
    admin(&fresh, "CREATE TABLE theirs (id integer)").await;
    let mut writer = fresh.connect("tallybook_write").await;
    for (table, works) in [("users", true), ("theirs", false), ("pg_class", false), ("users; DROP TABLE users", false)]
    {
        let done = sqlx::query("SELECT analyze_table($1)").bind(table).execute(&mut writer).await;
        assert_eq!(done.is_ok(), works, "{table}: {done:?}");
    }
    let locked = sqlx::query("LOCK TABLE users IN ACCESS EXCLUSIVE MODE").execute(&mut writer).await;
    assert!(locked.is_err(), "nor may it lock them");
    let mut reader = fresh.connect("tallybook_read").await;
    assert!(sqlx::query("SELECT analyze_table('users')").execute(&mut reader).await.is_err());
}

/// So many transactions of one user with a pinned file each: `cid0`, `cid1`, …
async fn pinned(fresh: &Fresh, count: usize) -> (Db, Vec<Uuid>) {
    let (db, me) = (fresh.db(), fresh.user().await);
    let mut ids = Vec::new();
    for n in 0..count {
        let made = create(&db, &me, &json!({"amount": "1.00", "date": "2026-03-01", "merchant_raw": "Shop"})).await;
        sqlx::query("UPDATE transactions SET ipfs_cid = $2 WHERE id = $1")
            .bind(made.id)
            .bind(format!("cid{n}"))
            .execute(&mut fresh.admin().await)
            .await
            .unwrap();
        ids.push(made.id);
    }
    (db, ids)
}

async fn night(db: &Db, now: OffsetDateTime, head: impl AsyncFn(&str) -> Result<u16, Problem>) -> Checked {
    pins::check(db, head, &both(), now).await.unwrap()
}

#[tokio::test]
async fn a_file_that_is_gone_is_told_once_and_once_more_when_it_is_back() {
    let fresh = Fresh::new().await;
    let (db, ids) = pinned(&fresh, 3).await;
    let gone = async |cid: &str| Ok(if cid == "cid1" { 404 } else { 200 });
    let first = night(&db, NOW, gone).await;
    assert_eq!((first.there, first.gone, first.unanswered, first.alerts.begun), (2, 1, 0, 1));
    assert_eq!(night(&db, NOW + Duration::DAY, gone).await.alerts.begun, 0);
    let alert = alerts(&fresh).await.remove(0);
    assert_eq!((alert.kind.as_str(), alert.count), ("pins_lost", 2));
    assert_eq!(alert.detail, format!("Files of transactions that are gone: 1. The first: {}.", ids[1]));
    let back = night(&db, NOW + Duration::days(2), async |_: &str| Ok(200)).await;
    assert_eq!((back.there, back.alerts.over), (3, 1));
}

#[tokio::test]
async fn a_file_that_is_not_found_in_time_is_gone_after_three_nights_not_after_three_looks() {
    let fresh = Fresh::new().await;
    let (db, _) = pinned(&fresh, 2).await;
    let late = async |cid: &str| Ok(if cid == "cid0" { 504 } else { 200 });
    for hours in [0, 1, 2, 24, 25] {
        let looked = night(&db, NOW + Duration::hours(hours), late).await;
        assert_eq!((looked.unanswered, looked.alerts.begun), (1, 0), "after {hours} hours");
    }
    assert_eq!(night(&db, NOW + Duration::hours(48), late).await.alerts.begun, 1);
    // What nobody has any more is no loss.
    admin(&fresh, "UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE ipfs_cid = 'cid0'").await;
    assert_eq!(night(&db, NOW + Duration::days(3), late).await.alerts.over, 1);
}

#[tokio::test]
async fn a_gateway_that_answers_nothing_says_nothing_about_files() {
    let fresh = Fresh::new().await;
    let (db, _) = pinned(&fresh, 3).await;
    for day in 0..4 {
        let away = async |_: &str| Err(Problem::unavailable("no answer"));
        let looked = night(&db, NOW + Duration::days(day), away).await;
        assert_eq!((looked.unanswered, looked.alerts.begun), (3, usize::from(day == 0)));
    }
    let all: Vec<_> = alerts(&fresh).await.into_iter().map(|alert| alert.kind).collect();
    assert_eq!(all, ["gateway_silent"]);
    let missing: i64 =
        sqlx::query_scalar("SELECT count(*) FROM missing_pins").fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(missing, 0);
}

#[tokio::test]
async fn nights_go_through_all_files_in_turn() {
    let fresh = Fresh::new().await;
    let (db, _) = pinned(&fresh, 130).await;
    let asked = RefCell::new(Vec::new());
    let head = async |cid: &str| {
        asked.borrow_mut().push(cid.to_owned());
        Ok(200)
    };
    for (day, count) in [(0, 100), (1, 30), (2, 100)] {
        asked.borrow_mut().clear();
        night(&db, NOW + Duration::days(day), head).await;
        assert_eq!(asked.borrow().len(), count, "night {day}");
    }
}

/// A server on this machine that answers each request with the next of these, and what it was asked.
async fn stand_in(answers: Vec<&'static str>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let mut length = 0;
            loop {
                length += stream.read(&mut request[length..]).await.unwrap();
                let text = String::from_utf8_lossy(&request[..length]).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let told = head
                    .lines()
                    .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
                if body.len() >= told.map_or(0, |length| length.parse().unwrap()) {
                    break asked.push(text);
                }
            }
            stream
                .write_all(format!("HTTP/1.1 {answer}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").as_bytes())
                .await
                .unwrap();
        }
        asked
    });
    (url, serve)
}

#[tokio::test]
async fn servers_outside_are_asked_once_and_no_redirect_is_followed() {
    let (url, served) = stand_in(vec!["404 Not Found", "200 OK", "302 Found\r\nlocation: /elsewhere"]).await;
    let outside = Outside::new(true);
    assert_eq!(outside.head(&format!("{url}/ipfs/cid0")).await.unwrap(), 404);
    assert_eq!(outside.post(&format!("{url}/hook"), r#"{"text":"x"}"#.into()).await.unwrap(), 200);
    assert_eq!(outside.post(&format!("{url}/hook"), "{}".into()).await.unwrap(), 302);
    let asked = served.await.unwrap();
    assert!(asked[0].starts_with("HEAD /ipfs/cid0 HTTP/1.1\r\n"), "{}", asked[0]);
    let lower = asked[1].to_lowercase();
    assert!(
        lower.contains("content-type: application/json\r\n") && asked[1].ends_with(r#"{"text":"x"}"#),
        "{}",
        asked[1]
    );
}

#[tokio::test]
async fn a_server_outside_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let took = std::time::Instant::now();
    let silent = Outside::new(true).head(&url).await.unwrap_err();
    assert_eq!(silent.to_string(), "503 unavailable: timed out");
    assert!((9..14).contains(&took.elapsed().as_secs()), "{:?}", took.elapsed());
    let closed = Cell::new(listener);
    drop(closed);
    assert_eq!(Outside::new(true).head(&url).await.unwrap_err().to_string(), "503 unavailable: no answer");
}

#[tokio::test]
async fn an_erased_account_takes_its_missing_files_with_it() {
    let fresh = Fresh::new().await;
    let (db, ids) = pinned(&fresh, 2).await;
    night(&db, NOW, async |cid: &str| Ok(if cid == "cid1" { 404 } else { 200 })).await;
    let delete = async |tx: &mut Tx| {
        let gone = sqlx::query("DELETE FROM transactions WHERE id = $1").bind(ids[1]).execute(tx).await;
        Ok::<_, Problem>(gone.map(drop)?)
    };
    db.tx(delete).await.unwrap();
    let missing: i64 =
        sqlx::query_scalar("SELECT count(*) FROM missing_pins").fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(missing, 0);
}
