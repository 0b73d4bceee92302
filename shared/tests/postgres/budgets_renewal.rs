//! Renewing budgets: by hand, and by themselves.

use crate::{
    budgets::{march, period, periods, put, told},
    support::{Fresh, TODAY, call, create, frames, matching, patiently},
};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        budgets::{self, Budget},
    },
    platform::{
        db::{Db, Tx},
        http::Call,
        problem::Problem,
        queue::Ran,
    },
};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};
use time::{Date, OffsetDateTime, macros::date, macros::datetime};
use uuid::Uuid;

async fn renew(db: &Db, me: &Me, call: &Call, id: Uuid) -> Result<Budget, Problem> {
    db.tx(async |tx: &mut Tx| budgets::renew(tx, me, call, id).await).await
}

/// The same user on another day.
fn on(me: &Me, today: Date) -> Me {
    Me { today, now: today.midnight().assume_utc() + time::Duration::hours(12), ..me.clone() }
}

/// Renews what is due at a moment, and says who was told.
async fn night(db: &Db, now: OffsetDateTime) -> Vec<Uuid> {
    let told = RefCell::new(Vec::new());
    let deadline = Instant::now() + Duration::from_mins(1);
    let more = budgets::renew_due(db, async |user_id| told.borrow_mut().push(user_id), now, deadline).await.unwrap();
    assert_eq!(more, Ran::Done);
    told.into_inner()
}

const NOBODY: [Uuid; 0] = [];

fn renewing(mut budget: Value) -> Value {
    budget["auto_renew"] = true.into();
    budget
}

#[tokio::test]
async fn must_hold_27_a_budget_is_renewed_once_it_is_over_and_keeps_its_history() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let any = call(&me, "", None);
    let id = put(&db, &me, &march("Groceries", "400")).await.unwrap().id;
    for day in [date!(2026 - 03 - 15), date!(2026 - 03 - 31)] {
        let early = renew(&db, &on(&me, day), &any, id).await.unwrap_err();
        assert_eq!((early.status, early.code), (409, "not_over_yet"), "{day}");
    }
    let april = on(&me, date!(2026 - 04 - 01));
    assert_eq!(renew(&db, &april, &matching(&me, "\"0\""), id).await.unwrap_err().status, 412);
    assert_eq!(renew(&db, &on(&other, april.today), &any, id).await.unwrap_err().status, 404);
    assert_eq!(renew(&db, &april, &any, Uuid::now_v7()).await.unwrap_err().status, 404);
    let renewed = renew(&db, &april, &any, id).await.unwrap();
    assert_eq!((renewed.id, renewed.start_date, renewed.end_date), (id, date!(2026 - 04 - 01), date!(2026 - 04 - 30)));
    assert_eq!(renewed.amount.amount().to_string(), "400.00");
    let double = renew(&db, &april, &any, id).await.unwrap_err();
    assert_eq!((double.status, double.code), (409, "already_renewed"));
    assert_eq!(
        periods(&fresh, &me).await,
        told(&[("2026-04-01", "2026-04-30", "400.00"), ("2026-03-01", "2026-03-31", "400.00")])
    );
    // Two weeks into the period after the next one it is too late: that one would be over, too.
    let june = renew(&db, &on(&me, date!(2026 - 06 - 01)), &any, id).await.unwrap_err();
    assert_eq!((june.status, june.code), (422, "expired"));
    assert!(renew(&db, &on(&me, date!(2026 - 05 - 31)), &any, id).await.is_ok(), "its next period holds this day");
}

#[tokio::test]
async fn must_hold_27_sixteen_renewals_at_once_have_one_winner() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let contenders: [_; 16] = fresh.warm().await;
    let (any, mut day) = (call(&me, "", None), date!(2026 - 04 - 01));
    let id = put(&contenders[0], &me, &march("Groceries", "400")).await.unwrap().id;
    for _ in 0..100 {
        let me = on(&me, day);
        let all = futures_util::future::join_all(contenders.iter().map(|db| {
            let (me, any) = (&me, &any);
            async move {
                // A lock that was waited for too long is no answer yet.
                patiently(async || match renew(db, me, any, id).await {
                    Err(problem) if problem.status == 503 => Err(problem),
                    other => Ok(other.map_err(|problem| problem.code)),
                })
                .await
            }
        }))
        .await;
        let (winners, others): (Vec<_>, Vec<_>) = all.into_iter().partition(Result::is_ok);
        assert_eq!(winners.len(), 1);
        assert!(others.into_iter().all(|other| other.is_err_and(|code| code == "already_renewed")));
        day = winners[0].as_ref().unwrap().end_date.next_day().unwrap();
    }
    assert_eq!(periods(&fresh, &me).await.len(), 101);
}

#[tokio::test]
async fn must_hold_28_what_was_spent_before_the_renewal_alerts_in_the_new_period() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let id = put(&db, &me, &march("Groceries", "400")).await.unwrap().id;
    for (date, amount) in [("2026-03-15", "450"), ("2026-04-01", "350")] {
        create(&db, &me, &json!({"amount": amount, "date": date, "merchant_raw": "x", "category": "Groceries"})).await;
    }
    let alerts = async || -> Vec<Value> {
        let all = frames(&fresh, &me).await.into_iter().filter(|(kind, _)| kind == "budget_alert");
        all.map(|(_, data)| data["threshold"].clone()).collect()
    };
    assert_eq!(alerts().await, [json!(110)]);
    renew(&db, &on(&me, date!(2026 - 04 - 01)), &call(&me, "", None), id).await.unwrap();
    assert_eq!(alerts().await, [json!(110), json!(80)], "a new period tells anew");
}

#[tokio::test]
async fn must_hold_27_and_37_a_night_renews_by_each_users_date_and_twice_does_no_harm() {
    let fresh = Fresh::new().await;
    let (db, east, west, manual) = (fresh.db(), fresh.user().await, fresh.user().await, fresh.user().await);
    for (me, zone) in [(&east, "Pacific/Kiritimati"), (&west, "Pacific/Midway"), (&manual, "Pacific/Kiritimati")] {
        sqlx::query("UPDATE users SET preferences = jsonb_build_object('timezone', $2::text) WHERE id = $1")
            .bind(me.user_id)
            .bind(zone)
            .execute(&mut fresh.admin().await)
            .await
            .unwrap();
    }
    for category in ["a", "b"] {
        put(&db, &east, &renewing(march(category, "10"))).await.unwrap();
    }
    put(&db, &west, &renewing(march("a", "20"))).await.unwrap();
    put(&db, &manual, &march("a", "30")).await.unwrap();
    // 31 March in the west, where it is over when the east has been in April for a day.
    assert_eq!(night(&db, datetime!(2026-03-31 09:59 UTC)).await, NOBODY);
    assert_eq!(night(&db, datetime!(2026-03-31 10:01 UTC)).await, [east.user_id]);
    assert_eq!(night(&db, datetime!(2026-04-01 10:59 UTC)).await, NOBODY);
    assert_eq!(night(&db, datetime!(2026-04-01 11:01 UTC)).await, [west.user_id]);
    assert_eq!(night(&db, datetime!(2026-04-01 11:01 UTC)).await, NOBODY, "a tick that comes twice");
    let april = ("2026-04-01", "2026-04-30");
    let both = |amount| told(&[(april.0, april.1, amount), ("2026-03-01", "2026-03-31", amount)]);
    assert_eq!(periods(&fresh, &east).await, [both("10.00"), both("10.00")].concat());
    assert_eq!(periods(&fresh, &west).await, both("20.00"));
    assert_eq!(periods(&fresh, &manual).await, told(&[("2026-03-01", "2026-03-31", "30.00")]));
    // Nights that were missed: the period that holds today, not those between.
    night(&db, datetime!(2026-08-15 12:00 UTC)).await;
    assert_eq!(
        periods(&fresh, &west).await,
        told(&[
            ("2026-08-01", "2026-08-31", "20.00"),
            ("2026-04-01", "2026-04-30", "20.00"),
            ("2026-03-01", "2026-03-31", "20.00")
        ])
    );
}

/// Also when the night comes to its user for another budget's sake.
#[tokio::test]
async fn must_hold_27_on_its_last_day_a_budget_is_not_over() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    put(&db, &me, &renewing(march("a", "10"))).await.unwrap();
    let last = json!({"category": "b", "amount": "40", "start_date": "2026-03-02", "end_date": "2026-04-01"});
    put(&db, &me, &renewing(last)).await.unwrap();
    assert_eq!(night(&db, datetime!(2026-04-01 12:00 UTC)).await, [me.user_id]);
    let b: Vec<_> = periods(&fresh, &me).await.into_iter().filter(|(_, _, amount)| amount == "40.00").collect();
    assert_eq!(b, told(&[("2026-03-02", "2026-04-01", "40.00")]));
}

#[tokio::test]
async fn must_hold_37_a_night_that_is_cut_off_goes_on_where_it_was() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let mut users = Vec::new();
    for _ in 0..3 {
        let me = fresh.user().await;
        put(&db, &me, &renewing(march("a", "10"))).await.unwrap();
        users.push(me);
    }
    let told = async |_| ();
    let now = datetime!(2026-04-02 12:00 UTC);
    let ran = budgets::renew_due(&db, told, now, Instant::now()).await.unwrap();
    assert_eq!(ran, Ran::More, "there was no time for anybody");
    assert_eq!(night(&db, now).await.len(), 3);
    assert_eq!(night(&db, now).await, NOBODY);
}

#[tokio::test]
async fn must_hold_27_a_period_that_begins_on_the_31st_stays_there_and_one_that_is_moved_does_not() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    put(&db, &me, &renewing(period("100", "2026-01-31", "2026-02-27"))).await.unwrap();
    for (now, start, end) in [
        (datetime!(2026-02-28 12:00 UTC), "2026-02-28", "2026-03-30"),
        (datetime!(2026-03-31 12:00 UTC), "2026-03-31", "2026-04-29"),
        (datetime!(2026-04-30 12:00 UTC), "2026-04-30", "2026-05-30"),
    ] {
        assert_eq!(night(&db, now).await, [me.user_id]);
        assert_eq!(periods(&fresh, &me).await[0], told(&[(start, end, "100.00")])[0]);
    }
    put(&db, &me, &renewing(period("100", "2026-04-30", "2026-05-29"))).await.unwrap();
    night(&db, datetime!(2026-05-30 12:00 UTC)).await;
    assert_eq!(periods(&fresh, &me).await[0], told(&[("2026-05-30", "2026-06-29", "100.00")])[0]);
    assert_eq!(TODAY, date!(2026 - 03 - 15));
}
