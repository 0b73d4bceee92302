//! What is due, and when again.

use crate::support::{Fresh, NOW, body, call, matching};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        tasks::{
            Task,
            schedules::{self, Schedule},
        },
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
    },
};
use time::{Duration, OffsetDateTime, macros::datetime};

async fn make(db: &Db, me: &Me, settings: &Value) -> Result<Schedule, Problem> {
    let (call, new) = (call(me, "", None), body(settings));
    db.tx(async |tx: &mut Tx| schedules::create(tx, me, &call, &new).await).await
}

async fn tick(db: &Db, now: OffsetDateTime) -> Vec<Task> {
    db.tx(async |tx: &mut Tx| schedules::due(tx, now).await).await.unwrap()
}

async fn get(db: &Db, name: &str) -> Result<Schedule, Problem> {
    db.tx(async |tx: &mut Tx| schedules::get(tx, name).await).await
}

/// Ends the last task of a schedule, so that the next may begin.
async fn end(fresh: &Fresh) {
    let done = "UPDATE task_runs SET status = 'succeeded', finished_at = now() WHERE status = 'queued'";
    sqlx::query(done).execute(&mut fresh.admin().await).await.unwrap();
}

/// A database whose only schedule is this one.
async fn only(settings: &Value) -> (Fresh, Db, Me) {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    sqlx::query("DELETE FROM schedules").execute(&mut fresh.admin().await).await.unwrap();
    make(&db, &me, settings).await.unwrap();
    (fresh, db, me)
}

#[tokio::test]
async fn must_hold_37_a_tick_twice_late_or_missed_has_the_effect_of_one() {
    let (fresh, db, _) = only(&json!({"name": "hourly", "kind": "renew_budgets", "cron": "0 * * * *"})).await;
    assert_eq!(get(&db, "hourly").await.unwrap().next_at, Some(datetime!(2026-03-15 13:00 UTC)));
    assert!(tick(&db, NOW + Duration::minutes(59)).await.is_empty(), "too early");
    let due = NOW + Duration::hours(1);
    let queued = tick(&db, due).await;
    assert_eq!(queued.iter().map(|task| task.work.kind()).collect::<Vec<_>>(), ["renew_budgets"]);
    assert!(tick(&db, due).await.is_empty(), "twice");
    end(&fresh).await;
    assert_eq!(tick(&db, NOW + Duration::hours(30)).await.len(), 1, "missed for a day, run once");
    assert_eq!(get(&db, "hourly").await.unwrap().next_at, Some(NOW + Duration::hours(31)));
    // While its task waits or works the next one is left out, not piled up.
    assert!(tick(&db, NOW + Duration::hours(31)).await.is_empty());
    end(&fresh).await;
    assert_eq!(tick(&db, NOW + Duration::hours(32)).await.len(), 1);
}

#[tokio::test]
async fn must_hold_37_ticks_at_the_same_moment_queue_a_task_once() {
    let (fresh, _, _) = only(&json!({"name": "hourly", "kind": "sweep", "cron": "0 * * * *"})).await;
    let all = fresh.warm::<8>().await;
    let queued = futures_util::future::join_all(all.iter().map(|db| tick(db, NOW + Duration::hours(1)))).await;
    assert_eq!(queued.concat().len(), 1);
}

#[tokio::test]
async fn a_schedule_goes_by_the_clock_of_its_zone() {
    let berlin = json!({"name": "night", "kind": "sweep", "cron": "30 2 * * *", "timezone": "Europe/Berlin"});
    let (fresh, db, me) = only(&berlin).await;
    let after = async |now: OffsetDateTime| {
        let mut admin = fresh.admin().await;
        sqlx::query("UPDATE schedules SET next_at = $1").bind(now).execute(&mut admin).await.unwrap();
        end(&fresh).await;
        tick(&db, now).await;
        get(&db, "night").await.unwrap().next_at.unwrap()
    };
    // In spring 2:30 is left out: the hour after stands for it. In autumn it is shown twice and runs once.
    assert_eq!(after(datetime!(2026-03-28 12:00 UTC)).await, datetime!(2026-03-29 01:30 UTC));
    assert_eq!(after(datetime!(2026-03-29 01:30 UTC)).await, datetime!(2026-03-30 00:30 UTC));
    let autumn = after(datetime!(2026-10-24 12:00 UTC)).await;
    assert_eq!(autumn.date(), datetime!(2026-10-25 00:00 UTC).date());
    assert_eq!(after(autumn).await, datetime!(2026-10-26 01:30 UTC));
    let monday = json!({"name": "monday", "kind": "sweep", "cron": "0 8 * * 1", "timezone": "Asia/Kolkata"});
    let monday = make(&db, &me, &monday).await.unwrap();
    assert_eq!(monday.next_at, Some(datetime!(2026-03-16 02:30 UTC)));
}

#[tokio::test]
async fn a_schedule_is_changed_run_and_deleted_by_who_knows_its_state() {
    let settings = json!({"name": "mine", "kind": "sweep", "cron": "*/5 * * * *"});
    let (fresh, db, me) = only(&settings).await;
    let any = call(&me, "", None);
    assert_eq!(make(&db, &me, &settings).await.unwrap_err().code, "schedule_exists");
    let nowhere = json!({"name": "other", "kind": "sweep", "cron": "*/5 * * * *", "timezone": "Mars/Olympus"});
    assert_eq!(make(&db, &me, &nowhere).await.unwrap_err().errors[0].code, "unknown_timezone");
    let change = async |etag: &str, settings: Value| {
        let call = matching(&me, etag);
        let new = body(&settings);
        db.tx(async |tx: &mut Tx| schedules::replace(tx, &me, &call, "mine", &new).await).await
    };
    let off = json!({"kind": "sweep", "cron": "*/5 * * * *", "is_enabled": false});
    assert_eq!(change("\"7\"", off.clone()).await.unwrap_err().status, 412);
    let changed = change("\"1\"", off).await.unwrap();
    assert_eq!((changed.is_enabled, changed.next_at, changed.etag().as_str()), (false, None, "\"2\""));
    assert!(tick(&db, NOW + Duration::days(1)).await.is_empty(), "disabled");
    // By hand it runs all the same, once at a time.
    let run = async || db.tx(async |tx: &mut Tx| schedules::run(tx, &me, &any, "mine").await).await;
    let task = run().await.unwrap();
    assert_eq!(run().await.unwrap_err().code, "already_running");
    assert_eq!(get(&db, "mine").await.unwrap().last_task_id, task.id);
    // Enabled again it does not make up for what it missed.
    let later = Me { now: NOW + Duration::days(2), ..me.clone() };
    let on = body(&json!({"kind": "sweep", "cron": "*/5 * * * *"}));
    db.tx(async |tx: &mut Tx| schedules::replace(tx, &later, &any, "mine", &on).await).await.unwrap();
    assert!(tick(&db, NOW + Duration::days(2)).await.is_empty());
    db.tx(async |tx: &mut Tx| schedules::delete(tx, &me, &any, "mine").await).await.unwrap();
    assert_eq!(get(&db, "mine").await.unwrap_err().status, 404);
    let audited: Vec<String> = sqlx::query_scalar("SELECT action FROM audit_log WHERE target = 'mine' ORDER BY id")
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap();
    let done = ["created", "changed", "run", "changed", "deleted"].map(|what| format!("schedule.{what}"));
    assert_eq!(audited, done);
}
