//! Lists: the same rows in the same order however they are paged, and filters that mean what they say.

use crate::support::{
    amount, cents,
    user::{User, day, text},
};
use serde_json::{Value, json};
use std::cmp::Reverse;

type Keeps<'a> = Box<dyn Fn(&Value) -> bool + 'a>;

fn ids(page: &Value) -> Vec<String> {
    page["data"].as_array().unwrap().iter().map(|row| text(&row["id"])).collect()
}

/// Thirty over six days: some categories, currencies, signs and texts.
fn filled() -> (User, Vec<Value>) {
    let user = User::register();
    let days: Vec<_> = (-5..=0).map(day).collect();
    let mut rows: Vec<_> = (0..30_i64)
        .map(|n| {
            let place = usize::try_from(n).unwrap();
            let cents = if n % 5 == 0 { -(n + 1) * 75 } else { (n + 1) * 125 };
            let merchant = ["Book shop", "Corner shop", "Bakery"][place % 3];
            let (category, currency) = (["Groceries", "Fuel"][place % 2], ["EUR", "USD"][place / 2 % 2]);
            let body = json!({
                "amount": amount(cents), "date": days[place * 7 % 6], "merchant_raw": merchant,
                "category": category, "currency": currency, "note": format!("number {n}"),
            });
            user.post("/transactions", &body).expect(201)
        })
        .collect();
    rows.sort_by_key(|row| Reverse((text(&row["date"]), text(&row["id"]))));
    (user, rows)
}

#[test]
fn pages_by_cursor_and_by_offset_are_the_list_newest_first() {
    let (user, rows) = filled();
    let expected: Vec<_> = rows.iter().map(|row| text(&row["id"])).collect();
    let whole = user.get("/transactions?limit=100").expect(200);
    assert_eq!(ids(&whole), expected);
    assert_eq!((&whole["has_more"], &whole["next_cursor"], &whole["total"]), (&json!(false), &Value::Null, &json!(30)));

    let (mut by_cursor, mut path) = (Vec::new(), "/transactions?limit=7".to_owned());
    loop {
        let page = user.get(&path).expect(200);
        by_cursor.extend(ids(&page));
        assert_eq!(page["total"], 30);
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        assert_eq!((ids(&page).len(), &page["has_more"]), (7, &json!(true)));
        path = format!("/transactions?limit=7&cursor={cursor}");
    }
    assert_eq!(by_cursor, expected);

    let by_offset = (0..5).flat_map(|n| ids(&user.get(&format!("/transactions?limit=7&offset={}", n * 7)).expect(200)));
    assert_eq!(by_offset.collect::<Vec<_>>(), expected);
    assert_eq!(ids(&user.get("/transactions?offset=30").expect(200)), Vec::<String>::new());
}

#[test]
fn a_page_that_was_begun_goes_on_where_it_was_when_rows_come_before_it() {
    let (user, rows) = filled();
    let first = user.get("/transactions?limit=10").expect(200);
    user.spend("1.00", "Groceries", "EUR");
    let second =
        user.get(&format!("/transactions?limit=10&cursor={}", first["next_cursor"].as_str().unwrap())).expect(200);
    let expected: Vec<_> = rows[10..20].iter().map(|row| text(&row["id"])).collect();
    assert_eq!(ids(&second), expected);
}

#[test]
fn each_filter_keeps_what_a_model_keeps() {
    let (user, rows) = filled();
    let (since, until) = (day(-3), day(-1));
    let filters: Vec<(String, Keeps)> = vec![
        ("category=Fuel".into(), Box::new(|row| row["category"] == "Fuel")),
        ("currency=USD".into(), Box::new(|row| row["currency"] == "USD")),
        ("source=manual".into(), Box::new(|_| true)),
        ("source=csv".into(), Box::new(|_| false)),
        (format!("since={since}"), Box::new(|row| text(&row["date"]) >= since)),
        (format!("until={until}"), Box::new(|row| text(&row["date"]) <= until)),
        ("min_amount=10".into(), Box::new(|row| cents(&row["amount"]) >= 10_00)),
        ("max_amount=-0.5".into(), Box::new(|row| cents(&row["amount"]) <= -50)),
        ("min_amount=0&max_amount=20.00".into(), Box::new(|row| (0..=20_00).contains(&cents(&row["amount"])))),
        ("q=bakery".into(), Box::new(|row| row["merchant_raw"] == "Bakery")),
        ("q=shop%20-book".into(), Box::new(|row| row["merchant_raw"] == "Corner shop")),
        ("q=%22number%207%22".into(), Box::new(|row| row["note"] == "number 7")),
        ("merchant_id=0199a6b2-0000-7000-8000-000000000000".into(), Box::new(|_| false)),
        (
            format!("category=Groceries&currency=EUR&since={since}&until={until}&q=shop"),
            Box::new(|row| {
                let date = text(&row["date"]);
                row["category"] == "Groceries"
                    && row["currency"] == "EUR"
                    && (&since..=&until).contains(&&date)
                    && row["merchant_raw"] != "Bakery"
            }),
        ),
    ];
    for (query, keeps) in filters {
        let expected: Vec<_> = rows.iter().filter(|row| keeps(row)).map(|row| text(&row["id"])).collect();
        let page = user.get(&format!("/transactions?limit=100&{query}")).expect(200);
        assert_eq!(ids(&page), expected, "{query}");
        assert_eq!(page["total"], expected.len(), "{query}");
    }
}

#[test]
fn a_merchant_is_found_by_its_name_when_the_bank_printed_an_address() {
    let user = User::register();
    let body = json!({"amount": "12.99", "date": "2026-01-05", "merchant_raw": "NETFLIX.COM", "currency": "EUR"});
    let made = user.post("/transactions", &body).expect(201);
    let merchant = text(&made["merchant"]["id"]);
    for query in [format!("merchant_id={merchant}"), "q=netflix.com".into(), "q=netflix".into()] {
        assert_eq!(user.get(&format!("/transactions?{query}")).expect(200)["total"], 1, "{query}");
    }
}

#[test]
fn deleted_ones_are_listed_when_asked_for() {
    let (user, rows) = filled();
    let id = text(&rows[3]["id"]);
    let delete = "UPDATE transactions SET is_deleted = true, deleted_at = now()";
    crate::support::database::run(&format!("{delete} WHERE user_id = '{}' AND id = '{id}'", user.id));
    assert_eq!(user.get("/transactions").expect(200)["total"], 29);
    let all = user.get("/transactions?include=deleted&limit=100").expect(200);
    assert_eq!((ids(&all), &all["total"]), (rows.iter().map(|row| text(&row["id"])).collect(), &json!(30)));
    let deleted: Vec<_> = all["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["is_deleted"] == true)
        .map(|row| text(&row["id"]))
        .collect();
    assert_eq!(deleted, [id]);
}

#[test]
fn merchants_are_ranked_name_alias_prefix_then_likeness() {
    let user = User::register();
    let search =
        |q: &str| user.get(&format!("/merchants/search?q={q}")).expect(200)["data"].as_array().unwrap().clone();
    let scores = |found: &[Value]| {
        found.iter().map(|m| (m["score"].to_string(), text(&m["canonical_name"]))).collect::<Vec<_>>()
    };
    assert_eq!(scores(&search("NETFLIX"))[0], ("1.0".into(), "Netflix".into()));
    assert_eq!(scores(&search("netflix.com"))[0], ("0.9".into(), "Netflix".into()));
    assert_eq!(scores(&search("netfl"))[0], ("0.7".into(), "Netflix".into()));
    let similar = search("netflx");
    assert_eq!(text(&similar[0]["canonical_name"]), "Netflix", "{similar:?}");
    for q in ["ama", "super", "market", "uber"] {
        let found = search(q);
        // Of one length up to the point, so that they sort as text.
        let numbers: Vec<_> = found.iter().map(|m| m["score"].to_string()).collect();
        assert!(numbers.is_sorted_by(|a, b| a >= b) && numbers.len() <= 20, "{q}: {numbers:?}");
        let mut names: Vec<_> = found.iter().map(|m| text(&m["id"])).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), found.len(), "{q}: each once");
        for tier in ["1.0", "0.9", "0.7"] {
            assert!(numbers.iter().filter(|score| *score == tier).count() <= 5, "{q}: {numbers:?}");
        }
    }
}
