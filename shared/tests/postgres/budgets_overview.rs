//! Budgets at a glance, against a model of a few lines.

use crate::{
    budgets::{Spent, month, put, spend, suggestion},
    support::{Fresh, Random, TODAY, keys, query},
};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde_json::{Value, json};
use shared::{
    domain::{auth::Me, budgets},
    platform::{db::Tx, fields::Read, problem::Problem},
};
use std::collections::{BTreeMap, BTreeSet};
use time::{Duration, macros::date};

const CATEGORIES: [&str; 5] = ["a", "b", "c", "d", "e"];

async fn ask<T: Read, A: serde::Serialize>(
    fresh: &Fresh,
    me: &Me,
    asked: &str,
    answer: impl AsyncFnOnce(&mut Tx, &Me, &T) -> Result<A, Problem>,
) -> Value {
    let asked: T = query(asked);
    let answered = fresh
        .read_db()
        .tx(async |tx: &mut Tx| {
            let answered = answer(tx, me, &asked).await?;
            assert!(tx.statements() <= 2, "{}", tx.statements());
            Ok::<_, Problem>(answered)
        })
        .await;
    json!(answered.unwrap())
}

fn money(value: &Value) -> Decimal {
    value.as_str().unwrap().parse().unwrap()
}

fn percent(part: Decimal, whole: Decimal) -> Value {
    if whole <= Decimal::ZERO {
        return Value::Null;
    }
    let share = part * Decimal::ONE_HUNDRED / whole;
    json!(share.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero).to_f64())
}

fn history(random: &mut Random) -> Vec<Spent> {
    let mut all = Vec::new();
    for _ in 0..250 {
        let (category, currency) = (random.of(&CATEGORIES), random.of(&["USD", "USD", "EUR"]));
        let amount = if random.once_in(5) { -random.within(1, 30_000) } else { random.within(1, 40_000) };
        let date = TODAY + Duration::days(random.within(-120, 16));
        all.push(Spent { date, amount: Decimal::new(amount, 2), category, currency, deleted: random.once_in(8) });
    }
    all
}

/// What the answers are compared with.
struct Model {
    all: Vec<Spent>,
    limits: BTreeMap<(&'static str, &'static str), Decimal>,
}

impl Model {
    fn spent(&self, category: &str, currency: &str, of: i32) -> Decimal {
        let held = |one: &&Spent| {
            !one.deleted && one.category == category && one.currency == currency && month(one.date) == of
        };
        self.all.iter().filter(held).map(|one| one.amount).sum()
    }

    /// Answers which of over, at risk and neither was seen.
    fn check_status(&self, status: &Value) -> BTreeSet<(bool, bool)> {
        let this: Vec<_> = CATEGORIES
            .iter()
            .map(|name| (*name, self.limits[&(*name, "2026-03-01")], self.spent(name, "USD", month(TODAY))))
            .collect();
        let (total, limit): (Decimal, Decimal) =
            (this.iter().map(|one| one.2).sum(), this.iter().map(|one| one.1).sum());
        assert_eq!((money(&status["total_spent"]), money(&status["total_budgeted"])), (total, limit));
        assert_eq!(status["percentage"], percent(total, limit));
        let counted = |name: &str| status[name].as_u64().unwrap();
        assert_eq!(counted("over_budget_count") + counted("at_risk_count") + counted("healthy_count"), 5);
        assert_eq!(status["other_currencies"], json!([]));
        let check = |(name, limit, spent): (&str, Decimal, Decimal)| {
            let of = |list: &str| status[list].as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
            let (over, at_risk) = (of("over_budget_categories"), of("at_risk_categories"));
            let expected = (spent > limit, spent <= limit && spent > limit * Decimal::new(8, 1));
            assert_eq!((over.is_some(), at_risk.is_some()), expected, "{name} {spent} of {limit}");
            if let Some(one) = &over {
                assert_eq!((money(&one["overage"]), &one["percentage"]), (spent - limit, &percent(spent, limit)));
            }
            if let Some(one) = &at_risk {
                assert_eq!((money(&one["remaining"]), money(&one["spent"])), (limit - spent, spent));
            }
            expected
        };
        this.into_iter().map(check).collect()
    }

    fn check_february(&self, compared: &Value, currency: &str) {
        let february = month(date!(2026 - 02 - 01));
        let (mut now, mut before) = (Decimal::ZERO, Decimal::ZERO);
        for one in compared["categories"].as_array().unwrap() {
            let name = one["category"].as_str().unwrap();
            let (this, previous) = (self.spent(name, currency, february), self.spent(name, currency, february - 1));
            assert_eq!((money(&one["spent"]), money(&one["previous_spent"])), (this, previous), "{name}");
            assert_eq!(money(&one["change"]), this - previous);
            assert_eq!(one["change_percentage"], percent(this - previous, previous));
            now += this.max(Decimal::ZERO);
            before += previous.max(Decimal::ZERO);
        }
        assert_eq!((money(&compared["spent"]), money(&compared["previous_spent"])), (now, before));
        assert_eq!((&compared["month"], &compared["previous_month"]), (&json!("2026-02"), &json!("2026-01")));
    }

    /// Answers whether all categories have a suggestion.
    fn check_suggestions(&self, suggested: &Value, currency: &str) -> bool {
        let told: BTreeMap<_, _> = suggested["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["category"].as_str().unwrap(), money(&one["suggested_amount"])))
            .collect();
        let expected: BTreeMap<_, _> =
            CATEGORIES.iter().filter_map(|name| Some((*name, suggestion(&self.all, name, currency)?))).collect();
        assert_eq!(told, expected, "{currency}");
        told.len() == CATEGORIES.len()
    }

    fn check_past(&self, one: &Value) {
        let (name, start) = (one["category"].as_str().unwrap(), one["start_date"].as_str().unwrap());
        let (start, of) =
            if start == "2026-03-01" { ("2026-03-01", month(TODAY)) } else { ("2026-02-01", month(TODAY) - 1) };
        let name = CATEGORIES.iter().find(|known| **known == name).unwrap();
        let (spent, limit) = (self.spent(name, "USD", of), self.limits[&(*name, start)]);
        assert_eq!((money(&one["spent"]), money(&one["amount"])), (spent, limit), "{name} {start}");
        assert_eq!((one["start_date"].as_str(), &one["is_over"]), (Some(start), &json!(start == "2026-02-01")));
        let at_risk = spent > limit * Decimal::new(8, 1);
        assert_eq!(
            one["status"],
            if spent > limit {
                "over"
            } else if at_risk {
                "at_risk"
            } else {
                "healthy"
            }
        );
    }
}

/// All periods that have begun, by pages of four.
async fn past(fresh: &Fresh, me: &Me) -> Vec<Value> {
    let (mut seen, mut asked, keys) = (Vec::new(), "limit=4".to_owned(), keys());
    loop {
        let page = ask(fresh, me, &asked, async |tx: &mut Tx, me: &Me, asked: &budgets::HistoryQuery| {
            budgets::history(tx, &keys, me, asked).await
        })
        .await;
        assert_eq!(page["total"], 10);
        seen.extend(page["data"].as_array().unwrap().clone());
        let Some(cursor) = page["next_cursor"].as_str() else { return seen };
        asked = format!("limit=4&cursor={cursor}");
    }
}

#[tokio::test]
async fn must_hold_24_status_comparison_history_and_suggestions_equal_a_model_to_the_cent() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    let (mut healths, mut always_suggested) = (BTreeSet::new(), true);
    for seed in 0..5 {
        let (me, other, mut random) = (fresh.user().await, fresh.user().await, Random::new(seed));
        let mut model = Model { all: history(&mut random), limits: BTreeMap::new() };
        spend(&fresh, &me, &model.all).await;
        // Nobody else's.
        spend(&fresh, &other, &model.all).await;
        for category in CATEGORIES {
            for (start, end) in
                [("2026-02-01", "2026-02-28"), ("2026-03-01", "2026-03-31"), ("2026-04-01", "2026-04-30")]
            {
                let limit = Decimal::new(random.within(10_000, 500_000), 2);
                let budget =
                    json!({"category": category, "amount": limit.to_string(), "start_date": start, "end_date": end});
                put(&db, &me, &budget).await.unwrap();
                model.limits.insert((category, start), limit);
            }
        }
        healths.extend(model.check_status(&ask(&fresh, &me, "", budgets::status).await));
        for (currency, others) in [("USD", json!(["EUR"])), ("EUR", json!(["USD"]))] {
            let asked = format!("month=2026-02&currency={currency}");
            let compared = ask(&fresh, &me, &asked, budgets::compare).await;
            model.check_february(&compared, currency);
            assert_eq!(compared["other_currencies"], others);
            let suggested = ask(&fresh, &me, &format!("currency={currency}"), budgets::suggestions).await;
            always_suggested &= model.check_suggestions(&suggested, currency);
        }
        let past = past(&fresh, &me).await;
        assert_eq!(past.len(), 10, "April has not begun");
        for one in &past {
            model.check_past(one);
        }
    }
    assert_eq!(healths.len(), 3, "over, at risk and healthy were all seen");
    assert!(!always_suggested, "a category that brings money in has no suggestion");
}

#[tokio::test]
async fn exactly_80_percent_is_healthy_and_exactly_100_is_at_risk() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for (category, amount) in [("a", 8_000), ("b", 8_001), ("c", 10_000), ("d", 10_001)] {
        put(&db, &me, &crate::budgets::march(category, "100")).await.unwrap();
        let amount = Decimal::new(amount, 2);
        spend(&fresh, &me, &[Spent { date: TODAY, amount, category, currency: "USD", deleted: false }]).await;
    }
    let status = ask(&fresh, &me, "", budgets::status).await;
    let names =
        |list: &str| -> Vec<Value> { status[list].as_array().unwrap().iter().map(|one| one["name"].clone()).collect() };
    assert_eq!(
        (names("over_budget_categories"), names("at_risk_categories")),
        (vec![json!("d")], vec![json!("c"), json!("b")])
    );
}

#[tokio::test]
async fn a_user_without_anything_gets_nothing_and_no_error() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let status = ask(&fresh, &me, "", budgets::status).await;
    assert_eq!(
        (&status["percentage"], &status["total_spent"], &status["currency"]),
        (&Value::Null, &json!("0.00"), &json!("USD"))
    );
    let compared = ask(&fresh, &me, "", budgets::compare).await;
    assert_eq!((&compared["month"], &compared["categories"]), (&json!("2026-03"), &json!([])));
    assert_eq!(ask(&fresh, &me, "", budgets::suggestions).await["data"], json!([]));
    let one = ask(&fresh, &me, "category=Travel", budgets::suggestions).await;
    assert_eq!(one["data"][0]["suggested_amount"], Value::Null);
    assert_eq!(one["data"][0]["category"], "Travel");
}

#[tokio::test]
async fn what_is_above_ten_thousand_a_month_is_flagged() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    for (category, cents) in [("high", 909_092), ("just", 909_091)] {
        let amount = Decimal::new(cents, 2);
        spend(&fresh, &me, &[Spent { date: date!(2026 - 02 - 01), amount, category, currency: "USD", deleted: false }])
            .await;
    }
    let told = ask(&fresh, &me, "", budgets::suggestions).await;
    let flags: Vec<_> = told["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["suggested_amount"].clone(), one["looks_high"].clone()))
        .collect();
    assert_eq!(flags, [(json!("10000.01"), json!(true)), (json!("10000.00"), json!(false))]);
}
