//! Holdings: what they say, what they add up to, and whom they are shown to.

use crate::support::{Fresh, Random, body, call, frames, keys, later, matching, query};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::{Me, with_user},
        portfolio::{self, Holding, Summary},
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
    },
};
use std::collections::BTreeMap;
use uuid::Uuid;

async fn create(db: &Db, me: &Me, json: Value) -> Holding {
    let new = body(&json);
    db.tx(async |tx: &mut Tx| portfolio::create(tx, me, &new).await).await.unwrap()
}

async fn update(db: &Db, me: &Me, id: Uuid, json: Value) -> Result<Holding, Problem> {
    let (patch, call) = (body(&json), call(me, "", None));
    db.tx(async |tx: &mut Tx| portfolio::update(tx, me, &call, id, &patch).await).await
}

async fn delete(db: &Db, me: &Me, id: Uuid) -> Result<(), Problem> {
    let call = call(me, "", None);
    db.tx(async |tx: &mut Tx| portfolio::delete(tx, me, &call, id).await).await
}

async fn summary(fresh: &Fresh, me: &Me, asked: &str) -> Summary {
    let (asked, call) = (query(asked), call(me, "", None));
    let sums = async |tx: &mut Tx, live: &Me| {
        let sums = portfolio::summary(tx, &Me { now: me.now, ..live.clone() }, &asked).await?;
        assert_eq!(tx.statements(), 2, "the session, and all sums at once");
        Ok(sums)
    };
    with_user(&fresh.read_db(), &call, sums).await.unwrap()
}

/// All holdings by walking the pages, and how many the first page says there are.
async fn list(fresh: &Fresh, me: &Me, filters: &str) -> (Vec<Value>, i64) {
    let (mut all, mut cursor, mut total) = (Vec::new(), String::new(), None);
    loop {
        let asked = query(&format!("limit=3{filters}{cursor}"));
        let read = fresh.read_db();
        let page = async |tx: &mut Tx| {
            let page = portfolio::list(tx, &keys(), me, &asked).await?;
            assert_eq!(tx.statements(), 1, "and the session's");
            Ok::<_, Problem>(page)
        };
        let page = read.tx(page).await.unwrap();
        assert_eq!(page.has_more, page.next_cursor.is_some());
        total.get_or_insert(page.total);
        all.extend(page.data.iter().map(|holding| json!(holding)));
        match page.next_cursor {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return (all, total.unwrap()),
        }
    }
}

fn etf() -> Value {
    json!({"asset_type": "etf", "identifier": "VWCE", "units": "12.5", "cost_basis": "1100", "last_valuation": "1250.40"})
}

#[tokio::test]
async fn a_holding_says_what_is_gained_as_far_as_that_is_known() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let shown = json!(create(&db, &me, etf()).await);
    let gained = |shown: &Value| (shown["value"].clone(), shown["gain"].clone(), shown["gain_percentage"].clone());
    assert_eq!(gained(&shown), (json!("1250.40"), json!("150.40"), json!(13.67)));
    assert_eq!((&shown["units"], &shown["currency"]), (&json!("12.50000000"), &json!("USD")));
    for (change, expected) in [
        (json!({"cost_basis": null}), (json!("1250.40"), json!(null), json!(null))),
        (json!({"last_valuation": null}), (json!(null), json!(null), json!(null))),
        (json!({"cost_basis": "0"}), (json!("1250.40"), json!("1250.40"), json!(null))),
        (json!({"last_valuation": 0}), (json!("0.00"), json!("-1100.00"), json!(-100.0))),
        (
            json!({"last_valuation": "999999999999.99", "cost_basis": "0.01"}),
            (json!("999999999999.99"), json!("999999999999.98"), json!(9_999_999_999_999_800.0)),
        ),
    ] {
        let id = create(&db, &me, etf()).await.id;
        let changed = update(&db, &me, id, change.clone()).await.unwrap();
        assert_eq!(gained(&json!(changed)), expected, "{change}");
        let read = fresh.read_db().tx(async |tx: &mut Tx| portfolio::get(tx, &me, id).await).await.unwrap();
        assert_eq!(read, changed, "it is stored as it was answered");
    }
}

#[tokio::test]
async fn a_valuation_is_stale_after_seven_days_and_fresh_when_it_is_said_again() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let id = create(&db, &me, etf()).await.id;
    let stale =
        async |me: &Me| fresh.read_db().tx(async |tx: &mut Tx| portfolio::get(tx, me, id).await).await.unwrap().stale;
    let week = 7 * 24 * 60;
    assert!(!stale(&later(&me, week)).await);
    let old = later(&me, week + 1);
    assert!(stale(&old).await);
    // Another edit says nothing of the value.
    assert!(update(&db, &old, id, json!({"units": 13})).await.unwrap().stale);
    let again = update(&db, &old, id, json!({"last_valuation": "1250.40"})).await.unwrap();
    assert!(!again.stale);
    assert_eq!(again.valued_at, Some(old.now));
    let never = update(&db, &old, id, json!({"last_valuation": null})).await.unwrap();
    assert!(never.stale && never.valued_at.is_none());
    for refused in [
        json!({"valued_at": "2026-03-01T00:00:00Z"}),
        json!({"last_valuation": "1", "valued_at": "2030-01-01T00:00:00Z"}),
    ] {
        assert_eq!(update(&db, &old, id, refused).await.unwrap_err().status, 422);
    }
}

#[tokio::test]
async fn each_change_is_a_frame_and_none_is_none() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let made = create(&db, &me, etf()).await;
    let changed = update(&db, &me, made.id, json!({"units": "13"})).await.unwrap();
    let same = update(&db, &me, made.id, json!({"units": 13, "identifier": "VWCE", "currency": "USD"})).await.unwrap();
    assert_eq!(same, changed, "nothing is another, so not even its ETag");
    let stale = matching(&me, &made.etag());
    let patch = body(&json!({"units": 1}));
    let refused = db.tx(async |tx: &mut Tx| portfolio::update(tx, &me, &stale, made.id, &patch).await).await;
    assert_eq!(refused.unwrap_err().status, 412);
    let refused = db.tx(async |tx: &mut Tx| portfolio::delete(tx, &me, &stale, made.id).await).await;
    assert_eq!(refused.unwrap_err().status, 412);
    delete(&db, &me, made.id).await.unwrap();
    assert_eq!(delete(&db, &me, made.id).await.unwrap_err().status, 404);
    assert_eq!(update(&db, &me, made.id, json!({"units": 1})).await.unwrap_err().status, 404);
    let told = frames(&fresh, &me).await;
    let mut gone = json!(changed);
    gone["is_deleted"] = true.into();
    let expected = [json!(made), json!(changed), gone].map(|data| ("portfolio_update".to_owned(), data));
    assert_eq!(told, expected);
}

#[tokio::test]
async fn must_hold_14_to_16_nobody_reaches_anothers_holding() {
    let fresh = Fresh::new().await;
    let (db, owner, stranger) = (fresh.db(), fresh.user().await, fresh.user().await);
    let theirs = create(&db, &owner, etf()).await;
    let mine =
        create(&db, &stranger, json!({"asset_type": "cash", "identifier": "x", "units": 1, "last_valuation": 5})).await;
    let read = fresh.read_db().tx(async |tx: &mut Tx| portfolio::get(tx, &stranger, theirs.id).await).await;
    assert_eq!(read.unwrap_err().status, 404);
    assert_eq!(update(&db, &stranger, theirs.id, json!({"units": 1})).await.unwrap_err().status, 404);
    assert_eq!(delete(&db, &stranger, theirs.id).await.unwrap_err().status, 404);
    let (listed, total) = list(&fresh, &stranger, "").await;
    assert_eq!((listed, total), (vec![json!(mine)], 1));
    assert_eq!(summary(&fresh, &stranger, "").await.value.amount().to_string(), "5.00");
    let unharmed = fresh.read_db().tx(async |tx: &mut Tx| portfolio::get(tx, &owner, theirs.id).await).await.unwrap();
    assert_eq!(unharmed, theirs);
}

/// What a test remembers of a holding, in cents.
#[derive(Clone)]
struct Kept {
    asset_type: &'static str,
    currency: &'static str,
    cost: Option<i64>,
    value: Option<i64>,
    /// Minutes after the beginning.
    valued: i64,
}

const TYPES: [&str; 7] = ["stock", "etf", "fund", "bond", "crypto", "cash", "other"];

fn text(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn signed(cents: i64) -> String {
    if cents < 0 { format!("-{}", text(-cents)) } else { text(cents) }
}

/// Percent with two decimals, rounded half to even as the code under test has it.
fn percent(part: i64, whole: i64) -> Value {
    let share = Decimal::from(part) * Decimal::ONE_HUNDRED / Decimal::from(whole);
    let share = share.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
    serde_json::from_str(&share.to_string()).unwrap()
}

fn number(value: &Value) -> Option<Decimal> {
    (!value.is_null()).then(|| value.to_string().parse::<Decimal>().unwrap().normalize())
}

/// What a summary says of some holdings: how many, value, cost, gain and its percentage.
fn expected(kept: &[&Kept]) -> (i64, String, String, Value, Option<Decimal>) {
    let known: Vec<_> = kept.iter().filter_map(|one| one.value.zip(one.cost)).collect();
    let (value, cost): (i64, i64) = known.iter().fold((0, 0), |(v, c), (value, cost)| (v + value, c + cost));
    let gain = if known.is_empty() { Value::Null } else { signed(value - cost).into() };
    let percentage = if known.is_empty() || cost == 0 { Value::Null } else { percent(value - cost, cost) };
    (
        i64::try_from(kept.len()).unwrap(),
        text(kept.iter().filter_map(|one| one.value).sum()),
        text(kept.iter().filter_map(|one| one.cost).sum()),
        gain,
        number(&percentage),
    )
}

fn told(shown: &Value) -> (i64, String, String, Value, Option<Decimal>) {
    let text = |name: &str| shown[name].as_str().unwrap().to_owned();
    (
        shown["holdings"].as_i64().unwrap(),
        text("value"),
        text("cost_basis"),
        shown["gain"].clone(),
        number(&shown["gain_percentage"]),
    )
}

async fn compare(fresh: &Fresh, me: &Me, minutes: i64, kept: &BTreeMap<Uuid, Kept>) {
    for currency in ["USD", "EUR", "JPY"] {
        let own: Vec<_> = kept.values().filter(|one| one.currency == currency).collect();
        let shown = json!(summary(fresh, me, &format!("currency={currency}")).await);
        assert_eq!(told(&shown), expected(&own), "{currency} {shown}");
        let stale = |one: &&&Kept| one.value.is_none() || one.valued < minutes - 7 * 24 * 60;
        let counts = [
            ("without_valuation", own.iter().filter(|one| one.value.is_none()).count()),
            ("stale", own.iter().filter(stale).count()),
        ];
        for (name, count) in counts {
            assert_eq!(shown[name], json!(count), "{currency} {name}");
        }
        let by_type: Vec<_> = TYPES
            .iter()
            .map(|kind| (*kind, own.iter().filter(|one| one.asset_type == *kind).copied().collect::<Vec<_>>()))
            .filter(|(_, own)| !own.is_empty())
            .collect();
        let shown_types = shown["by_asset_type"].as_array().unwrap();
        assert_eq!(shown_types.len(), by_type.len());
        for (shown, (kind, own)) in shown_types.iter().zip(by_type) {
            assert_eq!(shown["asset_type"], kind);
            assert_eq!(told(shown), expected(&own), "{kind} {shown}");
        }
        let mut others: Vec<_> = kept.values().map(|one| one.currency).filter(|one| *one != currency).collect();
        others.sort_unstable();
        others.dedup();
        assert_eq!(shown["other_currencies"], json!(others));
    }
    let (listed, total) = list(fresh, me, "&asset_type=etf&currency=EUR").await;
    let own = kept.iter().filter(|(_, one)| (one.asset_type, one.currency) == ("etf", "EUR"));
    let own: Vec<_> = own.map(|(id, _)| json!(id)).rev().collect();
    assert_eq!(listed.iter().map(|one| one["id"].clone()).collect::<Vec<_>>(), own, "the last added first");
    assert_eq!(usize::try_from(total).unwrap(), own.len());
}

#[tokio::test]
async fn must_hold_24_and_25_sums_equal_a_model_to_the_cent_after_any_change() {
    let fresh = Fresh::new().await;
    let (db, start) = (fresh.db(), fresh.user().await);
    let (mut random, mut kept, mut minutes) = (Random::new(7), BTreeMap::<Uuid, Kept>::new(), 0);
    for step in 0..160 {
        minutes += random.within(0, 400);
        let me = later(&start, minutes);
        let amount = |random: &mut Random| (!random.once_in(4)).then(|| random.within(0, 10_000_000_000));
        let ids: Vec<_> = kept.keys().copied().collect();
        match random.within(0, 10) {
            0..=4 => {
                let (asset_type, currency) = (random.of(&TYPES), random.of(&["USD", "EUR"]));
                let one = Kept {
                    asset_type,
                    currency,
                    cost: amount(&mut random),
                    value: amount(&mut random),
                    valued: minutes,
                };
                let holding = create(
                    &db,
                    &me,
                    json!({"asset_type": asset_type, "identifier": "x", "units": "0.1", "currency": currency,
                           "cost_basis": one.cost.map(text), "last_valuation": one.value.map(text)}),
                )
                .await;
                kept.insert(holding.id, one);
            }
            5..=7 if !ids.is_empty() => {
                let id = random.of(&ids);
                let one = kept.get_mut(&id).unwrap();
                if random.once_in(2) {
                    (one.value, one.valued) = (amount(&mut random), minutes);
                    update(&db, &me, id, json!({"last_valuation": one.value.map(text)})).await.unwrap();
                } else {
                    (one.cost, one.currency) = (amount(&mut random), random.of(&["USD", "EUR"]));
                    let patch = json!({"cost_basis": one.cost.map(text), "currency": one.currency});
                    update(&db, &me, id, patch).await.unwrap();
                }
            }
            8 if !ids.is_empty() => {
                let id = random.of(&ids);
                delete(&db, &me, id).await.unwrap();
                kept.remove(&id);
            }
            _ => {}
        }
        if step % 20 == 19 {
            compare(&fresh, &me, minutes, &kept).await;
        }
    }
    assert!(kept.len() > 20, "{}", kept.len());
}
