//! Amounts and sums, against a model in whole cents that shares no code with what it checks.

use crate::support::{
    amount, cents, database, hundredths, random,
    user::{User, day, text, today},
};
use serde_json::{Value, json};

struct Spent {
    id: String,
    category: &'static str,
    currency: &'static str,
    cents: i64,
    counts: bool,
}

fn model(all: &[Spent], category: &str, currency: &str) -> i64 {
    all.iter().filter(|t| t.counts && t.category == category && t.currency == currency).map(|t| t.cents).sum()
}

#[track_caller]
fn assert_sums(user: &User, all: &[Spent], limit: i64) {
    let budgets = user.get("/budgets").expect(200);
    let budgets = budgets["data"].as_array().unwrap();
    assert_eq!(budgets.len(), 4);
    for budget in budgets {
        let spent = model(all, budget["category"].as_str().unwrap(), budget["currency"].as_str().unwrap());
        assert_eq!(cents(&budget["amount"]), limit);
        assert_eq!(cents(&budget["spent"]), spent, "{budget}");
        assert_eq!(cents(&budget["remaining"]), limit - spent, "{budget}");
        // Rounding to hundredths of a percent is free to differ by one.
        assert!(hundredths(&budget["percentage"]).abs_diff(spent * 10_000 / limit) <= 1, "{budget}");
    }
}

#[test]
fn must_hold_24_and_25_budget_sums_equal_the_model_to_the_cent_without_deleted_ones() {
    let user = User::register();
    let limit = 1_234_56;
    let (categories, currencies) = (["Groceries", "A label of mine"], ["EUR", "USD"]);
    for category in categories {
        for currency in currencies {
            user.budget(&amount(limit), category, currency);
        }
    }
    let mut all = Vec::new();
    let dates: Vec<_> = (-12..=0).map(day).collect();
    for n in 0..60 {
        let (category, currency) = (categories[n % 2], currencies[n / 2 % 2]);
        let spent = i64::try_from(random(40_000)).unwrap() + 1;
        let spent = if n % 7 == 0 { -spent } else { spent };
        let place = usize::try_from(random(13)).unwrap();
        let body = json!({
            "amount": amount(spent), "date": dates[place], "merchant_raw": format!("Shop {n}"),
            "category": category, "currency": currency,
        });
        let made = user.post("/transactions", &body).expect(201);
        // Budgets of these tests begin ten days ago.
        all.push(Spent { id: text(&made["id"]), category, currency, cents: spent, counts: place >= 2 });
    }
    assert_sums(&user, &all, limit);

    for spent in all.iter_mut().filter(|spent| spent.cents % 3 == 0) {
        let delete = format!(
            "UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE user_id = '{}' AND id = '{}'",
            user.id, spent.id
        );
        assert_eq!(database::run(&delete), 1);
        spent.counts = false;
    }
    assert_sums(&user, &all, limit);

    let listed = user.transactions();
    let left = database::one::<i64>(&format!(
        "SELECT count(*) FROM transactions WHERE user_id = '{}' AND NOT is_deleted",
        user.id
    ));
    assert_eq!(i64::try_from(listed.len()).unwrap(), left);
    assert_eq!(user.get("/transactions?limit=1").expect(200)["total"], left);
    for spent in all.iter().filter(|spent| spent.cents % 3 == 0) {
        assert!(listed.iter().all(|row| row["id"] != spent.id.as_str()));
        assert_eq!(user.get(&format!("/transactions/{}", spent.id)).status, 404);
    }
}

#[test]
fn must_hold_25_a_deleted_transaction_causes_no_alert_and_is_no_duplicate() {
    let user = User::register();
    user.budget("100.00", "Fuel", "EUR");
    user.spend("70.00", "Fuel", "EUR");
    database::run(&format!(
        "UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE user_id = '{}'",
        user.id
    ));
    let again = user.spend("70.00", "Fuel", "EUR");
    assert_eq!(again["duplicate_of"], Value::Null);
    let alerts = format!("SELECT count(*) FROM events WHERE user_id = '{}' AND type = 'budget_alert'", user.id);
    assert_eq!(database::one::<i64>(&alerts), 0);
}

#[test]
fn must_hold_29_two_coffees_are_two_coffees_and_the_second_is_flagged() {
    let user = User::register();
    let (first, second) = (user.spend("3.20", "Food & Dining", "EUR"), user.spend("3.20", "Food & Dining", "EUR"));
    assert_eq!((&first["duplicate_of"], &second["duplicate_of"]), (&Value::Null, &first["id"]));
    assert_eq!(user.spend("3.20", "Food & Dining", "USD")["duplicate_of"], Value::Null);
    assert_eq!(user.transactions().len(), 3);
}

#[test]
fn must_hold_23_odd_amounts_are_refused_and_never_rounded() {
    let user = User::register();
    let refused = [
        ("\"NaN\"", "not_an_amount"),
        ("\"Infinity\"", "not_an_amount"),
        ("\"1e3\"", "not_an_amount"),
        ("1e3", "not_an_amount"),
        ("1E-2", "not_an_amount"),
        ("\"1_000\"", "not_an_amount"),
        ("\"1,50\"", "not_an_amount"),
        ("\"0x10\"", "not_an_amount"),
        ("\"+1\"", "not_an_amount"),
        ("\" 1\"", "not_an_amount"),
        ("\"١٢\"", "not_an_amount"),
        ("true", "not_an_amount"),
        ("[1]", "not_an_amount"),
        ("1.005", "too_many_decimals"),
        ("\"0.001\"", "too_many_decimals"),
        ("0", "zero_amount"),
        ("\"-0.00\"", "zero_amount"),
        ("1000000000000", "too_large"),
        ("\"-1000000000000.00\"", "too_large"),
        ("99999999999999999999999999999999", "too_large"),
        ("null", "required"),
    ];
    for (written, code) in refused {
        let body = format!(r#"{{"amount": {written}, "date": "{}", "merchant_raw": "Corner shop"}}"#, today());
        let answer = user.request("POST", "/transactions").body("application/json", body).send();
        assert_eq!(answer.expect(422)["errors"][0]["code"], code, "{written}");
    }
    assert_eq!(user.transactions().len(), 0);
    for (written, shown) in [
        ("0.1", "0.10"),
        ("12.5", "12.50"),
        ("\"-0.01\"", "-0.01"),
        ("999999999999.99", "999999999999.99"),
        ("\"-999999999999.99\"", "-999999999999.99"),
        ("450359962737.49", "450359962737.49"),
    ] {
        let body = format!(r#"{{"amount": {written}, "date": "{}", "merchant_raw": "Corner shop"}}"#, today());
        let answer = user.request("POST", "/transactions").body("application/json", body).send();
        let made = answer.expect(201);
        assert_eq!(made["amount"], shown, "{written}");
        assert_eq!(user.get(&format!("/transactions/{}", made["id"].as_str().unwrap())).expect(200)["amount"], shown);
    }
}

#[test]
fn sums_at_the_edge_of_what_an_amount_holds_are_still_right() {
    let user = User::register();
    user.budget("999999999999.99", "Savings", "EUR");
    for _ in 0..3 {
        user.spend("999999999999.99", "Savings", "EUR");
    }
    let budget = &user.get("/budgets").expect(200)["data"][0];
    assert_eq!((&budget["spent"], &budget["remaining"]), (&json!("2999999999999.97"), &json!("-1999999999999.98")));
}

#[test]
fn must_hold_23_the_database_refuses_nan_and_zero_too() {
    let user = User::register();
    let made = text(&user.spend("1.00", "Fuel", "EUR")["id"]);
    for bad in ["'NaN'", "0", "1000000000000"] {
        let block = format!(
            "DO $$ BEGIN UPDATE transactions SET amount = {bad} WHERE user_id = '{}' AND id = '{made}';
             RAISE 'the database took it'; EXCEPTION WHEN check_violation OR numeric_value_out_of_range THEN NULL; END $$",
            user.id
        );
        database::run(&block);
    }
}
