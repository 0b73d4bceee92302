//! What goes wrong is found, told once, and told once more when it is over.

use crate::support::{Fresh, NOW};
use shared::{
    domain::watch::{self, Finding, Kind, Noted, OperationsAlert, Targets, canary, look, report, tell},
    platform::{
        db::{Db, Tx},
        problem::Problem,
    },
};
use sqlx::PgConnection;
use std::{
    cell::{Cell, RefCell},
    time::{Duration as Span, Instant},
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

pub fn both() -> Targets {
    Targets { mail: true, webhook: true, stage: "test".into(), page: "https://api.example.com/admin".into() }
}

pub fn soon() -> Instant {
    Instant::now() + Span::from_mins(1)
}

async fn watch(db: &Db, now: OffsetDateTime) -> Noted {
    db.tx(async |tx: &mut Tx| look::watch(tx, &both(), now).await).await.unwrap()
}

pub async fn alerts(fresh: &Fresh) -> Vec<OperationsAlert> {
    fresh.read_db().tx(async |tx: &mut Tx| watch::list(tx).await).await.unwrap().data
}

/// Channel and subject of all that waits to be told, in the order it was written.
pub async fn waiting(fresh: &Fresh) -> Vec<(String, String)> {
    let all = sqlx::query_as("SELECT channel, subject FROM notices ORDER BY id");
    all.fetch_all(&mut fresh.admin().await).await.unwrap()
}

async fn run(conn: &mut PgConnection, kind: &str, status: &str, error: &str, at: OffsetDateTime) {
    let row = "INSERT INTO task_runs (id, kind, queue, status, error, created_at, started_at, finished_at)
               VALUES ($1, $2, 'default', $3, $4, $5, $5, $5)";
    let query = sqlx::query(row).bind(Uuid::now_v7()).bind(kind).bind(status).bind(error).bind(at);
    query.execute(conn).await.unwrap();
}

/// What the clock noted of a queue, minute by minute up to now.
async fn samples(conn: &mut PgConnection, queue: &str, waiting: &[i32], now: OffsetDateTime) {
    for (ago, waiting) in waiting.iter().rev().enumerate() {
        let at = now - Duration::minutes(i64::try_from(ago).unwrap());
        let row = "INSERT INTO queue_samples (queue, at, waiting, in_flight, dead) VALUES ($1, $2, $3, 0, 0)
                   ON CONFLICT (queue, at) DO UPDATE SET waiting = excluded.waiting";
        sqlx::query(row).bind(queue).bind(at).bind(waiting).execute(&mut *conn).await.unwrap();
    }
}

#[tokio::test]
async fn must_hold_37_what_is_given_up_again_and_again_is_told_once_however_often_it_is_looked_for() {
    let fresh = Fresh::new().await;
    let (db, mut admin) = (fresh.db(), fresh.admin().await);
    for minutes in [50, 30] {
        run(&mut admin, "mail", "dead", "503 unavailable: mail", NOW - Duration::minutes(minutes)).await;
    }
    run(&mut admin, "mail", "dead", "old", NOW - Duration::minutes(61)).await;
    run(&mut admin, "erase", "dead", "another kind", NOW).await;
    assert_eq!(watch(&db, NOW).await, Noted::default(), "two of a kind within an hour");
    run(&mut admin, "mail", "dead", "503 unavailable: the last", NOW).await;
    assert_eq!(watch(&db, NOW).await, Noted { begun: 1, over: 0 });
    assert_eq!(watch(&db, NOW).await, Noted::default(), "twice in the same minute");
    assert_eq!(watch(&db, NOW + Duration::minutes(1)).await, Noted::default());
    let alert = alerts(&fresh).await.remove(0);
    assert_eq!((alert.kind.as_str(), alert.subject.as_str(), alert.count), ("task_given_up", "mail", 3));
    assert_eq!(alert.detail, "3 were given up within an hour. The last error: 503 unavailable: the last");
    assert_eq!((alert.first_seen_at, alert.last_seen_at), (NOW, NOW + Duration::minutes(1)));
    // An hour later they are no longer many. Missed looks in between change nothing.
    let later = NOW + Duration::minutes(75);
    assert_eq!(watch(&db, later).await, Noted { begun: 0, over: 1 });
    assert_eq!(watch(&db, later + Duration::minutes(1)).await, Noted::default());
    assert_eq!(alerts(&fresh).await[0].resolved_at, Some(later));
    let (begun, over) =
        ("[test] Tasks are given up: mail".to_owned(), "[test] Over: Tasks are given up: mail".to_owned());
    let told = [&begun, &begun, &over, &over].into_iter().zip(["mail", "webhook"].into_iter().cycle());
    assert_eq!(waiting(&fresh).await, told.map(|(subject, to)| (to.to_owned(), subject.clone())).collect::<Vec<_>>());
    // The next occurrence is another alert.
    for _ in 0..3 {
        run(&mut admin, "mail", "dead", "again", later).await;
    }
    assert_eq!(watch(&db, later + Duration::minutes(2)).await.begun, 1);
    assert_eq!(alerts(&fresh).await.len(), 2);
}

#[tokio::test]
async fn must_hold_34_looks_at_the_same_moment_begin_and_end_an_alert_once() {
    let fresh = Fresh::new().await;
    samples(&mut fresh.admin().await, "low", &[2000], NOW).await;
    let all = fresh.warm::<8>().await;
    let look_at = async |now| {
        let noted = futures_util::future::join_all(all.iter().map(|db| watch(db, now))).await;
        noted.iter().fold((0, 0), |(begun, over), one| (begun + one.begun, over + one.over))
    };
    assert_eq!(look_at(NOW).await, (1, 0));
    assert_eq!(look_at(NOW + Duration::HOUR).await, (0, 1));
    assert_eq!(waiting(&fresh).await.len(), 4, "each once to each target");
}

#[tokio::test]
async fn a_deep_queue_is_told_and_one_that_comes_and_goes_is_told_once() {
    let fresh = Fresh::new().await;
    let (db, mut admin) = (fresh.db(), fresh.admin().await);
    samples(&mut admin, "high", &[1000], NOW).await;
    assert_eq!(watch(&db, NOW).await.begun, 0, "a thousand are not deep");
    for (minute, depth) in [(1, 1001), (2, 900), (3, 1002), (4, 5)] {
        let now = NOW + Duration::minutes(minute);
        samples(&mut admin, "high", &[depth], now).await;
        assert_eq!(watch(&db, now).await, Noted { begun: usize::from(minute == 1), over: 0 }, "{minute}");
    }
    assert_eq!(alerts(&fresh).await[0].detail, "1002 messages wait.");
    assert_eq!(watch(&db, NOW + Duration::minutes(6)).await.over, 1);
}

#[tokio::test]
async fn a_worker_that_begins_with_nothing_while_messages_wait_is_told() {
    let fresh = Fresh::new().await;
    let (db, mut admin) = (fresh.db(), fresh.admin().await);
    // Nobody has ever worked for relay in a way that is noted.
    for queue in ["default", "relay", "low"] {
        samples(&mut admin, queue, &[3, 3, 4, 4, 5], NOW).await;
    }
    samples(&mut admin, "high", &[3, 0, 4, 4, 5], NOW).await;
    let runs = [("default", Duration::minutes(6)), ("high", Duration::minutes(6)), ("low", Duration::minutes(2))];
    for (queue, ago) in runs {
        run(&mut admin, "some", "succeeded", "", NOW - ago).await;
        let of = "UPDATE task_runs SET queue = $1 WHERE finished_at = $2 AND queue = 'default'";
        sqlx::query(of).bind(queue).bind(NOW - ago).execute(&mut admin).await.unwrap();
    }
    assert_eq!(watch(&db, NOW).await.begun, 0, "the last run of default went to high");
    // What is put off, for the release that knows it, nobody is to begin with.
    sqlx::query("UPDATE queue_samples SET delayed = waiting").execute(&mut admin).await.unwrap();
    run(&mut admin, "some", "succeeded", "", NOW - Duration::minutes(6)).await;
    assert_eq!(watch(&db, NOW).await.begun, 0);
    sqlx::query("UPDATE queue_samples SET delayed = 1").execute(&mut admin).await.unwrap();
    run(&mut admin, "some", "succeeded", "", NOW - Duration::minutes(6)).await;
    assert_eq!(watch(&db, NOW).await.begun, 1);
    let alert = alerts(&fresh).await.remove(0);
    assert_eq!((alert.kind.as_str(), alert.subject.as_str()), ("worker_silent", "default"));
    run(&mut admin, "some", "succeeded", "", NOW + Duration::minutes(4)).await;
    samples(&mut admin, "default", &[5, 5, 5, 5], NOW + Duration::minutes(4)).await;
    assert_eq!(watch(&db, NOW + Duration::minutes(4)).await.over, 1);
}

/// Begins an alert that both targets are to hear of.
async fn one_alert(fresh: &Fresh) -> Db {
    let db = fresh.db();
    samples(&mut fresh.admin().await, "low", &[2000], NOW).await;
    assert_eq!(watch(&db, NOW).await.begun, 1);
    db
}

#[tokio::test]
async fn must_hold_33_a_target_that_is_away_hears_of_it_later_and_the_other_at_once() {
    let fresh = Fresh::new().await;
    let db = one_alert(&fresh).await;
    let (taken, is_away) = (RefCell::new(Vec::new()), Cell::new(true));
    let told = async |now| {
        let send = async |notice: &tell::Notice| {
            if notice.channel == "webhook" && is_away.get() {
                return Err(Problem::unavailable("answered 500"));
            }
            taken.borrow_mut().push(notice.channel.clone());
            Ok(())
        };
        let told = tell::tell_by(&db, send, now, soon()).await.unwrap();
        (told.told, told.failed)
    };
    assert_eq!(told(NOW).await, (1, 1));
    assert_eq!(told(NOW).await, (0, 0), "not before its pause is over");
    let targets = fresh.read_db().tx(async |tx: &mut Tx| watch::list(tx).await).await.unwrap().targets;
    let said: Vec<_> = targets.iter().map(|one| (one.told_at.is_some(), one.error.clone(), one.waiting)).collect();
    assert_eq!(said, [(true, None, 0), (false, Some("503 unavailable: answered 500".into()), 1)]);
    assert_eq!(alerts(&fresh).await[0].told_at, Some(NOW));
    is_away.set(false);
    assert_eq!(told(NOW + Duration::minutes(2)).await, (1, 0));
    assert_eq!(told(NOW + Duration::minutes(9)).await, (0, 0));
    assert_eq!(*taken.borrow(), ["mail", "webhook"]);
}

#[tokio::test]
async fn a_target_that_is_away_for_a_day_hears_nothing_of_it_any_more() {
    let fresh = Fresh::new().await;
    let db = one_alert(&fresh).await;
    let tries = Cell::new(0);
    let fail = async |_: &tell::Notice| {
        tries.set(tries.get() + 1);
        Err(Problem::unavailable("answered 500"))
    };
    for minutes in 0..=(25 * 60) {
        let now = NOW + Duration::minutes(minutes);
        if minutes % 7 == 0 {
            tell::tell_by(&db, fail, now, soon()).await.unwrap();
        }
    }
    assert_eq!(waiting(&fresh).await.len(), 0);
    assert!((80..160).contains(&tries.get()), "{} tries of two targets in a day", tries.get());
}

#[tokio::test]
async fn must_hold_34_senders_at_the_same_moment_tell_each_notice_once() {
    let fresh = Fresh::new().await;
    one_alert(&fresh).await;
    let (all, told) = (fresh.warm::<8>().await, Cell::new(0));
    let send = async |_: &tell::Notice| {
        tokio::time::sleep(Span::from_millis(20)).await;
        told.set(told.get() + 1);
        Ok(())
    };
    let send = &send;
    let senders = all.iter().map(|db| async move { tell::tell_by(db, send, NOW, soon()).await.unwrap() });
    futures_util::future::join_all(senders).await;
    assert_eq!((told.get(), waiting(&fresh).await.len()), (2, 0));
}

#[tokio::test]
async fn must_hold_37_a_day_of_failures_is_reported_once_and_one_without_not_at_all() {
    let fresh = Fresh::new().await;
    let (db, mut admin) = (fresh.db(), fresh.admin().await);
    let at = |day: i64| datetime!(2026-03-15 06:00 UTC) + Duration::days(day);
    let report = async |now| db.tx(async |tx: &mut Tx| report::report(tx, &both(), now).await).await.unwrap();
    run(&mut admin, "mail", "succeeded", "", at(-1)).await;
    assert!(!report(at(0)).await.told, "nothing failed");
    assert_eq!(waiting(&fresh).await, []);
    run(&mut admin, "mail", "dead", "503 <unavailable>", at(0)).await;
    run(&mut admin, "mail", "failed", "500 internal", at(0) + Duration::HOUR).await;
    run(&mut admin, "erase", "dead", "", at(0)).await;
    assert!(!report(at(0)).await.told, "today is reported tomorrow");
    let told = report(at(1)).await;
    assert_eq!((told.told, told.dead, told.failed), (true, 2, 1));
    assert!(!report(at(1)).await.told, "twice");
    assert!(!report(at(1) + Duration::hours(17)).await.told, "late");
    assert_eq!(waiting(&fresh).await.len(), 2);
    let body: String = sqlx::query_scalar("SELECT body FROM notices LIMIT 1").fetch_one(&mut admin).await.unwrap();
    let said = "From 2026-03-15 00:00 to 2026-03-16 00:00 UTC:\n\nerase: 1 given up, 0 to be tried again\n\
                mail: 1 given up, 1 to be tried again\n  last error: 500 internal\n\nDead letters now: none";
    assert!(body.starts_with(said), "{body}");
    // Two days that were missed are made up for together.
    run(&mut admin, "mail", "dead", "", at(1)).await;
    run(&mut admin, "mail", "dead", "", at(2)).await;
    assert_eq!(report(at(3)).await.dead, 2);
}

#[tokio::test]
async fn three_failures_of_health_in_a_row_are_told_and_the_first_success_ends_them() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let canary = async |minute: i64, failing: &[&str]| {
        let failing: Vec<_> = failing.iter().map(|&name| name.to_owned()).collect();
        let now = NOW + Duration::minutes(minute);
        let noted = db.tx(async |tx: &mut Tx| canary::take_note(tx, &failing, &both(), now).await).await.unwrap();
        (noted.begun, noted.over)
    };
    assert_eq!(canary(0, &["keys", "limits"]).await, (0, 0));
    assert_eq!(canary(1, &["keys"]).await, (0, 0));
    assert_eq!(canary(2, &["keys", "limits"]).await, (1, 0), "limits answered in between");
    assert_eq!(canary(3, &["keys"]).await, (0, 0));
    assert_eq!(canary(4, &[]).await, (0, 1));
    assert_eq!(canary(5, &["keys"]).await, (0, 0));
    let alert = alerts(&fresh).await.remove(0);
    assert_eq!((alert.subject.as_str(), alert.count), ("keys", 2));
}

#[tokio::test]
async fn a_subject_of_any_length_and_kind_is_kept_and_told() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let found = [Finding { kind: Kind::QueueDeep, subject: "x\r\n".repeat(300), detail: "ä".repeat(5000) }];
    let note = async |tx: &mut Tx| watch::note(tx, (&[Kind::QueueDeep], &found, Duration::ZERO), &both(), NOW).await;
    assert_eq!(db.tx(note).await.unwrap().begun, 1);
    let subject = waiting(&fresh).await.remove(0).1;
    assert!(!subject.contains(['\r', '\n']) && subject.chars().count() <= 200, "{subject}");
}
