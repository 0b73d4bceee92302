//! Whose summary is due when, and that each is written once.

use crate::support::{
    Fresh, at_once,
    post::{addresses, deliver, wants, write_due},
};
use shared::{
    domain::{
        auth::{Me, link_of_mail},
        mails::{self, Letter, Summary},
    },
    platform::{db::Db, problem::Problem, queue::Ran},
};
use std::time::Instant;
use time::{Date, Duration, OffsetDateTime, macros::date, macros::datetime};
use uuid::Uuid;

const BOTH: [&str; 2] = ["weekly_summary", "monthly_report"];

/// The first days of what these mails sum up.
async fn periods(fresh: &Fresh, mails: &[Uuid]) -> Vec<Date> {
    let all = "SELECT (about ->> 'period')::date FROM mails WHERE id = ANY($1) ORDER BY 1";
    sqlx::query_scalar(all).bind(mails).fetch_all(&mut fresh.admin().await).await.unwrap()
}

async fn due(fresh: &Fresh, db: &Db, summary: Summary, now: OffsetDateTime) -> Vec<Date> {
    periods(fresh, &write_due(db, summary, now).await).await
}

async fn spend(fresh: &Fresh, me: &Me, date: Date) {
    let row = "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, category, source, changed_seq)
               VALUES ($1, $2, 7.11, 'EUR', $3, 'Corner shop', 1, 'Groceries', 'csv', 1)";
    let row = sqlx::query(row).bind(me.user_id).bind(Uuid::now_v7()).bind(date);
    row.execute(&mut fresh.admin().await).await.unwrap();
}

const NONE: [Date; 0] = [];

#[tokio::test]
async fn must_hold_37_a_week_is_summed_up_once_late_by_a_day_at_most() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    wants(&fresh, &me, "UTC", &BOTH).await;
    let week = async |now| due(&fresh, &db, Summary::Weekly, now).await;
    assert_eq!(week(datetime!(2026-03-15 23:59 UTC)).await, NONE, "still Sunday");
    assert_eq!(week(datetime!(2026-03-16 07:59 UTC)).await, NONE, "too early");
    assert_eq!(week(datetime!(2026-03-16 08:00 UTC)).await, [date!(2026 - 03 - 09)]);
    assert_eq!(week(datetime!(2026-03-16 08:00 UTC)).await, NONE, "twice");
    assert_eq!(week(datetime!(2026-03-17 07:59 UTC)).await, NONE, "again a day later");
    assert_eq!(week(datetime!(2026-03-24 07:59 UTC)).await, [date!(2026 - 03 - 16)], "late by a day");
    assert_eq!(week(datetime!(2026-03-31 08:00 UTC)).await, NONE, "missed for longer");
    assert_eq!(week(datetime!(2026-04-06 08:00 UTC)).await, [date!(2026 - 03 - 30)], "and the next one comes");
    assert_eq!(week(datetime!(2026-03-16 09:00 UTC)).await, NONE, "a clock that goes back");
}

#[tokio::test]
async fn must_hold_37_a_month_is_summed_up_once_late_by_a_week_at_most() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    wants(&fresh, &me, "UTC", &BOTH).await;
    let month = async |now| due(&fresh, &db, Summary::Monthly, now).await;
    assert_eq!(month(datetime!(2026-03-31 23:59 UTC)).await, NONE);
    assert_eq!(month(datetime!(2026-04-01 00:00 UTC)).await, [date!(2026 - 03 - 01)]);
    assert_eq!(month(datetime!(2026-04-01 00:00 UTC)).await, NONE, "twice");
    assert_eq!(month(datetime!(2026-04-07 23:59 UTC)).await, NONE, "again a week later");
    assert_eq!(month(datetime!(2026-05-07 23:59 UTC)).await, [date!(2026 - 04 - 01)], "late by a week");
    assert_eq!(month(datetime!(2026-06-08 00:00 UTC)).await, NONE, "missed for longer");
    assert_eq!(month(datetime!(2028-03-01 00:00 UTC)).await, [date!(2028 - 02 - 01)]);
    assert_eq!(month(datetime!(2029-01-01 00:00 UTC)).await, [date!(2028 - 12 - 01)]);
}

#[tokio::test]
async fn must_hold_37_sixteen_at_the_same_moment_write_each_mail_once() {
    let fresh = Fresh::new().await;
    let all = fresh.warm().await;
    for _ in 0..5 {
        wants(&fresh, &fresh.user().await, "UTC", &BOTH).await;
    }
    let mut monday = datetime!(2026-03-16 08:00 UTC);
    for _ in 0..20 {
        for written in at_once(&all, async |db: &Db| {
            mails::write_due(
                db,
                Summary::Weekly,
                async |_: Vec<Uuid>| {},
                monday,
                Instant::now() + std::time::Duration::from_mins(2),
            )
            .await
        })
        .await
        {
            assert_eq!(written.unwrap(), Ran::Done);
        }
        monday += Duration::weeks(1);
    }
    let count = "SELECT count(*), count(DISTINCT (user_id, about ->> 'period')) FROM mails";
    let count: (i64, i64) = sqlx::query_as(count).fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(count, (100, 100));
}

/// Runs every hour, and says at which each zone's mail was written.
async fn hours(fresh: &Fresh, zones: &[&str], summary: Summary, from: OffsetDateTime) -> Vec<Vec<OffsetDateTime>> {
    let (db, mut users) = (fresh.db(), Vec::new());
    for zone in zones {
        let me = fresh.user().await;
        wants(fresh, &me, zone, &BOTH).await;
        users.push(me.user_id);
    }
    let mut written = vec![Vec::new(); zones.len()];
    for hour in 0..80 {
        let now = from + Duration::hours(hour);
        let mails = write_due(&db, summary, now).await;
        let of = "SELECT user_id FROM mails WHERE id = ANY($1)";
        let of: Vec<Uuid> = sqlx::query_scalar(of).bind(mails).fetch_all(&mut fresh.admin().await).await.unwrap();
        for user in of {
            written[users.iter().position(|one| *one == user).unwrap()].push(now);
        }
    }
    written
}

#[tokio::test]
async fn each_user_has_a_clock_either_side_of_the_date_line_and_of_summer_time() {
    let fresh = Fresh::new().await;
    // In Berlin the clock goes forward in the night to this Monday's Sunday; in New York it did three weeks before.
    let zones = ["Pacific/Kiritimati", "Asia/Kolkata", "Europe/Berlin", "UTC", "America/New_York", "Pacific/Pago_Pago"];
    let expected = [
        datetime!(2026-03-29 18:00 UTC),
        datetime!(2026-03-30 03:00 UTC),
        datetime!(2026-03-30 06:00 UTC),
        datetime!(2026-03-30 08:00 UTC),
        datetime!(2026-03-30 12:00 UTC),
        datetime!(2026-03-30 19:00 UTC),
    ];
    let written = hours(&fresh, &zones, Summary::Weekly, datetime!(2026-03-28 12:00 UTC)).await;
    assert_eq!(written, expected.map(|at| vec![at]));
    let expected = [
        datetime!(2026-03-31 10:00 UTC),
        datetime!(2026-03-31 19:00 UTC),
        datetime!(2026-03-31 22:00 UTC),
        datetime!(2026-04-01 00:00 UTC),
        datetime!(2026-04-01 04:00 UTC),
        datetime!(2026-04-01 11:00 UTC),
    ];
    let again = Fresh::new().await;
    let written = hours(&again, &zones, Summary::Monthly, datetime!(2026-03-30 10:00 UTC)).await;
    assert_eq!(written, expected.map(|at| vec![at]));
}

#[tokio::test]
async fn a_summary_goes_to_who_wants_it_at_an_address_that_was_proven() {
    let fresh = Fresh::new().await;
    let (db, monday) = (fresh.db(), datetime!(2026-03-16 08:00 UTC));
    let mut users = Vec::new();
    for _ in 0..4 {
        let me = fresh.user().await;
        wants(&fresh, &me, "UTC", &["weekly_summary"]).await;
        spend(&fresh, &me, date!(2026 - 03 - 10)).await;
        users.push(me);
    }
    wants(&fresh, &users[1], "UTC", &["monthly_report"]).await;
    let set = async |me: &Me, sql: &'static str| {
        sqlx::query(sql).bind(me.user_id).execute(&mut fresh.admin().await).await.unwrap();
    };
    set(&users[2], "UPDATE users SET is_verified = false WHERE id = $1").await;
    set(&users[3], "UPDATE users SET is_active = false WHERE id = $1").await;
    let mails = write_due(&db, Summary::Weekly, monday).await;
    assert_eq!(mails.len(), 1);
    assert_eq!(deliver(&db, mails[0], monday).await.unwrap()[0].to, format!("{}@example.com", users[0].user_id));
    // What changed between writing and sending counts.
    for change in [
        "UPDATE users SET is_verified = false WHERE id = $1",
        "UPDATE users SET preferences = preferences - 'notifications' WHERE id = $1",
        "UPDATE users SET is_active = false WHERE id = $1",
    ] {
        let me = fresh.user().await;
        wants(&fresh, &me, "UTC", &["weekly_summary"]).await;
        spend(&fresh, &me, date!(2026 - 03 - 10)).await;
        let mails = write_due(&db, Summary::Weekly, monday).await;
        assert_eq!(mails.len(), 1);
        set(&me, change).await;
        assert!(deliver(&db, mails[0], monday).await.unwrap().is_empty(), "{change}");
    }
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM mails").fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(left, 0, "what is not to be sent is forgotten");
}

#[tokio::test]
async fn of_an_empty_week_or_month_there_is_no_mail_and_of_a_late_week_neither() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    wants(&fresh, &me, "UTC", &BOTH).await;
    spend(&fresh, &me, date!(2026 - 02 - 28)).await;
    spend(&fresh, &me, date!(2026 - 04 - 06)).await;
    let monday = datetime!(2026-04-06 08:00 UTC);
    let mails = write_due(&db, Summary::Weekly, monday).await;
    assert!(deliver(&db, mails[0], monday).await.unwrap().is_empty(), "neither before nor after is in the week");
    let mails = write_due(&db, Summary::Monthly, monday).await;
    assert!(deliver(&db, mails[0], monday).await.unwrap().is_empty());
    let monday = datetime!(2026-04-13 08:00 UTC);
    let late = write_due(&db, Summary::Weekly, monday).await;
    assert!(deliver(&db, late[0], monday + Duration::hours(25)).await.unwrap().is_empty(), "it waited too long");
    let month = datetime!(2026-05-01 00:00 UTC);
    let late = write_due(&db, Summary::Monthly, month).await;
    let sent = deliver(&db, late[0], month + Duration::days(3)).await.unwrap();
    assert_eq!(sent[0].subject, "Your April 2026");
}

#[tokio::test]
async fn what_is_refused_for_good_takes_nothing_else_with_it() {
    let fresh = Fresh::new().await;
    let (db, monday) = (fresh.db(), datetime!(2026-03-16 08:00 UTC));
    for _ in 0..2 {
        let me = fresh.user().await;
        wants(&fresh, &me, "UTC", &BOTH).await;
        spend(&fresh, &me, date!(2026 - 03 - 10)).await;
    }
    let written = write_due(&db, Summary::Weekly, monday).await;
    let refuse = async |_: &Letter| Err(Problem::new(422, "mail_refused", ""));
    for _ in 0..3 {
        let refused = mails::send_by(&db, &addresses(), link_of_mail, refuse, written[0], monday).await;
        assert_eq!(refused.unwrap_err().code, "mail_refused");
    }
    assert_eq!(deliver(&db, written[1], monday).await.unwrap().len(), 1);
    assert!(write_due(&db, Summary::Weekly, monday + Duration::HOUR).await.is_empty(), "and is not written anew");
    assert_eq!(due(&fresh, &db, Summary::Weekly, monday + Duration::weeks(1)).await.len(), 2, "the next week is");
    assert_eq!(deliver(&db, written[0], monday).await.unwrap().len(), 1, "sent back by hand, it goes out");
}

#[tokio::test]
async fn without_time_nothing_is_begun() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    wants(&fresh, &me, "UTC", &BOTH).await;
    let monday = datetime!(2026-03-16 08:00 UTC);
    let ran = mails::write_due(&db, Summary::Weekly, async |_: Vec<Uuid>| {}, monday, Instant::now()).await;
    assert_eq!(ran.unwrap(), Ran::More);
    assert_eq!(due(&fresh, &db, Summary::Weekly, monday).await.len(), 1);
}
