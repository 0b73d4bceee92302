//! Requests that read.

use super::{Case, Holds, list};
use crate::bench::data::User;
use serde_json::json;
use shared::platform::clock;
use time::Duration;

/// One word with a mistake, two, and what finds a merchant in each of the other ways.
const NAMES: [(&str, &str); 5] = [
    ("merchant search, exact", "q=starlink"),
    ("  by a prefix", "q=star"),
    ("  by an alias", "q=orange%20espagne"),
    ("  a word with a mistake", "q=starlnik"),
    ("  two words, one mistake", "q=deutsche%20telekmo"),
];

pub fn of(user: &User) -> Vec<Case> {
    let category = user.category.replace('&', "%26").replace(' ', "%20");
    let ago = |days: i64| clock::now().date().saturating_sub(Duration::days(days));
    // Days of the five years that hold some 1,600 transactions: an export that the answer itself holds.
    let few = (1_826 * 1_600 / user.rows.max(1)).clamp(1, 365);
    let filters = [
        ("  of a category", format!("category={category}")),
        ("  of a source", "source=manual".into()),
        ("  of a merchant", format!("merchant_id={}", user.merchant_id)),
        ("  of some dates", format!("since={}&until={}", ago(400), ago(370))),
        ("  of a currency", "currency=USD".into()),
        ("  of narrow amounts", "min_amount=19.50&max_amount=20.50".into()),
        ("  with words", "q=telekom".into()),
        ("  with deleted ones", "include=deleted".into()),
        ("  from offset 4,000", "offset=4000".into()),
    ];
    let words = [
        ("search, a rare word", "q=telekom"),
        ("  a word in one of twenty", "q=friends"),
        ("  two words", "q=deutsche%20telekom"),
    ];
    let mut cases = vec![list()];
    cases.extend(filters.map(|(title, query)| Case::of(title, "transactions.list").asking(query)));
    if user.rows > 50_000 {
        cases.push(Case::of("  from offset 50,000", "transactions.list").asking("offset=50000"));
    }
    cases.extend(words.map(|(title, query)| Case {
        main: "websearch_to_tsquery",
        first_page: true,
        ..Case::of(title, "transactions.search").asking(query)
    }));
    cases.extend([
        Case::of("one transaction", "transactions.get").at(&[user.transaction_id]).answering(Holds::Member("id")),
        Case { main: "t.created_seq", ..Case::of("sync, from the beginning", "transactions.sync") }
            .answering(Holds::Member("added")),
        Case::of("duplicates", "transactions.duplicates"),
        Case { rounds: 30, ..Case::of("export of 1,600, CSV", "transactions.export") }
            .asking(format!("since={}", ago(few)))
            .answering(Holds::Lines),
        Case { rounds: 30, ..Case::of("  as JSON", "transactions.export") }
            .asking(format!("since={}&format=json", ago(few))),
        Case { main: "FROM imports", ..Case::of("imports", "transactions.imports") },
        Case { main: "FROM imports", ..Case::of("one import", "transactions.import_get") }
            .at(&[user.import_id])
            .answering(Holds::Member("errors")),
        Case::of("saved mappings", "transactions.mappings"),
        Case::of("categories", "transactions.categories"),
        Case::of("budgets", "budgets.list").answering(Holds::Rows(10)),
        Case::of("  with their history", "budgets.list").asking("period=all"),
        Case::of("one budget", "budgets.get").at(&[user.budget_id]).answering(Holds::Member("spent")),
        Case::of("budgets at a glance", "budgets.status").answering(Holds::Member("total_spent")),
        Case::of("a month beside the last", "budgets.comparison").answering(Holds::Member("categories")),
        Case::of("past periods", "budgets.history"),
        Case::of("what to budget", "budgets.suggestions"),
        Case { rounds: 50, ..Case::of("statistics of a year", "merchants.statistics") }
            .answering(Holds::Member("merchants")),
        Case::of("me", "auth.me").answering(Holds::Member("email")),
        Case { main: "FROM sessions WHERE", ..Case::of("sessions", "auth.sessions") }.answering(Holds::Some),
    ]);
    cases.extend(NAMES.map(|(title, query)| Case::of(title, "merchants.search").asking(query)));
    cases.push(Case::of("  within a category", "merchants.search").asking("q=star&category=Shopping"));
    if let Some(id) = user.embedded {
        let similar = Case { rounds: 50, ..Case::of("similar", "transactions.similar") };
        cases.push(similar.sending(move |_| json!({"transaction_id": id})));
    }
    cases
}
