//! Budgets against a model that knows nothing of their code.

use crate::support::{Fresh, Model, Random, amount, body, call, cents, create, frames, later, merchant, patiently};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        budgets::{self, NewBudget},
        transactions,
    },
    platform::db::{Db, Tx},
};
use time::macros::date;
use uuid::Uuid;

const CATEGORIES: [&str; 3] = ["Groceries", "Fuel", "Subscriptions"];
const CURRENCIES: [&str; 2] = ["USD", "EUR"];
const TEXTS: [&str; 4] = ["NETFLIX.COM", "Shell 0049", "Corner shop", "Unheard of"];
const DAYS: [&str; 4] = ["2026-03-01", "2026-03-31", "2026-02-28", "2026-04-01"];

/// Some fields of a transaction.
fn fields(random: &mut Random, each: i64) -> Value {
    let mut fields = json!({});
    let mut maybe = |name: &str, random: &mut Random, value: &dyn Fn(&mut Random) -> String| {
        if random.once_in(each) {
            fields[name] = value(random).into();
        }
    };
    maybe("amount", random, &|random| amount(random.within(1, 20_000) * if random.once_in(4) { -1 } else { 1 }));
    maybe("date", random, &|random| random.of(&DAYS).into());
    maybe("merchant_raw", random, &|random| random.of(&TEXTS).into());
    maybe("currency", random, &|random| random.of(&CURRENCIES).into());
    if random.once_in(3) {
        fields["category"] = random.of(&CATEGORIES).into();
    }
    fields
}

/// Does something at random and returns what has become of the transaction.
async fn step(db: &Db, me: &Me, random: &mut Random, model: &Model) -> Option<Value> {
    let (live, deleted) = (model.ids(false), model.ids(true));
    let call = call(me, "", None);
    let stored =
        async |id: Uuid| json!(db.tx(async |tx: &mut Tx| transactions::get(tx, me.user_id, id).await).await.unwrap());
    match random.within(0, 10) {
        0..=3 => Some(json!(create(db, me, &fields(random, 1)).await)),
        4..=5 if !live.is_empty() => {
            let (id, patch) = (random.of(&live), body(&fields(random, 2)));
            let changed = patiently(async || {
                db.tx(async |tx: &mut Tx| transactions::update(tx, me, &call, id, &patch).await).await
            })
            .await;
            Some(json!(changed.transaction))
        }
        6 if !live.is_empty() => {
            let id = random.of(&live);
            let new = body(&json!({"transaction_id": id, "new_category": random.of(&CATEGORIES)}));
            patiently(async || db.tx(async |tx: &mut Tx| transactions::correct(tx, me, &call, &new).await).await).await;
            Some(stored(id).await)
        }
        7 if !live.is_empty() => {
            let id = random.of(&live);
            let mut gone = stored(id).await;
            patiently(async || db.tx(async |tx: &mut Tx| transactions::delete(tx, me, &call, id).await).await).await;
            gone["is_deleted"] = true.into();
            Some(gone)
        }
        8 if !live.is_empty() => {
            let id = random.of(&live);
            let mut after = stored(id).await;
            let action = random.of(&["keep", "delete"]);
            let asked = body(&json!({"resolutions": [{"transaction_id": id, "action": action}]}));
            patiently(async || db.tx(async |tx: &mut Tx| transactions::resolve(tx, me, &asked).await).await).await;
            after["is_deleted"] = (action == "delete").into();
            Some(after)
        }
        9 if !deleted.is_empty() => {
            let id = random.of(&deleted);
            let restored =
                patiently(async || db.tx(async |tx: &mut Tx| transactions::restore(tx, me, &call, id).await).await)
                    .await;
            Some(json!(restored))
        }
        _ => None,
    }
}

#[tokio::test]
async fn must_hold_26_budgets_and_alerts_equal_the_model_after_any_changes() {
    let fresh = Fresh::new().await;
    let db = fresh.db();
    merchant(&mut fresh.admin().await, "Netflix", "Subscriptions", &["netflix"]).await;
    merchant(&mut fresh.admin().await, "Shell", "Fuel", &["shell"]).await;
    let march = (date!(2026 - 03 - 01), date!(2026 - 03 - 31));
    let mut alerts = 0;
    for seed in 0..4 {
        let (me, mut random, mut model) = (fresh.user().await, Random::new(seed), Model::default());
        for category in CATEGORIES {
            for currency in CURRENCIES {
                let limit = random.within(30_000, 60_000);
                let json = json!({"category": category, "amount": amount(limit), "start_date": "2026-03-01", "end_date": "2026-03-31", "currency": currency});
                let new: NewBudget = body(&json);
                db.tx(async |tx: &mut Tx| budgets::put(tx, &me, &new).await).await.unwrap();
                model.budget(category, currency, limit, march);
            }
        }
        for n in 0..120 {
            // An hour and more between two, so that no alert is held back.
            let me = later(&me, n * 61);
            let Some(after) = step(&db, &me, &mut random, &model).await else { continue };
            model.take(&after);
        }
        let asked = crate::support::query("period=all");
        let listed = db.tx(async |tx: &mut Tx| budgets::list(tx, &me, &asked).await).await.unwrap();
        assert_eq!(listed.len(), 6);
        for budget in listed {
            let budget = json!(budget);
            let (category, currency) = (budget["category"].as_str().unwrap(), budget["currency"].as_str().unwrap());
            assert_eq!(cents(&budget["spent"]), model.spent(category, currency, march), "{seed} {category} {currency}");
        }
        let told: Vec<_> = frames(&fresh, &me).await.into_iter().filter(|(kind, _)| kind == "budget_alert").collect();
        let text = |alert: &Value, name: &str| alert[name].as_str().unwrap().to_owned();
        let mut told: Vec<_> = told
            .iter()
            .map(|(_, alert)| (alert["threshold"].as_i64().unwrap(), text(alert, "category"), text(alert, "currency")))
            .collect();
        // Two in the same commit have no order of their own.
        told.sort();
        model.alerts.sort();
        assert_eq!(told, model.alerts, "{seed}");
        alerts += model.alerts.len();
    }
    assert!(alerts > 10, "{alerts} alerts are too few to tell by");
}
