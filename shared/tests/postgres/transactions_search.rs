//! Full text over merchant and note.

use crate::support::{Fresh, Random, call, create, keys, query};
use serde_json::json;
use shared::{
    domain::{
        auth::{Me, with_user},
        transactions::{self, Match, Matches},
    },
    platform::{db::Tx, problem::Problem},
};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;
use uuid::Uuid;

async fn page(fresh: &Fresh, me: &Me, asked: &str) -> Result<Matches, Problem> {
    let (asked, call) = (query(asked), call(me, "", None));
    with_user(&fresh.read_db(), &call, async |tx: &mut Tx, me: &Me| {
        let found = transactions::search(tx, &keys(), me, &asked).await?;
        assert!(tx.statements() <= 3, "the session, the candidates, the rows: {}", tx.statements());
        Ok(found)
    })
    .await
}

/// All matches, page by page.
async fn all(fresh: &Fresh, me: &Me, asked: &str) -> Vec<Vec<Match>> {
    let (mut pages, mut path) = (Vec::new(), asked.to_owned());
    loop {
        let found = page(fresh, me, &path).await.unwrap();
        assert_eq!(found.has_more, found.next_cursor.is_some());
        pages.push(found.data);
        let Some(cursor) = found.next_cursor else { return pages };
        path = format!("{asked}&cursor={cursor}");
        assert!(pages.len() < 200, "no end");
    }
}

/// Transactions whose numbers say which words they have, an hour apart.
async fn fill(fresh: &Fresh, me: &Me, rows: i64) {
    let sql = format!(
        "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, note, changed_seq, is_deleted, deleted_at)
         SELECT '{}', (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-' || right(md5('{}' || n), 12))::uuid, 1, 'USD',
                date '2026-03-15' - (n / 24)::int,
                CASE WHEN n % 2 = 0 THEN 'COMMON.' ELSE 'other ' END || n,
                1, 'csv', CASE WHEN n % 400 = 3 THEN 'seldom' WHEN n % 10 = 4 THEN 'common again' END, 1, n % 7 = 0, CASE WHEN n % 7 = 0 THEN now() END
         FROM generate_series(1, {rows}) AS n",
        me.user_id, me.user_id
    );
    sqlx::query(AssertSqlSafe(sql)).execute(&mut fresh.admin().await).await.unwrap();
}

async fn expected(fresh: &Fresh, me: &Me, condition: &str) -> BTreeSet<Uuid> {
    let sql = format!("SELECT id FROM transactions WHERE user_id = '{}' AND {condition}", me.user_id);
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&mut fresh.admin().await).await.unwrap().into_iter().collect()
}

#[tokio::test]
async fn every_match_comes_once_and_each_window_the_best_first() {
    let fresh = Fresh::new().await;
    let (me, other) = (fresh.user().await, fresh.user().await);
    // More than are walked, so that seldom words are found by the index.
    fill(&fresh, &me, 12_000).await;
    fill(&fresh, &other, 300).await;
    for (asked, condition) in [
        ("q=common&limit=100", "merchant_raw LIKE 'COMMON%' AND NOT is_deleted"),
        ("q=common&limit=100&include=deleted", "merchant_raw LIKE 'COMMON%'"),
        ("q=seldom&limit=7", "note = 'seldom' AND NOT is_deleted"),
        ("q=seldom&limit=7&include=deleted", "note = 'seldom'"),
        (
            "q=seldom+or+again&limit=90&until=2025-12-31",
            "note IN ('seldom', 'common again') AND NOT is_deleted AND date <= '2025-12-31'",
        ),
        (
            "q=common+-again&limit=100&since=2026-01-01",
            "merchant_raw LIKE 'COMMON%' AND note IS DISTINCT FROM 'common again' AND NOT is_deleted AND date >= '2026-01-01'",
        ),
    ] {
        let pages = all(&fresh, &me, asked).await;
        let found: Vec<_> = pages.iter().flatten().map(|found| found.transaction.id).collect();
        let distinct: BTreeSet<_> = found.iter().copied().collect();
        assert_eq!(found.len(), distinct.len(), "{asked}: none twice");
        assert_eq!(distinct, expected(&fresh, &me, condition).await, "{asked}");
        for page in &pages {
            assert!(page.is_sorted_by(|a, b| {
                (a.rank, a.transaction.date, a.transaction.id) >= (b.rank, b.transaction.date, b.transaction.id)
            }));
        }
    }
    // Twice in a row is better than once, within the newest.
    let first = page(&fresh, &me, "q=common&limit=10").await.unwrap().data;
    assert!(first.iter().all(|found| found.transaction.note.as_deref() == Some("common again")), "{first:?}");
}

#[tokio::test]
async fn pages_neither_lose_nor_repeat_what_was_there_while_more_comes_in() {
    let fresh = Fresh::new().await;
    let (db, me, mut random) = (fresh.db(), fresh.user().await, Random::new(3));
    fill(&fresh, &me, 1_000).await;
    let before = expected(&fresh, &me, "merchant_raw LIKE 'COMMON%' AND NOT is_deleted").await;
    let (mut seen, mut path) = (Vec::new(), "q=common&limit=30".to_owned());
    loop {
        let found = page(&fresh, &me, &path).await.unwrap();
        seen.extend(found.data.iter().map(|found| found.transaction.id));
        let Some(cursor) = found.next_cursor else { break };
        let limit = random.within(1, 100);
        path = format!("q=common&limit={limit}&cursor={cursor}");
        for day in [0, 5, 30] {
            let date = (me.today - time::Duration::days(day)).to_string();
            create(&db, &me, &json!({"amount": "1", "date": date, "merchant_raw": "common"})).await;
        }
    }
    let old: Vec<_> = seen.iter().filter(|id| before.contains(id)).copied().collect();
    assert_eq!(old.len(), before.len(), "each once");
    assert_eq!(old.into_iter().collect::<BTreeSet<_>>(), before);
}

#[tokio::test]
async fn must_hold_20_what_is_special_elsewhere_is_harmless() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    create(
        &db,
        &me,
        &json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "Shop a", "note": "<b>100% \\ off</b>"}),
    )
    .await;
    for (q, found) in [
        ("%25", 0),
        ("%5C", 0),
        ("a+%26+", 1),
        ("shop%5C", 1),
        ("%27", 0),
        ("%22", 0),
        ("-", 0),
        ("or", 0),
        ("%28%29%7C%21%3A*", 0),
        ("sho*", 0),
        ("100%25", 1),
        ("shop+%3C-%3E+a", 1),
        ("%22shop+a%22", 1),
        ("-shop", 0),
        ("%F0%9F%92%B8", 0),
    ] {
        assert_eq!(page(&fresh, &me, &format!("q={q}")).await.unwrap().data.len(), found, "{q}");
    }
    let found = page(&fresh, &me, "q=b+OFF+shop").await.unwrap().data.pop().unwrap();
    let marked = |pieces: &[transactions::Piece]| {
        pieces
            .iter()
            .map(|piece| if piece.is_match { format!("[{}]", piece.text) } else { piece.text.clone() })
            .collect::<String>()
    };
    assert_eq!(marked(&found.merchant_pieces), "[Shop] a");
    assert_eq!(marked(&found.note_pieces.unwrap()), "<[b]>100% \\ [off]</[b]>");
}

#[tokio::test]
async fn a_cursor_of_another_search_or_user_is_refused() {
    let fresh = Fresh::new().await;
    let (me, other) = (fresh.user().await, fresh.user().await);
    fill(&fresh, &me, 100).await;
    let cursor = page(&fresh, &me, "q=common&limit=3").await.unwrap().next_cursor.unwrap();
    for (who, asked) in [(&me, "q=other"), (&other, "q=common"), (&me, "q=common&since=2026-01-01")] {
        let refused = page(&fresh, who, &format!("{asked}&cursor={cursor}")).await.unwrap_err();
        assert_eq!((refused.status, refused.errors[0].code.as_ref()), (422, "bad_cursor"), "{asked}");
    }
}
