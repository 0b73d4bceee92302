//! Bodies and queries.

use super::{feed, recipe::Recipe};
use crate::{
    domain::{
        budgets::NewBudget,
        imports::NewMapping,
        portfolio::NewHolding,
        tasks::Task,
        transactions::{List, NewTransaction},
    },
    platform::{
        fields::{Fields, Read},
        problem::Problem,
    },
};

const BODIES: [&[u8]; 4] = [
    br#"{"amount": "12.50", "date": "2026-01-31", "merchant_raw": "Caf\u00e9 \ud83d\udca5", "category": "Travel", "currency": "EUR", "note": null}"#,
    br#"{"category": "Travel", "amount": 100, "start_date": "2026-01-01", "end_date": "2026-01-31", "auto_renew": true}"#,
    br#"{"name": "mine", "mapping": {"date": "Date", "amount": 3, "description": ["Text", 4], "header": true}}"#,
    br#"{"name": "Fund", "asset_type": "etf", "units": "1.00000001", "current_price": 3.5, "currency": "USD"}"#,
];

const SCRAPS: &[&[u8]] = &[
    b"\"",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"true",
    b"1e999",
    b"-0",
    b"\\u0000",
    b"\\ud800",
    b"\\",
    b"\0",
    b"\xff",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"9223372036854775808",
    b"\"amount\": \"1\",",
    b" ",
    b"NaN",
];

/// A refusal is the client's to mend.
fn refused<T>(read: Result<T, Problem>) {
    if let Err(problem) = read {
        assert!((400..500).contains(&problem.status), "{problem}");
    }
}

fn body<T: Read>(bytes: &[u8]) {
    refused(Fields::from_json(bytes).and_then(Fields::read::<T>));
}

#[test]
fn must_hold_19_no_body_is_a_fault_of_ours() {
    let seeds = BODIES.map(<[u8]>::to_vec);
    feed(|bytes| {
        let sent = Recipe(bytes).edited(&seeds, SCRAPS);
        body::<NewTransaction>(&sent);
        body::<NewBudget>(&sent);
        body::<NewMapping>(&sent);
        body::<NewHolding>(&sent);
    });
}

#[test]
fn must_hold_19_no_query_is_a_fault_of_ours() {
    let seeds =
        [b"since=2026-01-01&until=2026-01-31&category=Travel&min_amount=-1.50&q=caf%C3%A9&limit=50&offset=0".to_vec()];
    let scraps: &[&[u8]] =
        &[b"&", b"=", b"%", b"%00", b"%ff", b"+", b"limit=9223372036854775808", b"offset=-1", b"cursor=A"];
    feed(|bytes| {
        let sent = Recipe(bytes).edited(&seeds, scraps);
        refused(Fields::from_query(&String::from_utf8_lossy(&sent)).and_then(Fields::read::<List>));
    });
}

#[test]
fn must_hold_35_no_message_of_a_queue_panics() {
    let seeds = [br#"{"id": "0198c0de-0000-7000-8000-000000000001", "v": 1, "kind": "import", "user_id": "0198c0de-0000-7000-8000-000000000002", "import_id": "0198c0de-0000-7000-8000-000000000003"}"#.to_vec()];
    feed(|bytes| {
        let sent = Recipe(bytes).edited(&seeds, SCRAPS);
        if let Ok(task) = serde_json::from_slice::<Task>(&sent) {
            let again: Task = serde_json::from_str(&serde_json::to_string(&task).unwrap()).unwrap();
            assert_eq!(again.id, task.id);
        }
    });
}
