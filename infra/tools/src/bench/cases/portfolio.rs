//! Requests about holdings, subscriptions and proofs, of other teams' programs, and what administrators look at.

use super::{Caller, Case, Holds, writes::write};
use crate::bench::data::User;
use serde_json::json;

pub fn of(user: &User) -> Vec<Case> {
    let mut cases = vec![
        Case::of("holdings", "portfolio.list").answering(Holds::Rows(50)),
        Case::of("  of a type", "portfolio.list").asking("asset_type=etf&currency=USD"),
        Case::of("one holding", "portfolio.get").at(&user.holdings).answering(Holds::Member("id")),
        Case::of("portfolio summary", "portfolio.summary").answering(Holds::Member("value")),
        Case { main: "ORDER BY next_expected_date", ..Case::of("subscriptions", "subscriptions.list") }
            .answering(Holds::Member("totals")),
        Case { main: "ORDER BY next_expected_date", ..Case::of("  that ended", "subscriptions.list") }
            .asking("status=ended&currency=USD"),
        Case::of("one subscription", "subscriptions.get").at(&user.subscriptions).answering(Holds::Member("id")),
        write("add a holding", "portfolio.create", "INSERT INTO portfolio_holdings")
            .sending(|n| json!({"asset_type": "crypto", "identifier": format!("BENCH{n}"), "units": "0.5"}))
            .answering(Holds::Member("id")),
        write("value a holding", "portfolio.update", "UPDATE portfolio_holdings")
            .at(&user.holdings)
            .sending(|n| json!({"last_valuation": format!("{}.25", n + 1)}))
            .answering(Holds::Member("id")),
        write("delete a holding", "portfolio.delete", "UPDATE portfolio_holdings")
            .at(&user.holdings)
            .answering(Holds::Nothing),
    ];
    if !user.services.is_empty() {
        cases.extend([
            Case::of("tasks", "admin.tasks").answering(Holds::Rows(50)),
            Case::of("  that died", "admin.tasks").asking("status=dead&kind=mail"),
            Case::of("one task", "admin.task").at(&user.runs).answering(Holds::Member("id")),
            Case::of("tasks of a day", "admin.task_statistics").asking("hours=24").answering(Holds::Some),
            Case::of("service tokens", "admin.service_tokens"),
            write("make a service token", "admin.service_token_create", "INSERT INTO service_tokens")
                .sending(|n| json!({"name": format!("bench {n}"), "scopes": ["anchors:write"]}))
                .answering(Holds::Member("token")),
            write("revoke a service token", "admin.service_token_revoke", "UPDATE service_tokens")
                .at(&user.services)
                .answering(Holds::Nothing),
            Case {
                caller: Caller::Program,
                main: "FROM user_corrections",
                ..Case::of("corrections to train with", "ingest.corrections")
            }
            .asking("limit=500"),
            Case {
                caller: Caller::Program,
                ..write("what a transaction's receipt is", "ingest.anchors", "UPDATE transactions")
            }
            .sending({
                let (user_id, transaction_id) = (user.id, user.transaction_id);
                move |n| {
                    let row =
                        json!({"user_id": user_id, "transaction_id": transaction_id, "ipfs_cid": format!("bench{n}")});
                    json!({"transactions": [row]})
                }
            })
            .answering(Holds::Member("transactions")),
            // Of the one user whose transaction is in a tree.
            Case::of("a proof", "proofs.proof").at(&[user.transaction_id]).answering(Holds::Member("path")),
            Case::of("roots", "proofs.anchors"),
        ]);
    }
    cases
}
