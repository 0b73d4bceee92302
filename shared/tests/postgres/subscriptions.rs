//! Charges that recur: which are found, what is said of them, and when users are reminded.

use crate::support::{Fresh, Random, call, create, frames, keys, query};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        subscriptions::{self, Subscription, Subscriptions},
        transactions,
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};
use time::{Date, OffsetDateTime, macros::date};
use uuid::Uuid;

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn at(day: Date) -> OffsetDateTime {
    day.midnight().assume_utc() + time::Duration::hours(1)
}

async fn night(db: &Db, day: Date) {
    assert_eq!(subscriptions::detect(db, at(day), soon()).await.unwrap(), Ran::Done);
}

/// Runs the hour's reminders, and says who was told.
async fn hour(db: &Db, now: OffsetDateTime) -> Vec<Uuid> {
    let told = RefCell::new(Vec::new());
    let ran = subscriptions::remind(db, async |user_id| told.borrow_mut().push(user_id), now, soon()).await;
    assert_eq!(ran.unwrap(), Ran::Done);
    told.into_inner()
}

async fn charge(db: &Db, me: &Me, merchant: &str, date: Date, amount: &str) -> Uuid {
    let row = json!({"amount": amount, "date": date.to_string(), "merchant_raw": merchant, "currency": "EUR"});
    create(db, me, &row).await.id
}

async fn charges(db: &Db, me: &Me, merchant: &str, all: &[(Date, &str)]) {
    for (date, amount) in all {
        charge(db, me, merchant, *date, amount).await;
    }
}

async fn list(fresh: &Fresh, me: &Me, asked: &str) -> Subscriptions {
    let (keys, asked) = (keys(), query(asked));
    fresh.read_db().tx(async |tx: &mut Tx| subscriptions::list(tx, &keys, me, &asked).await).await.unwrap()
}

async fn found(fresh: &Fresh, me: &Me) -> Vec<Subscription> {
    list(fresh, me, "status=all").await.page.data
}

/// Dates every so many days.
fn every(days: i64, from: Date, count: i64) -> Vec<Date> {
    (0..count).map(|n| from + time::Duration::days(days * n)).collect()
}

/// The same day of so many months, every so many months.
fn monthly(step: u8, day: u8, year: i32, count: u8) -> Vec<Date> {
    let months = (0..u16::from(count)).map(|n| n * u16::from(step));
    months
        .map(|n| {
            let (year, month) = (year + i32::from(n / 12), time::Month::try_from(u8::try_from(n % 12 + 1).unwrap()));
            let month = month.unwrap();
            Date::from_calendar_date(year, month, day.min(month.length(year))).unwrap()
        })
        .collect()
}

#[tokio::test]
async fn every_cadence_is_found_with_its_next_date_and_cost() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let table: [(&str, &str, Vec<Date>, Date, &str); 8] = [
        ("Cleaner", "weekly", every(7, date!(2025 - 10 - 27), 8), date!(2025 - 12 - 22), "520.00"),
        ("Vegetable box", "biweekly", every(14, date!(2025 - 09 - 02), 8), date!(2025 - 12 - 23), "260.00"),
        ("Gym", "four_weekly", every(28, date!(2025 - 08 - 05), 5), date!(2025 - 12 - 23), "130.00"),
        ("Netflix", "monthly", monthly(1, 31, 2025, 11), date!(2025 - 12 - 31), "120.00"),
        ("Water", "bimonthly", monthly(2, 10, 2025, 6), date!(2026 - 01 - 10), "60.00"),
        ("Broadcasting", "quarterly", monthly(3, 15, 2025, 4), date!(2026 - 01 - 15), "40.00"),
        ("Car insurance", "half_yearly", monthly(6, 1, 2024, 4), date!(2026 - 01 - 01), "20.00"),
        ("Domain", "yearly", monthly(12, 29, 2024, 2), date!(2026 - 01 - 29), "10.00"),
    ];
    for (merchant, _, dates, _, _) in &table {
        for date in dates {
            charge(&db, &me, merchant, *date, "10.00").await;
        }
    }
    night(&db, date!(2025 - 12 - 16)).await;
    let all = found(&fresh, &me).await;
    for (merchant, cadence, dates, next, yearly) in &table {
        let one = all.iter().find(|one| one.name == *merchant).unwrap_or_else(|| panic!("{merchant} of {all:?}"));
        let told = (one.cadence.as_str(), one.next_expected_date, serde_json::to_value(one.yearly_cost).unwrap());
        assert_eq!(told, (*cadence, *next, json!(yearly)), "{merchant}");
        assert_eq!(one.evidence.charges, i64::try_from(dates.len()).unwrap(), "{merchant}");
        assert_eq!(one.evidence.recent.first().map(|charge| charge.date.clone()), dates.last().map(Date::to_string));
        assert!(one.is_active && one.confidence > 0.6 && one.confidence < 1.0, "{merchant} {}", one.confidence);
    }
    assert_eq!(all.len(), table.len(), "{all:?}");
    // The page begins with what is due first, and the totals are those of all.
    let page = list(&fresh, &me, "limit=2").await;
    let dates: Vec<_> = page.page.data.iter().map(|one| one.next_expected_date).collect();
    assert_eq!(dates, [date!(2025 - 12 - 22), date!(2025 - 12 - 23)]);
    assert_eq!((page.page.total, page.page.has_more), (8, true));
    let cursor = page.page.next_cursor.unwrap();
    let next = list(&fresh, &me, &format!("limit=100&cursor={cursor}")).await;
    assert_eq!((next.page.data.len(), next.page.data[0].next_expected_date), (6, date!(2025 - 12 - 23)));
    assert_ne!(next.page.data[0].id, page.page.data[1].id);
    let totals = serde_json::to_value(&next.totals).unwrap();
    let expected = json!([{"currency": "EUR", "subscriptions": 8, "monthly_cost": "96.67", "yearly_cost": "1160.00"}]);
    assert_eq!(totals, expected);
}

#[tokio::test]
async fn a_rise_a_late_booking_and_a_missing_month_are_no_other_subscription() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let netflix = [
        (date!(2025 - 03 - 01), "12.99"),
        (date!(2025 - 04 - 03), "12.99"),
        (date!(2025 - 05 - 02), "12.99"),
        (date!(2025 - 07 - 01), "12.99"),
        (date!(2025 - 08 - 01), "12.99"),
        (date!(2025 - 09 - 01), "15.99"),
        (date!(2025 - 10 - 01), "15.99"),
    ];
    charges(&db, &me, "Netflix", &netflix).await;
    night(&db, date!(2025 - 10 - 02)).await;
    let all = found(&fresh, &me).await;
    let [one] = all.as_slice() else { panic!("{all:?}") };
    let told = serde_json::to_value(one).unwrap();
    assert_eq!((&told["amount"], &told["next_expected_date"]), (&json!("15.99"), &json!("2025-11-01")));
    assert_eq!(told["evidence"]["price_change"], json!({"date": "2025-09-01", "from": "12.99", "to": "15.99"}));
    assert_eq!(told["amount_mean"], "13.85");
    // The next charge makes no other of it, and says nothing anew when nothing is new.
    charge(&db, &me, "Netflix", date!(2025 - 11 - 03), "15.99").await;
    night(&db, date!(2025 - 11 - 04)).await;
    let later = found(&fresh, &me).await;
    assert_eq!((later.len(), later[0].id), (1, one.id));
    assert_eq!(later[0].next_expected_date, date!(2025 - 12 - 01));
    night(&db, date!(2025 - 11 - 05)).await;
    assert_eq!(found(&fresh, &me).await, later);
}

#[tokio::test]
async fn several_subscriptions_at_one_merchant_are_told_apart_by_their_price() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for (n, date) in monthly(1, 4, 2025, 8).into_iter().enumerate() {
        charge(&db, &me, "Apple", date, "0.99").await;
        charge(&db, &me, "Apple", date + time::Duration::days(9), "9.99").await;
        charge(&db, &me, "Apple", date + time::Duration::days(15), &format!("{}.49", 20 + 7 * n)).await;
    }
    night(&db, date!(2025 - 08 - 20)).await;
    let all = found(&fresh, &me).await;
    let told: Vec<_> = all.iter().map(|one| (one.amount.amount().to_string(), one.next_expected_date)).collect();
    assert_eq!(told, [("0.99".to_owned(), date!(2025 - 09 - 04)), ("9.99".to_owned(), date!(2025 - 09 - 13))]);
}

#[tokio::test]
async fn shopping_refunds_deleted_and_flagged_charges_are_no_subscription() {
    let fresh = Fresh::new().await;
    let (db, me, mut random) = (fresh.db(), fresh.user().await, Random::new(7));
    let mut day = date!(2025 - 01 - 02);
    while day < date!(2025 - 12 - 01) {
        charge(&db, &me, "Supermarket", day, &format!("{}.{:02}", random.within(5, 120), random.within(0, 99))).await;
        day += time::Duration::days(random.within(1, 9));
    }
    for date in monthly(1, 25, 2025, 11) {
        charge(&db, &me, "Employer", date, "-3000.00").await;
        let gone = charge(&db, &me, "Cancelled", date, "5.00").await;
        let call = call(&me, "", None);
        db.tx(async |tx: &mut Tx| transactions::delete(tx, &me, &call, gone).await).await.unwrap();
    }
    // A restaurant visited three times, about monthly, is none; nor is the same price every few days.
    let restaurant =
        [(date!(2025 - 05 - 01), "30.00"), (date!(2025 - 06 - 02), "61.00"), (date!(2025 - 07 - 03), "44.00")];
    charges(&db, &me, "Restaurant", &restaurant).await;
    for day in every(2, date!(2025 - 10 - 01), 20) {
        charge(&db, &me, "Coffee", day, "3.50").await;
    }
    // The second of a pair is flagged, and does not spoil the series.
    for date in monthly(1, 8, 2025, 6) {
        charge(&db, &me, "Twice", date, "7.00").await;
        charge(&db, &me, "Twice", date, "7.00").await;
    }
    night(&db, date!(2025 - 12 - 01)).await;
    let all = found(&fresh, &me).await;
    let names: Vec<_> = all.iter().map(|one| (one.name.as_str(), one.evidence.charges, one.is_active)).collect();
    assert_eq!(names, [("Twice", 6, false)], "{all:?}");
}

#[tokio::test]
async fn what_stays_away_ends_what_is_deleted_goes_and_what_comes_back_goes_on() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let mut ids = Vec::new();
    for date in monthly(1, 10, 2025, 4) {
        ids.push(charge(&db, &me, "Magazine", date, "4.00").await);
        charge(&db, &other, "Radio", date, "6.00").await;
    }
    night(&db, date!(2025 - 04 - 20)).await;
    let id = found(&fresh, &me).await[0].id;
    // Until 9 June it may still be late.
    night(&db, date!(2025 - 06 - 09)).await;
    assert!(found(&fresh, &me).await[0].is_active);
    night(&db, date!(2025 - 06 - 10)).await;
    assert!(!found(&fresh, &me).await[0].is_active);
    assert_eq!(list(&fresh, &me, "").await.page.total, 0);
    assert_eq!(list(&fresh, &me, "status=ended").await.page.total, 1);
    assert!(list(&fresh, &me, "").await.totals.is_empty());
    charge(&db, &me, "Magazine", date!(2025 - 06 - 12), "4.00").await;
    night(&db, date!(2025 - 06 - 13)).await;
    let back = found(&fresh, &me).await;
    assert_eq!((back[0].id, back[0].is_active), (id, true));
    for id in &ids[1..] {
        let call = call(&me, "", None);
        db.tx(async |tx: &mut Tx| transactions::delete(tx, &me, &call, *id).await).await.unwrap();
    }
    night(&db, date!(2025 - 06 - 14)).await;
    assert_eq!(found(&fresh, &me).await, []);
    assert_eq!(found(&fresh, &other).await.len(), 1, "the other's stays");
    // And nobody sees another's.
    let theirs = found(&fresh, &other).await[0].id;
    let none = fresh.read_db().tx(async |tx: &mut Tx| subscriptions::get(tx, &me, theirs).await).await;
    assert_eq!(none.unwrap_err().status, 404);
}

/// What `GET` says of the one subscription.
async fn reminders(fresh: &Fresh, me: &Me) -> Vec<Value> {
    let all = frames(fresh, me).await;
    all.into_iter().filter(|(kind, _)| kind == "subscription_reminder").map(|(_, data)| data).collect()
}

#[tokio::test]
async fn must_hold_37_a_user_is_reminded_once_three_days_ahead_however_often_the_clock_ticks() {
    let fresh = Fresh::new().await;
    let (db, me, quiet) = (fresh.db(), fresh.user().await, fresh.user().await);
    let mut admin = fresh.admin().await;
    let quieten = r#"UPDATE users SET preferences = '{"notifications": {"reminders": false}}' WHERE id = $1"#;
    sqlx::query(quieten).bind(quiet.user_id).execute(&mut admin).await.unwrap();
    // In Auckland a day begins eleven to thirteen hours earlier.
    let move_there = r#"UPDATE users SET preferences = '{"timezone": "Pacific/Auckland"}' WHERE id = $1"#;
    sqlx::query(move_there).bind(me.user_id).execute(&mut admin).await.unwrap();
    for date in monthly(1, 20, 2025, 3) {
        charge(&db, &me, "Netflix", date, "15.99").await;
        charge(&db, &quiet, "Netflix", date, "15.99").await;
    }
    night(&db, date!(2025 - 03 - 25)).await;
    let noon = |day: Date| day.midnight().assume_utc() + time::Duration::hours(10);
    assert!(hour(&db, noon(date!(2025 - 04 - 16))).await.is_empty(), "it is the 16th there as well");
    // 12:00 UTC of the 16th is the 17th there: three days ahead.
    let due = noon(date!(2025 - 04 - 16)) + time::Duration::hours(2);
    assert_eq!(hour(&db, due).await, [me.user_id]);
    assert!(hour(&db, due).await.is_empty());
    assert!(hour(&db, due + time::Duration::days(1)).await.is_empty());
    let told = reminders(&fresh, &me).await;
    let [one] = told.as_slice() else { panic!("{told:?}") };
    let expected = json!({"name": "Netflix", "amount": "15.99", "currency": "EUR", "date": "2025-04-20", "days": 3,
                          "cadence": "monthly", "merchant_id": null, "category": "Uncategorized", "id": one["id"]});
    assert_eq!(*one, expected);
    // Nothing new: no other reminder. The next month's: one more, though the clock stood still until the day itself.
    night(&db, date!(2025 - 04 - 18)).await;
    assert!(hour(&db, due + time::Duration::days(2)).await.is_empty());
    charge(&db, &me, "Netflix", date!(2025 - 04 - 20), "15.99").await;
    night(&db, date!(2025 - 04 - 21)).await;
    assert_eq!(hour(&db, noon(date!(2025 - 05 - 20))).await, [me.user_id]);
    assert_eq!(reminders(&fresh, &me).await.last().map(|one| one["days"].clone()), Some(json!(0)));
    // What is past is no news.
    charge(&db, &me, "Netflix", date!(2025 - 05 - 20), "15.99").await;
    night(&db, date!(2025 - 05 - 21)).await;
    assert!(hour(&db, noon(date!(2025 - 06 - 22))).await.is_empty());
    assert_eq!(reminders(&fresh, &quiet).await, Vec::<Value>::new());
}

#[tokio::test]
async fn two_workers_at_once_find_each_series_once() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let mut users = Vec::new();
    for _ in 0..10 {
        let me = fresh.user().await;
        for date in monthly(1, 10, 2025, 4) {
            charge(&db, &me, "Magazine", date, "4.00").await;
        }
        users.push(me);
    }
    let (one, two) = (fresh.db(), fresh.db());
    let now = at(date!(2025 - 04 - 20));
    let (first, second) =
        tokio::join!(subscriptions::detect(&one, now, soon()), subscriptions::detect(&two, now, soon()));
    assert_eq!(
        (first.map_err(|problem: Problem| problem.code), second.map_err(|problem| problem.code)),
        (Ok(Ran::Done), Ok(Ran::Done))
    );
    night(&db, date!(2025 - 04 - 20)).await;
    for me in &users {
        assert_eq!(found(&fresh, me).await.len(), 1);
    }
}
