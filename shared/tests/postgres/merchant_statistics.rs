//! Where a user spends, against a model that adds up by itself.

use crate::support::{Fresh, Random, query};
use serde_json::Value;
use shared::{
    domain::{
        auth::Me,
        merchants::{self, import_csv},
    },
    platform::db::{ReadDb, Tx},
};
use std::collections::BTreeMap;
use time::{Date, Duration, macros::date};
use uuid::Uuid;

async fn statistics(db: &ReadDb, me: &Me, asked: &str) -> Value {
    let asked = query(asked);
    let found = db.tx(async |tx: &mut Tx| {
        let found = merchants::statistics(tx, me, &asked).await;
        assert!(tx.statements() <= 2, "{}", tx.statements());
        found
    });
    serde_json::to_value(found.await.unwrap()).unwrap()
}

struct Row {
    merchant: usize,
    category: &'static str,
    currency: &'static str,
    cents: i64,
    date: Date,
    deleted: bool,
}

/// Count, last date, and cents and count by currency.
type Sums = (i64, Date, BTreeMap<&'static str, (i64, i64)>);

fn add<K: Ord>(sums: &mut BTreeMap<K, Sums>, key: K, row: &Row) {
    let one = sums.entry(key).or_insert((0, Date::MIN, BTreeMap::new()));
    let total = one.2.entry(row.currency).or_default();
    (one.0, one.1) = (one.0 + 1, one.1.max(row.date));
    (total.0, total.1) = (total.0 + row.cents, total.1 + 1);
}

fn money(cents: i64) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
}

/// Halves away from zero.
fn average(cents: i64, count: i64) -> String {
    money((2 * cents.abs() + count) / (2 * count) * cents.signum())
}

#[track_caller]
fn same(told: &Value, sums: &Sums) {
    assert_eq!(
        (told["count"].as_i64(), told["last_date"].as_str()),
        (Some(sums.0), Some(sums.1.to_string().as_str())),
        "{told}"
    );
    let totals: BTreeMap<&str, [String; 3]> = told["totals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sum| {
            let text = |name: &str| sum[name].as_str().unwrap().to_owned();
            (sum["currency"].as_str().unwrap(), [sum["count"].to_string(), text("total"), text("average")])
        })
        .collect();
    let model: BTreeMap<&str, [String; 3]> = sums
        .2
        .iter()
        .map(|(currency, (cents, n))| (*currency, [n.to_string(), money(*cents), average(*cents, *n)]))
        .collect();
    assert_eq!(totals, model, "{told}");
}

#[tokio::test]
async fn must_hold_24_and_25_statistics_equal_a_model_to_the_cent_without_deleted_rows() {
    let fresh = Fresh::new().await;
    let (me, other) = (fresh.user().await, fresh.user().await);
    let names: Vec<_> = (0..30).map(|n| format!("Shop number {n},Shopping")).collect();
    import_csv(&fresh.db(), &format!("canonical_name,category\n{}", names.join("\n")), |_| {}).await.unwrap();
    let mut conn = fresh.admin().await;
    let ids: Vec<Uuid> =
        sqlx::query_scalar("SELECT id FROM merchant_master ORDER BY id").fetch_all(&mut conn).await.unwrap();
    let mut random = Random::new(11);
    let mut rows = Vec::new();
    for n in 0..3000 {
        let square = random.within(0, 30) * random.within(0, 31) / 30;
        let cents = random.within(-500, 20_000);
        let row = Row {
            merchant: usize::try_from(square).unwrap(),
            category: random.of(&["Groceries", "Fuel", "Shopping", "My own"]),
            currency: random.of(&["EUR", "EUR", "USD"]),
            cents: if cents == 0 { 1 } else { cents },
            date: date!(2026 - 03 - 25) - Duration::days(random.within(0, 800)),
            deleted: random.once_in(8),
        };
        for (user, merchant) in [(&me, n % 10 > 0), (&other, true)] {
            if user.user_id == other.user_id && n % 3 > 0 {
                continue;
            }
            sqlx::query(
                "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, merchant_id, category, source, changed_seq, is_deleted, deleted_at)
                 VALUES ($1, $2, $3::bigint / 100.0, $4, $5, 'x', 1, $6, $7, 'csv', 1, $8, CASE WHEN $8 THEN now() END)",
            )
            .bind(user.user_id)
            .bind(Uuid::now_v7())
            .bind(row.cents)
            .bind(row.currency)
            .bind(row.date)
            .bind(merchant.then(|| ids[row.merchant]))
            .bind(row.category)
            .bind(row.deleted)
            .execute(&mut conn)
            .await
            .unwrap();
        }
        if n % 10 > 0 && !row.deleted {
            rows.push(row);
        }
    }
    let read = fresh.read_db();
    for (asked, from, to, category, limit) in [
        ("", date!(2025 - 03 - 16), date!(2026 - 03 - 15), None, 20),
        ("limit=100&since=2024-01-01&until=2026-12-31", date!(2024 - 01 - 01), date!(2026 - 12 - 31), None, 100),
        ("limit=3&category=Fuel&until=2025-06-30", date!(2024 - 07 - 01), date!(2025 - 06 - 30), Some("Fuel"), 3),
        ("since=2030-01-01&until=2030-01-01", date!(2030 - 01 - 01), date!(2030 - 01 - 01), None, 20),
    ] {
        let (mut merchants, mut categories) = (BTreeMap::new(), BTreeMap::new());
        let within = |row: &&Row| (from..=to).contains(&row.date) && category.is_none_or(|only| only == row.category);
        for row in rows.iter().filter(within) {
            add(&mut merchants, ids[row.merchant], row);
            add(&mut categories, row.category, row);
        }
        let told = statistics(&read, &me, asked).await;
        assert_eq!(
            (told["since"].as_str(), told["until"].as_str()),
            (Some(from.to_string().as_str()), Some(to.to_string().as_str()))
        );
        let mut order: Vec<_> = merchants.iter().map(|(id, sums)| (-sums.0, std::cmp::Reverse(sums.1), *id)).collect();
        order.sort_unstable();
        let told_ids: Vec<Uuid> = told["merchants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["merchant"]["id"].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(told_ids, order.iter().take(limit).map(|one| one.2).collect::<Vec<_>>(), "{asked}");
        for (id, one) in told_ids.iter().zip(told["merchants"].as_array().unwrap()) {
            same(one, &merchants[id]);
        }
        let all = told["categories"].as_array().unwrap();
        assert_eq!(all.len(), categories.len());
        for one in all {
            same(one, &categories[one["category"].as_str().unwrap()]);
        }
    }
}
