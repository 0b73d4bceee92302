//! What changed since a client last asked: whatever happens between its pages, it ends with what the server has.

use crate::support::{Fresh, Random, call, create, keys, query};
use serde_json::json;
use shared::{
    domain::{
        auth::Me,
        events::Turn,
        sync::{self, Changes},
        transactions::{self, Bulk, Patch},
    },
    platform::{
        db::{Db, ReadDb, Tx},
        problem::Problem,
    },
};
use sqlx::Row;
use std::collections::BTreeMap;
use uuid::Uuid;

async fn ask(db: &ReadDb, me: &Me, text: &str) -> Result<Changes, Problem> {
    db.tx(async |tx: &mut Tx| sync::changes(tx, &keys(), me, &query(text)).await).await
}

/// A client that believes what the route says, to the letter.
#[derive(Default)]
struct Client {
    rows: BTreeMap<Uuid, i64>,
    cursor: Option<String>,
}

impl Client {
    /// One page; whether there is more.
    async fn page(&mut self, db: &ReadDb, me: &Me, limit: i64) -> Changes {
        let cursor = self.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let changes = ask(db, me, &format!("limit={limit}{cursor}")).await.unwrap();
        let rows = changes.added.len() + changes.modified.len() + changes.removed.len();
        assert!(rows <= usize::try_from(limit).unwrap(), "{rows} of at most {limit}");
        for added in &changes.added {
            self.rows.insert(added.id, added.changed_seq);
        }
        for modified in &changes.modified {
            let before = self.rows.insert(modified.id, modified.changed_seq);
            assert!(before.is_some_and(|before| before < modified.changed_seq), "modified, and it was never added");
        }
        for removed in &changes.removed {
            self.rows.remove(&removed.id);
        }
        self.cursor = Some(changes.next_cursor.clone());
        changes
    }

    async fn catch_up(&mut self, db: &ReadDb, me: &Me, limit: i64) {
        while self.page(db, me, limit).await.has_more {}
    }
}

async fn stored(fresh: &Fresh, me: &Me) -> BTreeMap<Uuid, i64> {
    let sql = "SELECT id, changed_seq FROM transactions WHERE user_id = $1 AND NOT is_deleted";
    let rows = sqlx::query(sql).bind(me.user_id).fetch_all(&mut fresh.admin().await).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Rows that share a change, as an import's chunk does.
async fn chunk(db: &Db, me: &Me, rows: i64) -> Vec<Uuid> {
    let mut bulk = Bulk::default();
    for n in 0..rows {
        bulk.ids.push(Uuid::now_v7());
        bulk.amounts.push(n.saturating_add(1).into());
        bulk.currencies.push("EUR".into());
        bulk.dates.push(me.today);
        bulk.merchants_raw.push("Corner shop".into());
        bulk.merchant_keys.push(7);
        bulk.merchant_ids.push(None);
        bulk.categories.push("Other".into());
        bulk.notes.push(None);
        bulk.external_ids.push(None);
        bulk.occurrences.push(1);
        bulk.duplicates_of.push(None);
    }
    let store = async |tx: &mut Tx| {
        let turn = Turn::take(tx, me.user_id, me.now).await?;
        transactions::bulk_insert(tx, me.user_id, None, turn.changed_seq, me.now, &bulk).await?;
        turn.finish(tx).await
    };
    db.tx(store).await.unwrap();
    bulk.ids
}

/// Something that a user or a program does, at random.
async fn act(db: &Db, me: &Me, random: &mut Random, all: &mut Vec<Uuid>) {
    let any = |random: &mut Random, all: &[Uuid]| (!all.is_empty()).then(|| random.of(all));
    let request = call(me, "", None);
    match random.within(0, 10) {
        0 => {
            let rows = random.within(1, 40);
            all.extend(chunk(db, me, rows).await);
        }
        1..4 => {
            let body = json!({"amount": "1.00", "date": "2026-03-15", "merchant_raw": "Corner shop"});
            all.push(create(db, me, &body).await.id);
        }
        4..6 => {
            if let Some(id) = any(random, all) {
                // Whether it is deleted or not: one of them is refused.
                let _ = db.tx(async |tx: &mut Tx| transactions::delete(tx, me, &request, id).await).await;
            }
        }
        6..8 => {
            if let Some(id) = any(random, all) {
                let _ = db.tx(async |tx: &mut Tx| transactions::restore(tx, me, &request, id).await).await;
            }
        }
        _ => {
            if let Some(id) = any(random, all) {
                let note = json!({"note": format!("note {}", random.within(0, 1000))});
                let patch: Patch = crate::support::body(&note);
                let _ = db.tx(async |tx: &mut Tx| transactions::update(tx, me, &request, id, &patch).await).await;
            }
        }
    }
}

#[tokio::test]
async fn clients_that_page_while_rows_come_change_and_go_end_with_what_is_stored() {
    let fresh = Fresh::new().await;
    let (db, read) = (fresh.db(), fresh.read_db());
    for seed in 0..8 {
        let (me, mut random) = (fresh.user().await, Random::new(seed));
        let (mut all, mut clients) = (Vec::new(), Vec::new());
        for step in 0..120 {
            act(&db, &me, &mut random, &mut all).await;
            if step % 30 == 0 {
                clients.push(Client::default());
            }
            for client in &mut clients {
                // Often in the middle of its pages, rarely to their end.
                match random.within(0, 12) {
                    0..3 => drop(client.page(&read, &me, random.within(1, 12)).await),
                    3 => client.catch_up(&read, &me, random.within(1, 50)).await,
                    _ => {}
                }
            }
        }
        let stored = stored(&fresh, &me).await;
        for (n, client) in clients.iter_mut().enumerate() {
            client.catch_up(&read, &me, random.within(1, 12)).await;
            assert_eq!(client.rows, stored, "client {n} of seed {seed}");
            let nothing = client.page(&read, &me, 100).await;
            assert!(nothing.added.is_empty() && nothing.modified.is_empty() && nothing.removed.is_empty());
        }
    }
}

#[tokio::test]
async fn what_was_never_shown_is_not_removed_and_what_comes_back_is_added() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    let request = call(&me, "", None);
    let ids = chunk(&db, &me, 3).await;
    let (kept, gone) = (ids[0], ids[1]);
    db.tx(async |tx: &mut Tx| transactions::delete(tx, &me, &request, gone).await).await.unwrap();
    let mut client = Client::default();
    let first = client.page(&read, &me, 100).await;
    assert_eq!((first.added.len(), first.modified.len(), first.removed.len(), first.has_more), (2, 0, 0, false));

    db.tx(async |tx: &mut Tx| transactions::restore(tx, &me, &request, gone).await).await.unwrap();
    db.tx(async |tx: &mut Tx| transactions::delete(tx, &me, &request, kept).await).await.unwrap();
    let second = client.page(&read, &me, 100).await;
    assert_eq!(second.added.iter().map(|row| row.id).collect::<Vec<_>>(), [gone]);
    assert_eq!(second.removed.iter().map(|row| row.id).collect::<Vec<_>>(), [kept]);
}

#[tokio::test]
async fn a_cursor_is_its_user_s_alone_and_nobody_else_s_rows_are_shown() {
    let fresh = Fresh::new().await;
    let (db, read) = (fresh.db(), fresh.read_db());
    let (me, other) = (fresh.user().await, fresh.user().await);
    chunk(&db, &other, 5).await;
    let mine = ask(&read, &me, "").await.unwrap();
    assert!(mine.added.is_empty() && !mine.has_more);
    assert_eq!(ask(&read, &other, "").await.unwrap().added.len(), 5);
    for cursor in [mine.next_cursor.clone(), mine.next_cursor[1..].to_owned(), "x".into()] {
        let refused = ask(&read, &other, &format!("cursor={cursor}")).await.unwrap_err();
        assert_eq!(refused.status, 422, "{cursor}");
    }
}

#[tokio::test]
async fn lists_that_changed_are_named_until_they_were_fetched() {
    let fresh = Fresh::new().await;
    let (read, me) = (fresh.read_db(), fresh.user().await);
    let mut conn = fresh.admin().await;
    let mut client = Client::default();
    assert!(client.page(&read, &me, 10).await.changed_lists.is_empty());
    let turn = "WITH s AS (UPDATE user_seq SET changes = changes + 1 WHERE user_id = $1 RETURNING changes)";
    for (list, row) in [
        (
            "budgets",
            "INSERT INTO budgets (user_id, id, category, currency, changed_seq) SELECT $1, gen_random_uuid(), 'Home', 'USD', changes FROM s",
        ),
        (
            "holdings",
            "INSERT INTO portfolio_holdings (user_id, id, asset_type, identifier, units, currency, changed_seq) SELECT $1, gen_random_uuid(), 'etf', 'VWCE', 1, 'EUR', changes FROM s",
        ),
    ] {
        let sql = sqlx::AssertSqlSafe(format!("{turn} {row}"));
        sqlx::query(sql).bind(me.user_id).execute(&mut conn).await.unwrap();
        assert_eq!(client.page(&read, &me, 10).await.changed_lists, [list]);
        assert!(client.page(&read, &me, 10).await.changed_lists.is_empty());
    }
}
