//! The day's Merkle tree: every revision once, whatever happens to the work, and a proof for each.

use crate::support::{Fresh, NOW, Random, amount, call, create, keys, patiently, query};
use serde_json::{Value, json};
use shared::{
    domain::{
        anchors::{self, Anchor, Proof, tree},
        auth::{Me, with_user},
        erasure::{self, close_account},
        transactions::{self, Patch},
    },
    platform::{
        db::{Db, ReadDb, Tx},
        jwt::hex,
        problem::Problem,
        queue::Ran,
    },
};
use sqlx::PgConnection;
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

fn day(n: i64) -> OffsetDateTime {
    NOW + time::Duration::days(n)
}

fn in_time(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

async fn night(db: &Db, n: i64) {
    assert_eq!(anchors::anchor(db, day(n), in_time(60)).await.unwrap(), Ran::Done);
}

async fn buy(db: &Db, me: &Me, note: &str) -> Uuid {
    create(db, me, &json!({"amount": "3.00", "date": "2026-03-01", "merchant_raw": "Coffee", "note": note})).await.id
}

async fn edit(db: &Db, me: &Me, id: Uuid, change: &Value) {
    let (patch, call): (Patch, _) = (crate::support::body(change), call(me, "", None));
    db.tx(async |tx: &mut Tx| transactions::update(tx, me, &call, id, &patch).await).await.unwrap();
}

async fn delete(db: &Db, me: &Me, id: Uuid) {
    let call = call(me, "", None);
    db.tx(async |tx: &mut Tx| transactions::delete(tx, me, &call, id).await).await.unwrap();
}

async fn proof(fresh: &Fresh, me: &Me, id: Uuid) -> Result<Proof, Problem> {
    proof_by(&fresh.read_db(), me, id).await
}

async fn proof_by(db: &ReadDb, me: &Me, id: Uuid) -> Result<Proof, Problem> {
    db.tx(async |tx: &mut Tx| anchors::proof(tx, me.user_id, id).await).await
}

async fn sealed(fresh: &Fresh, me: &Me) -> Vec<Anchor> {
    let (keys, asked) = (keys(), query("limit=100"));
    fresh.read_db().tx(async |tx: &mut Tx| anchors::list(tx, &keys, me, &asked).await).await.unwrap().data
}

/// The text that was hashed, as a client reads it.
fn told(proof: &Proof) -> Value {
    let path: Vec<tree::Hash> = proof.path.iter().map(|hash| bytes(hash)).collect();
    let (index, size) = (u64::try_from(proof.leaf_index).unwrap(), u64::try_from(proof.tree_size).unwrap());
    let root = tree::root_by(tree::leaf_hash(proof.leaf.as_bytes()), index, size, &path);
    assert_eq!(root.map(|root| hex(&root)), Some(proof.root_hash.clone()));
    serde_json::from_str(&proof.leaf).unwrap()
}

fn bytes(hex: &str) -> tree::Hash {
    std::array::from_fn(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap())
}

/// Of every batch its size, and whether the leaves' places are 0, 1, 2 … and the lowest tiles hold their hashes.
async fn check_whole(conn: &mut PgConnection) -> Vec<i64> {
    let batches: Vec<(Uuid, i64)> =
        sqlx::query_as("SELECT id, transaction_count::bigint FROM merkle_batches ORDER BY batch_date")
            .fetch_all(&mut *conn)
            .await
            .unwrap();
    for (id, size) in &batches {
        let leaves: Vec<(i64, String)> =
            sqlx::query_as("SELECT leaf_index, leaf FROM merkle_leaves WHERE batch_id = $1 ORDER BY leaf_index")
                .bind(id)
                .fetch_all(&mut *conn)
                .await
                .unwrap();
        let tiles: Vec<Vec<u8>> =
            sqlx::query_scalar("SELECT hashes FROM merkle_tiles WHERE batch_id = $1 AND level = 0 ORDER BY tile")
                .bind(id)
                .fetch_all(&mut *conn)
                .await
                .unwrap();
        let hashes = tree::hashes(&tiles.concat()).unwrap();
        assert_eq!(i64::try_from(hashes.len()).unwrap(), *size);
        for (index, leaf) in leaves {
            assert_eq!(hashes[usize::try_from(index).unwrap()], tree::leaf_hash(leaf.as_bytes()));
        }
        let root: Option<String> = sqlx::query_scalar("SELECT root_hash FROM merkle_batches WHERE id = $1")
            .bind(id)
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        assert!(root.is_none_or(|root| root == hex(&tree::root(&hashes).unwrap())));
    }
    batches.into_iter().map(|(_, size)| size).collect()
}

/// A user with so many transactions, a thousand to a change.
async fn rich(conn: &mut PgConnection, me: &Me, rows: i64) {
    sqlx::query(
        "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, source, changed_seq)
         SELECT $1, gen_random_uuid(), 1, 'USD', '2026-03-01', 'shop', 1, 'manual', n / 1000 + 1 FROM generate_series(1, $2) n",
    )
    .bind(me.user_id)
    .bind(rows)
    .execute(&mut *conn)
    .await
    .unwrap();
    sqlx::query("UPDATE user_seq SET changes = $2 / 1000 + 1, changed_at = now() WHERE user_id = $1")
        .bind(me.user_id)
        .bind(rows)
        .execute(conn)
        .await
        .unwrap();
}

#[tokio::test]
async fn each_revision_is_a_leaf_deletions_and_restored_ones_too() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let id = buy(&db, &me, "one").await;
    assert_eq!(proof(&fresh, &me, id).await.unwrap_err().code, "not_anchored");
    night(&db, 0).await;
    let first = proof(&fresh, &me, id).await.unwrap();
    let content = told(&first);
    assert_eq!((&content["id"], &content["note"], &content["amount"]), (&json!(id), &json!("one"), &json!("3.00")));
    assert_eq!((first.is_current, first.tree_size, first.path.len()), (true, 1, 0));
    assert!(!first.leaf.contains(&me.user_id.to_string()));

    edit(&db, &me, id, &json!({"note": "two"})).await;
    let stale = proof(&fresh, &me, id).await.unwrap();
    assert_eq!((stale.is_current, &stale.leaf), (false, &first.leaf));
    assert_ne!(stale.etag(), first.etag());
    night(&db, 1).await;
    assert_eq!(told(&proof(&fresh, &me, id).await.unwrap())["note"], "two");
    delete(&db, &me, id).await;
    night(&db, 2).await;
    assert_eq!(told(&proof(&fresh, &me, id).await.unwrap())["is_deleted"], "true");
    let call = call(&me, "", None);
    db.tx(async |tx: &mut Tx| transactions::restore(tx, &me, &call, id).await).await.unwrap();
    night(&db, 3).await;
    let last = proof(&fresh, &me, id).await.unwrap();
    assert_eq!((told(&last)["is_deleted"].as_str(), last.is_current), (Some("false"), true));
    assert_eq!(check_whole(&mut fresh.admin().await).await, [1, 1, 1, 1]);
    let dates: Vec<_> = sealed(&fresh, &me).await.into_iter().map(|anchor| anchor.batch_date).collect();
    assert_eq!(dates, [3, 2, 1, 0].map(|n| day(n).date()), "the newest first");
}

#[tokio::test]
async fn must_hold_16_a_proof_is_its_owners_alone() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let id = buy(&db, &me, "mine").await;
    buy(&db, &other, "theirs").await;
    night(&db, 0).await;
    proof(&fresh, &me, id).await.unwrap();
    let (foreign, absent) =
        (proof(&fresh, &other, id).await.unwrap_err(), proof(&fresh, &me, Uuid::now_v7()).await.unwrap_err());
    assert_eq!((foreign.status, &foreign.detail), (404, &absent.detail));
    // The database refuses a leaf of somebody else's transaction.
    let batch: Uuid =
        sqlx::query_scalar("SELECT id FROM merkle_batches").fetch_one(&mut fresh.admin().await).await.unwrap();
    let refused = sqlx::query(
        "INSERT INTO merkle_leaves (user_id, transaction_id, revision, batch_id, leaf_index, leaf) VALUES ($1, $2, 9, $3, 9, '')",
    )
    .bind(other.user_id)
    .bind(id)
    .bind(batch)
    .execute(&mut fresh.admin().await)
    .await
    .unwrap_err();
    assert_eq!(refused.as_database_error().unwrap().constraint(), Some("merkle_leaves_transaction_fkey"));
}

#[tokio::test]
async fn must_hold_37_a_night_twice_late_or_missed_ends_in_the_same() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    night(&db, 0).await;
    assert!(sealed(&fresh, &me).await.is_empty(), "a day with nothing to tell has no tree");
    buy(&db, &me, "a").await;
    night(&db, 0).await;
    let before = sealed(&fresh, &me).await;
    let late = buy(&db, &me, "b").await;
    night(&db, 0).await;
    assert_eq!(sealed(&fresh, &me).await, before, "what is sealed stays as it is");
    assert_eq!(proof(&fresh, &me, late).await.unwrap_err().status, 409);
    // Two nights are missed.
    night(&db, 3).await;
    night(&db, 3).await;
    night(&db, 4).await;
    assert_eq!(proof(&fresh, &me, late).await.unwrap().batch.batch_date, day(3).date());
    assert_eq!(check_whole(&mut fresh.admin().await).await, [1, 1]);
}

#[tokio::test]
async fn must_hold_34_killed_anywhere_the_next_run_goes_on() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let mut conn = fresh.admin().await;
    let late = buy(&db, &other, "late").await;
    rich(&mut conn, &me, 12_345).await;
    assert_eq!(anchors::anchor(&db, day(0), in_time(1)).await.unwrap(), Ran::More, "without time it begins nothing");
    assert!(check_whole(&mut conn).await.is_empty());
    // Between chunks, as the database sees a worker that was killed.
    let mut sizes = Vec::new();
    while sizes.last() != Some(&12_346) {
        let wanted = sizes.last().map_or(1, |size| size + 1);
        let night = anchors::anchor(&db, day(0), in_time(60));
        tokio::select! {
            done = night => { done.unwrap(); }
            () = async {
                let mut other = fresh.admin().await;
                while sqlx::query_scalar::<_, i64>("SELECT coalesce(max(transaction_count), 0)::bigint FROM merkle_batches")
                    .fetch_one(&mut other).await.unwrap() < wanted
                {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            } => {}
        }
        // The killed worker's transaction ends with its connection.
        sizes = check_whole(&mut conn).await;
        assert_eq!(sizes.len(), 1);
    }
    night(&db, 1).await;
    assert_eq!(check_whole(&mut conn).await, [12_346], "one tree, begun on the day before, and each row in it once");
    let proof = proof(&fresh, &other, late).await.unwrap();
    assert_eq!((proof.batch.batch_date, proof.path.len()), (day(0).date(), 14));
    let read = fresh.read_db();
    let ids: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM transactions WHERE user_id = $1 ORDER BY id LIMIT 40")
        .bind(me.user_id)
        .fetch_all(&mut conn)
        .await
        .unwrap();
    for id in ids {
        told(&proof_by(&read, &me, id).await.unwrap());
    }
}

#[tokio::test]
async fn must_hold_37_two_workers_at_once_take_each_row_once() {
    let fresh = Fresh::new().await;
    let mut conn = fresh.admin().await;
    for _ in 0..6 {
        rich(&mut conn, &fresh.user().await, 1500).await;
    }
    let [one, two, three] = fresh.warm().await;
    let work = async |db: &Db| patiently(async || anchors::anchor(db, day(0), in_time(60)).await).await;
    let ran = tokio::join!(work(&one), work(&two), work(&three));
    assert_eq!(ran, (Ran::Done, Ran::Done, Ran::Done));
    // Whoever waited too long for the others' lock leaves it to the next night.
    night(&one, 1).await;
    let sizes = check_whole(&mut conn).await;
    assert_eq!(sizes.iter().sum::<i64>(), 9000, "{sizes:?}");
}

#[tokio::test]
async fn a_large_history_after_small_nights_is_gathered_in_one() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    // A connection keeps its plans: these are made while the tables are all but empty.
    for n in 0..7 {
        buy(&db, &other, "small").await;
        night(&db, n).await;
    }
    let mut conn = fresh.admin().await;
    rich(&mut conn, &me, 40_000).await;
    night(&db, 8).await;
    assert_eq!(check_whole(&mut conn).await.last(), Some(&40_000));
}

#[tokio::test]
async fn a_night_costs_what_changed_and_every_leaf_is_proven() {
    let fresh = Fresh::new().await;
    let (db, read, mut random) = (fresh.db(), fresh.read_db(), Random::new(5));
    let mut conn = fresh.admin().await;
    let users = [fresh.user().await, fresh.user().await, fresh.user().await];
    let (mut all, mut changes) = (Vec::new(), Vec::new());
    for n in 0..4 {
        let mut touched = std::collections::BTreeSet::new();
        for _ in 0..25 {
            let owner = usize::try_from(random.within(0, 3)).unwrap();
            let me = &users[owner];
            if all.is_empty() || random.once_in(2) {
                let id = buy(&db, me, &amount(random.within(1, 99_999))).await;
                all.push((owner, id));
                touched.insert(id);
            } else {
                let (owner, id) = random.of(&all);
                edit(&db, &users[owner], id, &json!({"note": amount(random.within(1, 99_999))})).await;
                touched.insert(id);
            }
        }
        night(&db, n).await;
        changes.push(i64::try_from(touched.len()).unwrap());
        for (owner, id) in &all {
            let proof = proof_by(&read, &users[*owner], *id).await.unwrap();
            assert!(proof.is_current);
            let now: String = sqlx::query_scalar("SELECT note FROM transactions WHERE id = $1")
                .bind(id)
                .fetch_one(&mut conn)
                .await
                .unwrap();
            assert_eq!(told(&proof)["note"], now);
        }
    }
    assert_eq!(check_whole(&mut conn).await, changes, "a leaf for each that changed, and no other");
}

#[tokio::test]
async fn must_hold_51_who_is_erased_while_a_tree_is_gathered_leaves_hashes_alone() {
    let fresh = Fresh::new().await;
    let (db, me, stays, never) = (fresh.db(), fresh.user().await, fresh.user().await, fresh.user().await);
    let mut conn = fresh.admin().await;
    let kept = buy(&db, &stays, "before").await;
    rich(&mut conn, &me, 6000).await;
    buy(&db, &never, "private").await;
    let close = async |me: &Me| {
        let call = call(me, "", None);
        with_user(&db, &call, async |tx: &mut Tx, me: &Me| close_account(tx, &call, me).await).await.unwrap();
    };
    // Closed before its turn comes: it is not gathered any more.
    close(&never).await;
    night(&db, 0).await;
    assert_eq!(check_whole(&mut conn).await, [6001]);
    sqlx::query("UPDATE merkle_batches SET root_hash = NULL, sealed_at = NULL").execute(&mut conn).await.unwrap();
    sqlx::query("DELETE FROM merkle_tiles WHERE level > 0").execute(&mut conn).await.unwrap();
    close(&me).await;
    let files = async |_: &str| Ok(());
    assert_eq!(erasure::run(&db, files, me.user_id, NOW, in_time(60)).await.unwrap(), Ran::Done);
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM merkle_leaves WHERE user_id = $1")
        .bind(me.user_id)
        .fetch_one(&mut conn)
        .await
        .unwrap();
    assert_eq!(left, 0);
    buy(&db, &stays, "after").await;
    night(&db, 0).await;
    assert_eq!(check_whole(&mut conn).await, [6002]);
    told(&proof(&fresh, &stays, kept).await.unwrap());
}
