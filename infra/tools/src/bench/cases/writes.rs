//! Requests that write. Each finds something of its own to change, and deleted transactions are restored.

use super::{Caller, Case, Holds};
use crate::bench::data::User;
use serde_json::json;
use shared::platform::clock;
use uuid::Uuid;

/// Rounds that a request has of which each needs something of its own: with those before the clock runs and those that
/// the floor is measured by, fewer than there are.
const OWN: usize = 100;

/// A request that writes: `main` is in the statement that does.
pub fn write(title: &'static str, handler: &'static str, main: &'static str) -> Case {
    Case { main, rounds: OWN, ..Case::of(title, handler) }
}

pub fn of(user: &User, tokens: Vec<String>) -> Vec<Case> {
    let (one, run) = ([user.transaction_id], Uuid::now_v7().simple().to_string());
    let today = clock::now().date();
    let first = today.replace_day(1).unwrap_or(today);
    let last = first.replace_day(first.month().length(first.year())).unwrap_or(today);
    let mut cases = vec![
        Case { rounds: 200, ..write("create", "transactions.create", "INSERT INTO transactions") }
            .sending(move |n| {
                // Amounts differ, so that no two are taken for the same purchase.
                let amount = format!("{}.{:02}", n / 100 + 1, n % 100);
                json!({"amount": amount, "date": today.to_string(), "merchant_raw": "STARBUCKS STORE 1234 SEATTLE"})
            })
            .answering(Holds::Member("id")),
        write("change a note", "transactions.update", "UPDATE transactions")
            .at(&one)
            .sending(|n| json!({"note": format!("note {n}")}))
            .answering(Holds::Member("id")),
        write("correct", "transactions.correct", "UPDATE transactions")
            .sending({
                let id = user.transaction_id;
                move |n| json!({"transaction_id": id, "new_category": if n % 2 == 0 { "Groceries" } else { "Travel" }})
            })
            .answering(Holds::Member("new_category")),
        write("delete", "transactions.delete", "UPDATE transactions").at(&user.live).answering(Holds::Nothing),
        write("restore", "transactions.restore", "UPDATE transactions").at(&user.live).answering(Holds::Member("id")),
        write("receipt", "transactions.receipt", "UPDATE transactions")
            .at(&one)
            .sending(|_| json!({"content_type": "image/png", "size": 1000}))
            .answering(Holds::Member("url")),
        Case::of("  its address", "transactions.receipt_get").at(&one).answering(Holds::Nothing),
        write("keep a duplicate", "transactions.resolve", "UPDATE transactions")
            .sending({
                let id = user.lookalike;
                move |_| json!({"transaction_id": id, "action": "keep"})
            })
            .answering(Holds::Member("results")),
        write("save a mapping", "transactions.mapping_save", "INSERT INTO import_mappings")
            .sending(|_| json!({"name": "Bench", "mapping": {"date": "Date", "amount": "Amount"}}))
            .answering(Holds::Member("id")),
        write("revert an import", "transactions.import_revert", "UPDATE imports")
            .at(&[user.import_id])
            .answering(Holds::Member("status")),
        write("set a budget", "budgets.put", "INSERT INTO budgets")
            .sending(move |n| {
                let (start, end) = (first.to_string(), last.to_string());
                json!({"category": "Travel", "amount": format!("{}.00", 900_000 + n), "start_date": start, "end_date": end})
            })
            .answering(Holds::Member("id")),
    ];
    if !user.over.is_empty() {
        let few = |title, handler, main| Case { rounds: 20, ..write(title, handler, main) }.at(&user.over);
        cases.extend([
            few("renew a budget", "budgets.renew", "INSERT INTO budget_periods").answering(Holds::Member("id")),
            few("delete a budget", "budgets.delete", "UPDATE budgets").answering(Holds::Nothing),
        ]);
    }
    if !user.merges.is_empty() {
        let name = run.clone();
        let (gone, stays) = (user.merchants.clone(), user.merchants.last().copied());
        cases.extend([
            write("add a merchant", "merchants.create", "INSERT INTO merchant_master")
                .asking("force=true")
                .sending(move |n| json!({"canonical_name": format!("Bench {name} {n}"), "category": "Shopping"}))
                .answering(Holds::Member("id")),
            Case {
                body: Some(Box::new(move |n| {
                    let rows = (0..100).map(|row| format!("Imported {run} {n} {row},Shopping"));
                    [vec!["canonical_name,category".to_owned()], rows.collect()].concat().join("\n")
                })),
                rounds: 10,
                ..write("import 100 merchants", "merchants.import", "INSERT INTO merchant_master")
            }
            .answering(Holds::Member("imported")),
            write("merge merchants", "merchants.merge", "INSERT INTO merchant_merges")
                .sending(move |n| json!({"from_id": gone.get(n), "into_id": stays}))
                .answering(Holds::Member("id")),
            write("undo a merge", "merchants.undo", "UPDATE merchant_merges")
                .at(&user.merges)
                .answering(Holds::Member("id")),
        ]);
    }
    cases.extend([
        write("change the profile", "auth.update", "UPDATE users")
            .sending(|n| json!({"full_name": format!("Bench {n}"), "preferences": {"theme": "dark"}}))
            .answering(Holds::Member("email")),
        write("resend a link", "auth.resend", "FOR NO KEY UPDATE").answering(Holds::Nothing),
    ]);
    let refresh = write("refresh", "auth.refresh", "UPDATE sessions")
        .sending(move |n| json!({"refresh_token": tokens.get(n + 1)}))
        .answering(Holds::Member("access_token"));
    let logout = write("log out", "auth.logout", "UPDATE sessions").answering(Holds::Nothing);
    cases.extend([refresh, Case { caller: Caller::EachSession, ..logout }]);
    cases
}
