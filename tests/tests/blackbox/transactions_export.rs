//! Transactions as a file, and back again.

use crate::support::{
    cents, database,
    http::{Answer, Client},
    user::{User, text},
};
use serde_json::{Value, json};

fn fill(user: &User) {
    let odd =
        ["=SUM(A1)", "@cmd", "-1+1", "'t Winkeltje", "a \"quoted\" shop", "two\nlines", "Łódź; ☕, x", "NETFLIX.COM"];
    for (n, merchant) in odd.iter().enumerate() {
        let amount = if n % 3 == 0 { format!("-{n}.07") } else { format!("{n}1.10") };
        let body = json!({"amount": amount, "date": format!("2026-01-{:02}", n + 1), "merchant_raw": merchant, "note": format!("note {n}"),
                          "currency": if n % 2 == 0 { "EUR" } else { "USD" }});
        user.post("/transactions", &body).expect(201);
    }
}

/// What must come back: date, cents, currency, merchant and note.
fn essence(user: &User) -> Vec<(String, i64, String, String, Value)> {
    let all = user.transactions().into_iter().map(|one| {
        let merchant = text(&one["merchant_raw"]).split_whitespace().collect::<Vec<_>>().join(" ");
        (text(&one["date"]), cents(&one["amount"]), text(&one["currency"]), merchant, one["note"].clone())
    });
    let mut all: Vec<_> = all.collect();
    all.sort_by_key(|one| (one.0.clone(), one.1));
    all
}

#[test]
fn must_hold_22_what_is_exported_can_be_imported_and_is_the_same_to_the_cent() {
    let (user, other) = (User::register(), User::register());
    fill(&user);
    let csv = user.get("/transactions/export?format=csv");
    assert_eq!((csv.status, csv.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"transactions.csv\""));
    let formula = |line: &&str| {
        line.split(',').nth(1).is_some_and(|cell| cell.trim_matches('"').starts_with(['=', '+', '-', '@']))
    };
    assert_eq!(csv.text.lines().find(formula), None, "{}", csv.text);
    let import = other.import("/transactions/import", &csv.text);
    assert_eq!((&import["rows_imported"], &import["rows_failed"]), (&json!(8), &json!(0)), "{import}");
    assert_eq!(essence(&other), essence(&user));
    // Into the account that it came from it brings nothing new.
    assert_eq!(user.import("/transactions/import", &csv.text)["rows_duplicate"], 8);
    assert_eq!(user.transactions().len(), 8);
}

#[test]
fn the_json_is_what_the_list_says_and_filters_hold() {
    let user = User::register();
    fill(&user);
    let export =
        |query: &str| user.get(&format!("/transactions/export?format=json{query}")).expect(200)["data"].clone();
    assert_eq!(export(""), json!(user.transactions()));
    let filtered = user.get("/transactions?currency=EUR&min_amount=0").expect(200)["data"].clone();
    assert_eq!((export("&currency=EUR&min_amount=0"), filtered.as_array().unwrap().len()), (filtered.clone(), 2));
    assert_eq!(export("&category=Nothing"), json!([]));
    assert_eq!(user.get("/transactions/export?category=Nothing").text.lines().count(), 1, "the header");
    let first = text(&user.transactions()[0]["id"]);
    user.request("DELETE", &format!("/transactions/{first}")).send().expect(204);
    assert_eq!((export("").as_array().unwrap().len(), export("&include=deleted").as_array().unwrap().len()), (7, 8));
}

#[test]
fn must_hold_21_a_large_file_is_answered_by_a_link() {
    let (user, other) = (User::register(), User::register());
    fill(&other);
    let rows = format!(
        "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, note, changed_seq)
         SELECT '{}', gen_random_uuid(), n / 100.0, 'EUR', date '2026-01-01' + n % 365, 'Shop ' || n, n, 'csv', repeat('\"x ', 660), 1
         FROM generate_series(1, 9001) AS n",
        user.id
    );
    database::run(&rows);
    for format in ["csv", "json"] {
        let link = user.get(&format!("/transactions/export?format={format}")).expect(200);
        assert_eq!((&link["expires_in"], &link["rows"]), (&json!(900), &json!(9001)), "{format}");
        let file = fetch(&link["url"]);
        assert_eq!(file.status, 200);
        assert!(file.text.len() > 18_000_000, "{}", file.text.len());
        let sum: i64 = if format == "json" {
            file.json()["data"].as_array().unwrap().iter().map(|one| cents(&one["amount"])).sum()
        } else {
            file.text.lines().skip(1).map(|line| cents(&json!(line.split(',').nth(2).unwrap()))).sum()
        };
        assert_eq!(sum, 9001 * 9002 / 2, "{format}");
        assert!(text(&link["url"]).contains(&format!("exports/{}/", user.id)));
    }
    assert_eq!(user.get("/transactions/export?since=2026-12-31").text.lines().count(), 25, "a small one is answered");
}

fn fetch(url: &Value) -> Answer {
    let url = text(url);
    let (base, path) = url.split_at(url.match_indices('/').nth(2).unwrap().0);
    Client::new().to(base, "GET", path).send()
}
