//! Budgets: setting them, and what they say was spent.

use crate::support::{Fresh, Random, TODAY, body, call, create, matching, patiently, query};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::{Me, with_user},
        budgets::{self, Budget, NewBudget},
    },
    platform::{
        db::{Db, Tx},
        http::Call,
        problem::Problem,
    },
};
use std::collections::BTreeSet;
use time::{Date, Duration, macros::date};
use uuid::Uuid;

pub fn march(category: &str, amount: &str) -> Value {
    json!({"category": category, "amount": amount, "start_date": "2026-03-01", "end_date": "2026-03-31"})
}

pub fn period(amount: &str, start: &str, end: &str) -> Value {
    json!({"category": "Groceries", "amount": amount, "start_date": start, "end_date": end})
}

pub async fn put(db: &Db, me: &Me, json: &Value) -> Result<Budget, Problem> {
    let new: NewBudget = body(json);
    db.tx(async |tx: &mut Tx| budgets::put(tx, me, &new).await).await
}

pub async fn list(fresh: &Fresh, me: &Me, asked: &str) -> Vec<Budget> {
    let (asked, call) = (query(asked), call(me, "", None));
    with_user(&fresh.read_db(), &call, async |tx: &mut Tx, me: &Me| {
        let listed = budgets::list(tx, me, &asked).await?;
        assert!(tx.statements() <= 2, "{}", tx.statements());
        Ok(listed)
    })
    .await
    .unwrap()
}

/// First day, last day and amount of each period, the latest first.
pub async fn periods(fresh: &Fresh, me: &Me) -> Vec<(String, String, String)> {
    let all = list(fresh, me, "period=all").await;
    all.iter()
        .map(|budget| (budget.start_date.to_string(), budget.end_date.to_string(), budget.amount.amount().to_string()))
        .collect()
}

pub fn told(all: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    all.iter().map(|(start, end, amount)| ((*start).into(), (*end).into(), (*amount).into())).collect()
}

#[tokio::test]
async fn the_same_period_again_takes_the_new_amount() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let first = put(&db, &me, &period("100", "2026-03-01", "2026-03-31")).await.unwrap();
    let second = put(&db, &me, &period("250.50", "2026-03-01", "2026-03-31")).await.unwrap();
    assert_eq!((first.id, second.amount.amount().to_string()), (second.id, "250.50".into()));
    assert_eq!(periods(&fresh, &me).await, told(&[("2026-03-01", "2026-03-31", "250.50")]));
}

#[tokio::test]
async fn dates_that_overlap_one_period_move_it_and_others_add_one() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let march = put(&db, &me, &period("100", "2026-03-01", "2026-03-31")).await.unwrap();
    let moved = put(&db, &me, &period("110", "2026-03-10", "2026-04-09")).await.unwrap();
    assert_eq!((march.id, moved.start_date), (moved.id, date!(2026 - 03 - 10)));
    assert_eq!(periods(&fresh, &me).await, told(&[("2026-03-10", "2026-04-09", "110.00")]));
    // The day after the last one is free; the last one itself is not.
    let next = put(&db, &me, &period("120", "2026-04-10", "2026-05-09")).await.unwrap();
    assert_eq!(next.id, march.id);
    assert_eq!(
        periods(&fresh, &me).await,
        told(&[("2026-04-10", "2026-05-09", "120.00"), ("2026-03-10", "2026-04-09", "110.00")])
    );
    let refused = put(&db, &me, &period("1", "2026-04-09", "2026-04-10")).await.unwrap_err();
    assert_eq!((refused.status, refused.code), (409, "periods_overlap"));
    assert_eq!(periods(&fresh, &me).await.len(), 2, "a refusal changes nothing");
    // A period within another takes its place.
    put(&db, &me, &period("130", "2026-04-20", "2026-04-25")).await.unwrap();
    assert_eq!(
        periods(&fresh, &me).await,
        told(&[("2026-04-20", "2026-04-25", "130.00"), ("2026-03-10", "2026-04-09", "110.00")])
    );
}

#[tokio::test]
async fn a_category_has_a_budget_for_each_currency_and_user() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let mut ids = BTreeSet::new();
    for currency in ["USD", "EUR"] {
        let mut json = march("Groceries", "100");
        json["currency"] = currency.into();
        for user in [&me, &other] {
            ids.insert(put(&db, user, &json).await.unwrap().id);
        }
    }
    assert_eq!(ids.len(), 4);
    assert_eq!(list(&fresh, &me, "").await.len(), 2);
    // Without a currency it is the user's own; what is not said stays as it was.
    let mut renewing = march("Groceries", "100");
    renewing["auto_renew"] = true.into();
    let renewing = put(&db, &me, &renewing).await.unwrap();
    assert_eq!((renewing.currency.as_str(), renewing.auto_renew, ids.contains(&renewing.id)), ("USD", true, true));
    assert!(put(&db, &me, &march("Groceries", "200")).await.unwrap().auto_renew);
}

#[tokio::test]
async fn sixteen_at_once_make_one_budget_with_one_period() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let contenders: [_; 16] = fresh.warm().await;
    let all = futures_util::future::join_all(contenders.iter().zip(100..).map(|(db, amount)| {
        let (json, me) = (march("Groceries", &amount.to_string()), &me);
        async move { patiently(async || put(db, me, &json).await).await.id }
    }))
    .await;
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(periods(&fresh, &me).await.len(), 1);
}

#[tokio::test]
async fn current_are_the_periods_that_hold_the_users_today() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for (category, start, end) in [
        ("a", "2026-03-15", "2026-03-16"),
        ("b", "2026-03-14", "2026-03-15"),
        ("c", "2026-03-16", "2026-04-15"),
        ("d", "2026-02-15", "2026-03-14"),
    ] {
        put(&db, &me, &json!({"category": category, "amount": "1", "start_date": start, "end_date": end}))
            .await
            .unwrap();
    }
    let names = |listed: Vec<Budget>| listed.into_iter().map(|budget| budget.category).collect::<String>();
    assert_eq!(names(list(&fresh, &me, "").await), "ab");
    assert_eq!(names(list(&fresh, &me, "period=current").await), "ab");
    assert_eq!(names(list(&fresh, &me, "period=all").await), "abcd");
    // Where it is tomorrow already.
    sqlx::query(r#"UPDATE users SET preferences = '{"timezone": "Pacific/Kiritimati"}' WHERE id = $1"#)
        .bind(me.user_id)
        .execute(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(names(list(&fresh, &me, "").await), "ac");
}

#[tokio::test]
async fn what_was_spent_is_exact_and_a_refund_lowers_it() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    put(&db, &me, &march("Groceries", "300")).await.unwrap();
    // A tenth cannot be a binary fraction: a float would show here.
    for amount in ["0.10", "0.20", "100.01", "-0.01", "999999.99", "-999999.99"] {
        create(
            &db,
            &me,
            &json!({"amount": amount, "date": "2026-03-31", "merchant_raw": "x", "category": "Groceries"}),
        )
        .await;
    }
    let shown = json!(list(&fresh, &me, "").await[0]);
    assert_eq!(
        (&shown["spent"], &shown["remaining"], &shown["percentage"], &shown["amount"]),
        (&json!("100.30"), &json!("199.70"), &json!(33.43), &json!("300.00"))
    );
}

pub struct Spent {
    pub date: Date,
    pub amount: Decimal,
    pub category: &'static str,
    pub currency: &'static str,
    pub deleted: bool,
}

pub async fn spend(fresh: &Fresh, me: &Me, all: &[Spent]) {
    sqlx::query(
        "INSERT INTO transactions (user_id, id, date, amount, category, currency, is_deleted, deleted_at, merchant_raw, source, merchant_key, changed_seq)
         SELECT $1, gen_random_uuid(), r.date, r.amount, r.category, r.currency, r.gone, CASE WHEN r.gone THEN now() END, 'x', 'csv', 1, 1
         FROM unnest($2::date[], $3::numeric[], $4::text[], $5::text[], $6::bool[]) AS r(date, amount, category, currency, gone)",
    )
    .bind(me.user_id)
    .bind(all.iter().map(|one| one.date).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.amount).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.category).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.currency).collect::<Vec<_>>())
    .bind(all.iter().map(|one| one.deleted).collect::<Vec<_>>())
    .execute(&mut fresh.admin().await)
    .await
    .unwrap();
}

pub fn month(date: Date) -> i32 {
    date.year() * 12 + i32::from(u8::from(date.month()))
}

/// The mean of the last three complete months that have spending and a tenth more, at least 100; of the month under
/// way when there is none; nothing where nothing is spent.
pub fn suggestion(all: &[Spent], category: &str, currency: &str) -> Option<Decimal> {
    let of = |months: std::ops::Range<i32>| -> Option<Decimal> {
        let these: Vec<_> = all
            .iter()
            .filter(|one| {
                !one.deleted
                    && one.category == category
                    && one.currency == currency
                    && months.contains(&month(one.date))
            })
            .collect();
        let months: BTreeSet<_> = these.iter().map(|one| month(one.date)).collect();
        let sum: Decimal = these.iter().map(|one| one.amount).sum();
        (!these.is_empty()).then(|| sum / Decimal::from(months.len()))
    };
    let this = month(TODAY);
    let mean = of(this - 3..this).or_else(|| of(this..this + 1))?;
    if mean <= Decimal::ZERO {
        return None;
    }
    let more = (mean * Decimal::new(11, 1)).round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    Some(more.max(Decimal::ONE_HUNDRED))
}

#[tokio::test]
async fn must_hold_24_sums_and_suggestions_equal_a_model_to_the_cent() {
    const CATEGORIES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let mut seen = BTreeSet::new();
    for seed in 0..6 {
        let (me, other, mut random) = (fresh.user().await, fresh.user().await, Random::new(seed));
        // Some categories are seldom used, some in this month alone, and one never.
        let mut all = Vec::new();
        for _ in 0..300 {
            let category = random.of(&CATEGORIES[..5]);
            let days = if category == "e" { random.within(-13, 1) } else { random.within(-200, 20) };
            if category == "d" && !random.once_in(20) {
                continue;
            }
            let most = if category == "d" { 2_000 } else { 60_000 };
            let amount = if random.once_in(6) { -random.within(1, most / 3) } else { random.within(1, most) };
            let amount = Decimal::new(amount, 2);
            let (currency, deleted) = (random.of(&["USD", "USD", "EUR"]), random.once_in(7));
            all.push(Spent { date: TODAY + Duration::days(days), amount, category, currency, deleted });
        }
        spend(&fresh, &me, &all).await;
        // Nobody else's.
        spend(&fresh, &other, &all).await;
        for category in CATEGORIES {
            for (start, end) in [
                (date!(2026 - 03 - 01), date!(2026 - 03 - 31)),
                (date!(2026 - 01 - 10), date!(2026 - 02 - 09)),
                (date!(2025 - 11 - 01), date!(2025 - 11 - 30)),
            ] {
                for currency in ["USD", "EUR"] {
                    let json = json!({"category": category, "amount": "500", "start_date": start.to_string(), "end_date": end.to_string(), "currency": currency});
                    put(&db, &me, &json).await.unwrap();
                }
            }
        }
        let listed = list(&fresh, &me, "period=all").await;
        assert_eq!(listed.len(), 36);
        for budget in listed {
            let held = |one: &&Spent| {
                !one.deleted
                    && one.category == budget.category
                    && one.currency == budget.currency
                    && (budget.start_date..=budget.end_date).contains(&one.date)
            };
            let spent: Decimal = all.iter().filter(held).map(|one| one.amount).sum();
            let place = format!("{seed} {} {} {}", budget.category, budget.currency, budget.start_date);
            assert_eq!(budget.spent.amount(), spent, "{place}");
            assert_eq!(budget.remaining.amount(), Decimal::from(500) - spent, "{place}");
            let suggested = budget.suggested_amount.map(shared::domain::money::Money::amount);
            assert_eq!(suggested, suggestion(&all, &budget.category, &budget.currency), "{place}");
            seen.insert(suggested.map(|amount| amount > Decimal::ONE_HUNDRED));
        }
    }
    assert_eq!(seen.len(), 3, "none, the least, and more were all seen");
}

#[tokio::test]
async fn must_hold_25_what_was_deleted_is_in_no_sum() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for deleted in [true, false] {
        let amount = Decimal::from(if deleted { 5_000 } else { 300 });
        let all = [date!(2026 - 02 - 10), date!(2026 - 03 - 10)].map(|date| Spent {
            date,
            amount,
            category: "Groceries",
            currency: "USD",
            deleted,
        });
        spend(&fresh, &me, &all).await;
    }
    let made = put(&db, &me, &march("Groceries", "500")).await.unwrap();
    let listed = list(&fresh, &me, "").await;
    for budget in [&made, &listed[0]] {
        assert_eq!(
            (budget.spent.amount(), budget.suggested_amount.unwrap().amount()),
            (Decimal::from(300), Decimal::from(330))
        );
    }
    let alerts: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE type = 'budget_alert'")
        .fetch_one(&mut fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(alerts, 0, "60 % is no reason to alert");
}

#[tokio::test]
async fn a_deleted_budget_is_gone_and_frees_its_category() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let old: Uuid = put(&db, &me, &march("Groceries", "500")).await.unwrap().id;
    let delete =
        async |id: Uuid, call: &Call| db.tx(async |tx: &mut Tx| budgets::delete(tx, &me, call, id).await).await;
    let any = call(&me, "", None);
    assert_eq!(delete(old, &matching(&me, "\"0\"")).await.unwrap_err().status, 412);
    let other = fresh.user().await;
    let foreign = db.tx(async |tx: &mut Tx| budgets::delete(tx, &other, &any, old).await).await;
    assert_eq!(foreign.unwrap_err().status, 404);
    let stay = [
        put(&db, &me, &march("Travel", "90")).await.unwrap(),
        put(&db, &other, &march("Groceries", "80")).await.unwrap(),
    ];
    delete(old, &any).await.unwrap();
    assert_eq!(delete(old, &any).await.unwrap_err().status, 404, "a second time it is absent like any other");
    let got = fresh.read_db().tx(async |tx: &mut Tx| budgets::get(tx, &me, old).await).await;
    assert_eq!(got.unwrap_err().status, 404);
    for (owner, stays) in [&me, &other].into_iter().zip(&stay) {
        let left: Vec<_> = list(&fresh, owner, "period=all").await.iter().map(|budget| budget.id).collect();
        assert_eq!(left, [stays.id]);
    }
    assert_ne!(put(&db, &me, &march("Groceries", "500")).await.unwrap().id, old);
}
