//! Alerts: which thresholds are told about, and when.

use crate::support::{Fresh, body, create, later, patiently};
use futures_util::future::join_all;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        budgets::{self, NewBudget},
    },
    platform::db::Tx,
};

const NONE: [i64; 0] = [];

async fn budget(fresh: &Fresh, me: &Me, json: &Value) {
    let (db, new) = (fresh.db(), body::<NewBudget>(json));
    patiently(async || db.tx(async |tx: &mut Tx| budgets::put(tx, me, &new).await).await).await;
}

fn march(amount: &str) -> Value {
    json!({"category": "Groceries", "amount": amount, "start_date": "2026-03-01", "end_date": "2026-03-31"})
}

fn groceries(amount: &str) -> Value {
    json!({"amount": amount, "date": "2026-03-15", "merchant_raw": "x", "category": "Groceries"})
}

/// The alerts that the user was sent, in order.
async fn alerts(fresh: &Fresh, me: &Me) -> Vec<Value> {
    sqlx::query_scalar("SELECT data FROM events WHERE user_id = $1 AND type = 'budget_alert' ORDER BY seq")
        .bind(me.user_id)
        .fetch_all(&mut fresh.admin().await)
        .await
        .unwrap()
}

async fn thresholds(fresh: &Fresh, me: &Me) -> Vec<i64> {
    alerts(fresh, me).await.iter().map(|alert| alert["threshold"].as_i64().unwrap()).collect()
}

/// Spends, so many minutes after the start of the test, and says which alerts that made.
struct Spender {
    fresh: Fresh,
    me: Me,
    told: usize,
}

impl Spender {
    async fn with(amount: &str) -> Self {
        let fresh = Fresh::new().await;
        let me = fresh.user().await;
        budget(&fresh, &me, &march(amount)).await;
        Self { fresh, me, told: 0 }
    }

    async fn new_alerts(&mut self) -> Vec<i64> {
        let new = thresholds(&self.fresh, &self.me).await.split_off(self.told);
        self.told += new.len();
        new
    }

    async fn spends(&mut self, minutes: i64, amount: &str) -> Vec<i64> {
        create(&self.fresh.db(), &later(&self.me, minutes), &groceries(amount)).await;
        self.new_alerts().await
    }
}

#[tokio::test]
async fn each_threshold_is_told_when_it_is_reached_and_not_before() {
    let mut it = Spender::with("100").await;
    assert_eq!(it.spends(0, "79.99").await, NONE);
    assert_eq!(it.spends(0, "0.01").await, [80]);
    assert_eq!(it.spends(61, "9.99").await, NONE);
    assert_eq!(it.spends(61, "0.01").await, [90]);
    assert_eq!(it.spends(122, "9.99").await, NONE);
    assert_eq!(it.spends(122, "0.01").await, [100]);
    assert_eq!(it.spends(183, "9.99").await, NONE);
    assert_eq!(it.spends(183, "0.01").await, [110]);
    assert_eq!(it.spends(500, "1000").await, NONE, "there is none above");
    let all = alerts(&it.fresh, &it.me).await;
    let levels: Vec<_> = all.iter().map(|alert| alert["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["warning", "critical", "exceeded", "severe"]);
    let mut last = all[3].clone();
    assert!(last.as_object_mut().unwrap().remove("budget_id").is_some());
    assert_eq!(
        last,
        json!({
            "level": "severe", "threshold": 110, "category": "Groceries", "currency": "USD",
            "budget": "100.00", "spent": "110.00", "percentage": 110.0, "remaining": "-10.00",
        })
    );
}

#[tokio::test]
async fn must_hold_28_a_jump_sends_one_alert_for_the_highest() {
    let mut it = Spender::with("100").await;
    assert_eq!(it.spends(0, "150").await, [110]);
    assert_eq!(it.spends(120, "1").await, NONE);
}

#[tokio::test]
async fn below_the_limit_there_is_one_alert_an_hour_at_most() {
    let mut it = Spender::with("100").await;
    assert_eq!(it.spends(0, "80").await, [80]);
    assert_eq!(it.spends(10, "10").await, NONE, "90 %, but within the hour");
    assert_eq!(it.spends(59, "1").await, NONE);
    assert_eq!(it.spends(60, "1").await, [90], "told at the next check after it");
    // At and above the limit nothing waits.
    assert_eq!(it.spends(61, "8").await, [100]);
    assert_eq!(it.spends(62, "10").await, [110]);
}

#[tokio::test]
async fn falling_below_arms_a_threshold_again() {
    let mut it = Spender::with("100").await;
    assert_eq!(it.spends(0, "100").await, [100]);
    assert_eq!(it.spends(1, "-50").await, NONE);
    assert_eq!(it.spends(2, "50").await, [100]);
    // Only what was fallen below: from 110 to 95 and back is 100 anew, and no 90.
    assert_eq!(it.spends(3, "10").await, [110]);
    assert_eq!(it.spends(4, "-15").await, NONE);
    assert_eq!(it.spends(5, "5").await, [100]);
    // Below the limit the hour holds, re-armed or not.
    assert_eq!(it.spends(70, "-50").await, NONE);
    assert_eq!(it.spends(71, "30").await, [80]);
    assert_eq!(it.spends(72, "-30").await, NONE);
    assert_eq!(it.spends(73, "30").await, NONE);
    assert_eq!(it.spends(131, "0.01").await, [80]);
}

#[tokio::test]
async fn a_changed_limit_is_checked_at_once() {
    let mut it = Spender::with("1000").await;
    assert_eq!(it.spends(0, "95").await, NONE);
    for (minutes, amount, expected) in [(1, "100", &[90][..]), (2, "95", &[100]), (3, "1000", &[]), (4, "80", &[110])] {
        budget(&it.fresh, &later(&it.me, minutes), &march(amount)).await;
        assert_eq!(it.new_alerts().await, expected, "{amount}");
    }
}

#[tokio::test]
async fn only_periods_that_hold_today_alert() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for (start, end) in [("2026-02-01", "2026-02-28"), ("2026-03-16", "2026-04-15")] {
        budget(&fresh, &me, &json!({"category": "Groceries", "amount": "100", "start_date": start, "end_date": end}))
            .await;
    }
    for date in ["2026-02-10", "2026-03-20", "2026-03-15"] {
        create(&db, &me, &json!({"amount": "500", "date": date, "merchant_raw": "x", "category": "Groceries"})).await;
    }
    assert_eq!(thresholds(&fresh, &me).await, NONE);
    // The next day the second one holds, and what was spent ahead counts.
    let tomorrow = Me { today: me.today.next_day().unwrap(), ..later(&me, 24 * 60) };
    create(&db, &tomorrow, &groceries("0.01")).await;
    assert_eq!(thresholds(&fresh, &me).await, [110]);
}

#[tokio::test]
async fn other_currencies_categories_users_and_dates_do_not_count() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    budget(&fresh, &me, &march("100")).await;
    let mut euros = groceries("500");
    euros["currency"] = "EUR".into();
    create(&db, &me, &euros).await;
    let mut elsewhere = groceries("500");
    elsewhere["category"] = "groceries".into();
    create(&db, &me, &elsewhere).await;
    let mut before = groceries("500");
    before["date"] = "2026-02-28".into();
    create(&db, &me, &before).await;
    create(&db, &other, &groceries("500")).await;
    assert_eq!(thresholds(&fresh, &me).await, NONE);
    assert_eq!(thresholds(&fresh, &other).await, NONE);
    // The same category in two currencies: each by itself.
    let mut in_euros = march("1000");
    in_euros["currency"] = "EUR".into();
    budget(&fresh, &me, &in_euros).await;
    create(&db, &me, &groceries("90")).await;
    let mut more = groceries("310");
    more["currency"] = "EUR".into();
    create(&db, &me, &more).await;
    let told: Vec<_> =
        alerts(&fresh, &me).await.iter().map(|alert| (alert["currency"].clone(), alert["threshold"].clone())).collect();
    assert_eq!(told, [(json!("USD"), json!(90)), (json!("EUR"), json!(80))]);
}

#[tokio::test]
async fn must_hold_25_what_was_deleted_counts_for_no_alert() {
    let mut it = Spender::with("100").await;
    create(&it.fresh.db(), &it.me, &groceries("79")).await;
    sqlx::query("UPDATE transactions SET is_deleted = true, deleted_at = now()")
        .execute(&mut it.fresh.admin().await)
        .await
        .unwrap();
    assert_eq!(it.spends(0, "79").await, NONE);
    assert_eq!(it.spends(0, "1").await, [80]);
}

#[tokio::test]
async fn must_hold_28_sixteen_at_once_are_told_each_threshold_once_at_most_and_lose_no_cent() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    budget(&fresh, &me, &march("100")).await;
    // 16 × 8.03: the limit is passed at the thirteenth.
    let contenders: [_; 16] = fresh.warm().await;
    join_all(contenders.iter().zip(0..).map(|(db, i)| {
        let me = later(&me, 61 * i);
        async move { create(db, &me, &groceries("8.03")).await }
    }))
    .await;
    let all = alerts(&fresh, &me).await;
    let thresholds: Vec<_> = all.iter().map(|alert| alert["threshold"].as_i64().unwrap()).collect();
    assert!(thresholds.windows(2).all(|pair| pair[0] < pair[1]), "{thresholds:?}");
    assert_eq!(thresholds.last(), Some(&110));
    assert!(thresholds.contains(&100), "{thresholds:?}");
    // Each says what was true when it was decided.
    for alert in &all {
        let spent: Decimal = alert["spent"].as_str().unwrap().parse().unwrap();
        assert_eq!(spent % Decimal::new(803, 2), Decimal::ZERO);
        let threshold = Decimal::from(alert["threshold"].as_i64().unwrap());
        assert!(spent >= threshold && spent - Decimal::new(803, 2) < threshold, "{alert}");
    }
    let spent: Decimal =
        sqlx::query_scalar("SELECT sum(amount) FROM transactions").fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(spent, Decimal::new(803 * 16, 2));
    let listed =
        fresh.read_db().tx(async |tx: &mut Tx| budgets::list(tx, &me, &crate::support::query("")).await).await.unwrap();
    assert_eq!(listed[0].spent.amount(), spent);
}

/// The order in which they commit is not the order of their clocks.
#[tokio::test]
async fn must_hold_28_the_same_holds_for_one_instant() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    budget(&fresh, &me, &march("100")).await;
    let (contenders, ten): ([_; 16], _) = (fresh.warm().await, groceries("10"));
    join_all(contenders.iter().map(|db| create(db, &me, &ten))).await;
    assert_eq!(thresholds(&fresh, &me).await, [80, 100, 110], "90 % came within the hour");
}
