//! Data sets of corrections: versions that are whole, the same twice, and without those who are gone.

use crate::support::{Fresh, NOW, call, create, keys, query};
use serde_json::json;
use shared::{
    domain::{
        auth::{Me, with_user},
        erasure::{self, close_account},
        trainings::{self, TrainingSet, TrainingSets},
        transactions,
    },
    platform::{
        db::{Db, Tx},
        jwt::{hex, sha256},
        problem::Problem,
        queue::Ran,
    },
};
use sqlx::AssertSqlSafe;
use std::{
    cell::RefCell,
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// S3, as far as it matters.
#[derive(Default)]
struct Bucket(RefCell<BTreeMap<String, Vec<u8>>>);

#[expect(clippy::unused_async, reason = "they stand where S3 is awaited")]
impl Bucket {
    async fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), Problem> {
        self.0.borrow_mut().insert(key.to_owned(), bytes);
        Ok(())
    }

    async fn empty(&self, prefix: &str) -> Result<(), Problem> {
        self.0.borrow_mut().retain(|key, _| !key.starts_with(prefix));
        Ok(())
    }

    fn of(&self, version: i64) -> Vec<(String, Vec<u8>)> {
        let prefix = format!("training-sets/{version}/");
        self.0
            .borrow()
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

async fn write(db: &Db, bucket: &Bucket) -> Result<Ran, Problem> {
    transactions::request_trainings(db).await?;
    let put = async |key: &str, bytes: Vec<u8>| bucket.put(key, bytes).await;
    trainings::write(db, put, async |prefix: &str| bucket.empty(prefix).await, deadline()).await
}

async fn set(db: &Db, version: i64) -> TrainingSet {
    db.tx(async |tx: &mut Tx| trainings::get(tx, version).await).await.unwrap()
}

/// So many corrections of a user's, from this second of the year on.
async fn corrections(fresh: &Fresh, me: &Me, from: i64, many: i64) {
    let made = json!({"amount": "12.50", "date": "2026-03-01", "merchant_raw": "CORNER BAKERY 12"});
    let id = create(&fresh.db(), me, &made).await.id;
    let sql = format!(
        "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_key, old_category, new_category, reason, created_at)
         SELECT '{}', gen_random_uuid(), '{id}', 1, 'Shopping', 'Bread', 'said Ada', timestamptz '2026-01-01' + n * interval '1 second'
         FROM generate_series({from}, {from} + {many} - 1) AS n",
        me.user_id
    );
    sqlx::query(AssertSqlSafe(sql)).execute(&mut fresh.admin().await).await.unwrap();
}

/// What a file holds.
fn lines(file: &[u8]) -> Vec<serde_json::Value> {
    use std::io::Read as _;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn each_five_hundred_corrections_are_a_version_that_says_nobodys_name() {
    let fresh = Fresh::new().await;
    let (db, me, other, bucket) = (fresh.db(), fresh.user().await, fresh.user().await, Bucket::default());
    corrections(&fresh, &me, 0, 600).await;
    corrections(&fresh, &other, 600, 500).await;
    assert_eq!(write(&db, &bucket).await.unwrap(), Ran::Done);
    for version in [1, 2] {
        let (set, files) = (set(&db, version).await, bucket.of(version));
        let [(_, file)] = files.as_slice() else { panic!("{} files", files.len()) };
        assert_eq!((set.status.as_str(), set.corrections, set.rows), ("ready", 500, Some(500)));
        assert_eq!(set.sha256.as_deref(), Some(hex(&sha256(file)).as_str()));
        assert_eq!(set.size_bytes, i64::try_from(file.len()).ok());
    }
    let (first, second) = (lines(&bucket.of(1)[0].1), lines(&bucket.of(2)[0].1));
    assert_eq!(first[0]["corrected_at"], "2026-01-01T00:00:00Z");
    assert_eq!((&first[0]["merchant_raw"], &first[0]["new_category"]), (&json!("CORNER BAKERY 12"), &json!("Bread")));
    let all = format!("{first:?}{second:?}");
    for private in [me.user_id.to_string(), other.user_id.to_string(), "said Ada".into()] {
        assert!(!all.contains(&private), "{private}");
    }
    // One user's lines are told from another's within a set, and nobody is found again in the next.
    assert!(first.iter().all(|line| line["user"] == first[0]["user"]));
    assert_ne!(second[0]["user"], first[0]["user"], "the same person, in another set");
    assert_ne!(second[0]["user"], second[499]["user"]);
    // A hundred wait for the next.
    assert_eq!(write(&db, &bucket).await.unwrap(), Ran::Done);
    assert_eq!(bucket.0.borrow().len(), 2);
    let page = async |text: &str| -> TrainingSets {
        db.tx(async |tx: &mut Tx| trainings::list(tx, &keys(), &query(text)).await).await.unwrap()
    };
    let newest = page("limit=1").await;
    assert_eq!((newest.data[0].version, newest.has_more), (2, true));
    let oldest = page(&format!("limit=1&cursor={}", newest.next_cursor.unwrap())).await;
    assert_eq!((oldest.data[0].version, oldest.has_more, oldest.next_cursor), (1, false, None));
}

#[tokio::test]
async fn killed_anywhere_a_version_is_whole_or_not_there_and_the_same_twice() {
    let fresh = Fresh::new().await;
    let (db, me, bucket) = (fresh.db(), fresh.user().await, Bucket::default());
    corrections(&fresh, &me, 0, 500).await;
    transactions::request_trainings(&db).await.unwrap();
    assert_eq!(set(&db, 1).await.status, "gathering");
    // Killed before the file, and after it.
    for stores in [false, true] {
        let put = async |key: &str, bytes: Vec<u8>| {
            if stores {
                bucket.put(key, bytes).await?;
            }
            Err(Problem::unavailable("killed"))
        };
        let ran = trainings::write(&db, put, async |_: &str| Ok(()), deadline()).await;
        assert_eq!(ran.unwrap_err().status, 503);
        assert_eq!(set(&db, 1).await.status, "gathering", "nobody is told of it");
    }
    let before = bucket.of(1);
    write(&db, &bucket).await.unwrap();
    assert_eq!(bucket.of(1), before, "the same bytes in the same place");
    assert_eq!(set(&db, 1).await.status, "ready");
    let late = trainings::write(&db, async |_: &str, _: Vec<u8>| Ok(()), async |_: &str| Ok(()), Instant::now()).await;
    assert_eq!(late.unwrap(), Ran::More, "without time nothing is begun");
}

async fn close(db: &Db, me: &Me) {
    let call = call(me, "", None);
    with_user(db, &call, async |tx: &mut Tx, me: &Me| close_account(tx, &call, me).await).await.unwrap();
}

#[tokio::test]
async fn must_hold_51_who_closes_an_account_is_taken_out_of_every_set() {
    let fresh = Fresh::new().await;
    let (db, me, gone, bucket) = (fresh.db(), fresh.user().await, fresh.user().await, Bucket::default());
    corrections(&fresh, &me, 0, 200).await;
    corrections(&fresh, &gone, 200, 300).await;
    corrections(&fresh, &me, 500, 500).await;
    write(&db, &bucket).await.unwrap();
    let untouched = bucket.of(2);
    close(&db, &gone).await;
    let empty = async |prefix: &str| bucket.empty(prefix).await;
    erasure::run(&db, empty, gone.user_id, NOW, deadline()).await.unwrap();
    assert_eq!(bucket.of(1), [], "its file goes with the account, not when the next is written");
    assert_eq!((set(&db, 1).await.status.as_str(), set(&db, 1).await.sha256), ("gathering", None));
    write(&db, &bucket).await.unwrap();
    let first = set(&db, 1).await;
    assert_eq!((first.revision, first.corrections, first.rows), (2, 500, Some(200)));
    assert_eq!(lines(&bucket.of(1)[0].1).len(), 200);
    assert_eq!((bucket.of(2), set(&db, 2).await.revision), (untouched, 1), "others' sets stay as they are");
}

#[tokio::test]
async fn must_hold_51_an_account_that_is_closed_while_a_set_is_written_is_in_no_file() {
    let fresh = Fresh::new().await;
    let (db, me, gone, bucket) = (fresh.db(), fresh.user().await, fresh.user().await, Bucket::default());
    corrections(&fresh, &me, 0, 200).await;
    corrections(&fresh, &gone, 200, 300).await;
    transactions::request_trainings(&db).await.unwrap();
    let (closing, closed) = (fresh.db(), RefCell::new(false));
    // Read already, and not stored yet: then the account is closed and erased.
    let put = async |key: &str, bytes: Vec<u8>| {
        if !closed.replace(true) {
            close(&closing, &gone).await;
            let empty = async |prefix: &str| bucket.empty(prefix).await;
            erasure::run(&closing, empty, gone.user_id, NOW, deadline()).await.unwrap();
        }
        bucket.put(key, bytes).await
    };
    trainings::write(&db, put, async |prefix: &str| bucket.empty(prefix).await, deadline()).await.unwrap();
    let files = bucket.of(1);
    assert_eq!(files.len(), 1, "{:?}", files.iter().map(|(key, _)| key).collect::<Vec<_>>());
    assert_eq!(lines(&files[0].1).len(), 200);
    assert_eq!(set(&db, 1).await.revision, 2);
}
