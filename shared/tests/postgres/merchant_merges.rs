//! Merging merchants and taking it back: what users have goes along, and comes back exactly.

use crate::support::{Fresh, body, call, create, later};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        merchants::{self, Merge, Merging, import_csv, work_off},
    },
    platform::{
        clock,
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use sqlx::{AssertSqlSafe, PgConnection};
use std::time::{Duration, Instant};
use uuid::Uuid;

const FILE: &str = "canonical_name,category,aliases\n\
    Amazon,Shopping,AMZN|AMAZON EU\n\
    Amazon Marketplace,Shopping,AMZN MKTP|AMAZON MKTPLACE\n\
    Amazon Seller,Shopping,AMZN SELLER\n\
    Bakery,Food & Dining,\n";

struct Stage {
    fresh: Fresh,
    db: Db,
    admin: Me,
    conn: PgConnection,
}

impl Stage {
    async fn new() -> Self {
        let fresh = Fresh::new().await;
        let (db, admin, conn) = (fresh.db(), fresh.user().await, fresh.admin().await);
        import_csv(&db, FILE, |_| {}).await.unwrap();
        Self { fresh, db, admin, conn }
    }

    async fn id(&mut self, name: &str) -> Uuid {
        sqlx::query_scalar("SELECT id FROM merchant_master WHERE canonical_name = $1")
            .bind(name)
            .fetch_one(&mut self.conn)
            .await
            .unwrap()
    }

    /// Now, because a merge is over only when it is old enough.
    async fn merge(&mut self, from: &str, into: &str) -> Result<Merging, Problem> {
        let asked = json!({"from_id": self.id(from).await, "into_id": self.id(into).await});
        let (admin, asked) = (Me { now: clock::now(), ..self.admin.clone() }, body::<Merge>(&asked));
        self.db.tx(async |tx: &mut Tx| merchants::merge(tx, &admin, &call(&admin, "", None), &asked).await).await
    }

    async fn undo(&self, id: Uuid) -> Result<Merging, Problem> {
        let call = call(&self.admin, "", None);
        self.db.tx(async |tx: &mut Tx| merchants::undo(tx, &self.admin, &call, id).await).await
    }

    async fn work(&self, id: Uuid) {
        let deadline = Instant::now() + Duration::from_mins(10);
        assert_eq!(work_off(&self.db, id, deadline).await.unwrap(), Ran::Done);
    }

    async fn age(&mut self, id: Uuid) {
        let sql = "UPDATE merchant_merges SET created_at = created_at - interval '3 minutes' WHERE id = $1";
        sqlx::query(sql).bind(id).execute(&mut self.conn).await.unwrap();
    }

    async fn status(&mut self, id: Uuid) -> String {
        let sql = "SELECT status FROM merchant_merges WHERE id = $1";
        sqlx::query_scalar(sql).bind(id).fetch_one(&mut self.conn).await.unwrap()
    }

    /// Merges and sees it through.
    async fn merged(&mut self, from: &str, into: &str) -> Uuid {
        let id = self.merge(from, into).await.unwrap().id;
        self.age(id).await;
        self.work(id).await;
        assert_eq!(self.status(id).await, "moved");
        id
    }

    async fn undone(&mut self, id: Uuid) {
        self.undo(id).await.unwrap();
        self.work(id).await;
        assert_eq!(self.status(id).await, "undone");
    }

    async fn spend(&self, me: &Me, text: &str) -> Uuid {
        let json = json!({"amount": "9.99", "date": "2026-03-15", "merchant_raw": text});
        create(&self.db, me, &json).await.id
    }

    /// A correction and a recurrence of a transaction's merchant.
    async fn attach(&mut self, me: &Me, transaction: Uuid) {
        for sql in [
            "INSERT INTO user_corrections (user_id, id, transaction_id, merchant_id, merchant_key, old_category, new_category)
             SELECT user_id, $3, id, merchant_id, merchant_key, 'a', 'b' FROM transactions WHERE user_id = $1 AND id = $2",
            "INSERT INTO recurrences (user_id, id, merchant_id, merchant_key, currency, amount_mean, period_days, next_expected_date, confidence, changed_seq)
             SELECT user_id, $3, merchant_id, merchant_key, currency, amount, 30, date, 1, changed_seq FROM transactions WHERE user_id = $1 AND id = $2",
        ] {
            let statement = sqlx::query(AssertSqlSafe(sql)).bind(me.user_id).bind(transaction).bind(Uuid::now_v7());
            statement.execute(&mut self.conn).await.unwrap();
        }
    }

    /// Everything that a merge may touch, but for the numbers that say that it did.
    async fn picture(&mut self) -> Vec<String> {
        let sql = "SELECT (to_jsonb(t) - 'changed_seq' - 'updated_at')::text FROM transactions t
             UNION ALL SELECT to_jsonb(c)::text FROM user_corrections c
             UNION ALL SELECT (to_jsonb(r) - 'changed_seq' - 'updated_at')::text FROM recurrences r
             UNION ALL SELECT (to_jsonb(m) - 'updated_at')::text FROM merchant_master m
             UNION ALL SELECT to_jsonb(a)::text FROM merchant_aliases a ORDER BY 1";
        sqlx::query_scalar(sql).fetch_all(&mut self.conn).await.unwrap()
    }

    /// How many rows of each kind point at a merchant.
    async fn pointing(&mut self, name: &str) -> (i64, i64, i64, i64) {
        let id = self.id(name).await;
        let sql = "SELECT (SELECT count(*) FROM transactions WHERE merchant_id = $1),
                          (SELECT count(*) FROM user_corrections WHERE merchant_id = $1),
                          (SELECT count(*) FROM recurrences WHERE merchant_id = $1),
                          (SELECT count(*) FROM merchant_aliases WHERE merchant_id = $1)";
        sqlx::query_as(sql).bind(id).fetch_one(&mut self.conn).await.unwrap()
    }

    async fn count(&mut self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut self.conn).await.unwrap()
    }
}

fn found(problem: &Problem) -> &Value {
    &problem.more["merchant"]["canonical_name"]
}

#[tokio::test]
async fn a_merge_moves_everything_and_its_undoing_puts_exactly_that_back() {
    let mut stage = Stage::new().await;
    let mut users = Vec::new();
    for _ in 0..3 {
        let me = stage.fresh.user().await;
        for text in ["AMZN MKTP 1234", "AMAZON EU", "AMZN MKTP DE 77", "Bakery"] {
            let id = stage.spend(&me, text).await;
            stage.attach(&me, id).await;
        }
        let gone = stage.spend(&me, "AMZN MKTP DELETED").await;
        let sql = "UPDATE transactions SET is_deleted = true, deleted_at = now() WHERE id = $1";
        sqlx::query(sql).bind(gone).execute(&mut stage.conn).await.unwrap();
        users.push(me);
    }
    let before = stage.picture().await;
    assert_eq!(stage.pointing("Amazon Marketplace").await, (9, 6, 6, 3));
    let seqs = "SELECT sum(seq)::bigint FROM user_seq";
    let frames = stage.count(seqs).await;

    let merge = stage.merged("Amazon Marketplace", "Amazon").await;
    assert_eq!(stage.pointing("Amazon Marketplace").await, (0, 0, 0, 0), "deleted ones went along");
    assert_eq!(stage.pointing("Amazon").await, (12, 9, 9, 6));
    assert_eq!(stage.count(seqs).await, frames, "no frame a row");
    let behind =
        "SELECT count(*) FROM transactions t JOIN user_seq s USING (user_id) JOIN merchant_moves m USING (user_id)
                  WHERE m.row_id = t.id AND t.changed_seq <> s.changes";
    assert_eq!(stage.count(behind).await, 0, "a sync sees the moved rows");
    let late = stage.spend(&users[0], "AMZN MKTP LATE").await;

    stage.undone(merge).await;
    assert_eq!(stage.count("SELECT count(*) FROM merchant_moves").await, 0);
    // What was bought under the merged name in between stays where it was put.
    let amazon = stage.id("Amazon").await;
    let sql = "DELETE FROM transactions WHERE id = $1 RETURNING merchant_id";
    let kept: Uuid = sqlx::query_scalar(sql).bind(late).fetch_one(&mut stage.conn).await.unwrap();
    assert_eq!(kept, amazon);
    assert_eq!(stage.picture().await, before);
    assert_eq!(
        stage
            .count("SELECT count(*) FROM audit_log WHERE action IN ('merchant.merged', 'merchant.merge_undone')")
            .await,
        2
    );
}

#[tokio::test]
async fn an_undoing_leaves_alone_what_its_user_changed_since() {
    let mut stage = Stage::new().await;
    let me = stage.fresh.user().await;
    let (kept, rebooked, rewritten) = (
        stage.spend(&me, "AMZN MKTP 1").await,
        stage.spend(&me, "AMZN MKTP 2").await,
        stage.spend(&me, "AMZN MKTP 3").await,
    );
    let merge = stage.merged("Amazon Marketplace", "Amazon").await;
    let bakery = stage.id("Bakery").await;
    sqlx::query("UPDATE transactions SET merchant_id = $2 WHERE id = $1")
        .bind(rebooked)
        .bind(bakery)
        .execute(&mut stage.conn)
        .await
        .unwrap();
    sqlx::query("UPDATE transactions SET merchant_raw = 'AMAZON EU', merchant_key = 7 WHERE id = $1")
        .bind(rewritten)
        .execute(&mut stage.conn)
        .await
        .unwrap();
    sqlx::query("UPDATE transactions SET note = 'mine' WHERE id = $1")
        .bind(kept)
        .execute(&mut stage.conn)
        .await
        .unwrap();
    stage.undone(merge).await;
    let names: Vec<(Uuid, String, Option<String>)> = sqlx::query_as(
        "SELECT t.id, m.canonical_name::text, t.note FROM transactions t JOIN merchant_master m ON m.id = t.merchant_id ORDER BY t.id",
    )
    .fetch_all(&mut stage.conn)
    .await
    .unwrap();
    let expected = [
        (kept, "Amazon Marketplace".to_owned(), Some("mine".to_owned())),
        (rebooked, "Bakery".into(), None),
        (rewritten, "Amazon".into(), None),
    ];
    assert_eq!(names, expected);
}

/// The worker dies after its first user: in the middle of a merge, and in the middle of the undoing.
#[tokio::test]
async fn must_hold_33_a_merge_killed_in_the_middle_goes_on_where_it_stood() {
    let mut stage = Stage::new().await;
    let mut users = Vec::new();
    for _ in 0..4 {
        let me = stage.fresh.user().await;
        stage.spend(&me, "AMZN MKTP 1234").await;
        users.push(me.user_id);
    }
    users.sort_unstable();
    let before = stage.picture().await;
    let id = stage.merge("Amazon Marketplace", "Amazon").await.unwrap().id;
    stage.age(id).await;
    let halted = async |stage: &Stage, name: &'static str| {
        // The second user's turn is taken by somebody else for longer than a worker waits.
        let mut holder = stage.fresh.admin().await;
        sqlx::raw_sql("BEGIN").execute(&mut holder).await.unwrap();
        sqlx::query("SELECT FROM user_seq WHERE user_id = $1 FOR UPDATE")
            .bind(users[1])
            .execute(&mut holder)
            .await
            .unwrap();
        let stopped = work_off(&stage.db, id, Instant::now() + Duration::from_mins(10)).await.unwrap_err();
        assert_eq!(stopped.status, 503);
        let sql = "SELECT count(*) FROM transactions t JOIN merchant_master m ON m.id = t.merchant_id WHERE m.canonical_name = $1";
        let done: i64 = sqlx::query_scalar(sql).bind(name).fetch_one(&mut stage.fresh.admin().await).await.unwrap();
        assert_eq!(done, 1, "one user is done");
    };
    halted(&stage, "Amazon").await;
    assert_eq!(stage.status(id).await, "moving");
    stage.work(id).await;
    stage.work(id).await;
    assert_eq!((stage.status(id).await.as_str(), stage.pointing("Amazon").await.0), ("moved", 4));
    stage.undo(id).await.unwrap();
    halted(&stage, "Amazon Marketplace").await;
    stage.work(id).await;
    stage.work(id).await;
    assert_eq!(stage.status(id).await, "undone");
    assert_eq!(stage.picture().await, before);
    // Without time nothing is begun.
    let id = stage.merge("Amazon Marketplace", "Amazon").await.unwrap().id;
    assert_eq!(work_off(&stage.db, id, Instant::now()).await.unwrap(), Ran::More);
    assert_eq!(stage.pointing("Amazon").await.0, 0);
}

#[tokio::test]
async fn a_merge_undone_while_it_still_moves_comes_back_whole() {
    let mut stage = Stage::new().await;
    let me = stage.fresh.user().await;
    stage.spend(&me, "AMZN MKTP 1234").await;
    let before = stage.picture().await;
    let id = stage.merge("Amazon Marketplace", "Amazon").await.unwrap().id;
    stage.undo(id).await.unwrap();
    stage.work(id).await;
    assert_eq!((stage.status(id).await.as_str(), stage.picture().await == before), ("undone", true));
    let id = stage.merge("Amazon Marketplace", "Amazon").await.unwrap().id;
    stage.work(id).await;
    stage.undo(id).await.unwrap();
    stage.work(id).await;
    assert_eq!((stage.status(id).await.as_str(), stage.picture().await == before), ("undone", true));
}

/// Somebody recognised the merchant before it was merged and stores the row when the task is past that user.
#[tokio::test]
async fn what_comes_late_is_moved_by_the_next_look() {
    let mut stage = Stage::new().await;
    let me = stage.fresh.user().await;
    let id = stage.merge("Amazon Marketplace", "Amazon").await.unwrap().id;
    stage.work(id).await;
    assert_eq!(stage.status(id).await, "moving", "too young to be over");
    let late = stage.spend(&me, "Bakery").await;
    let from = stage.id("Amazon Marketplace").await;
    sqlx::query("UPDATE transactions SET merchant_id = $2 WHERE id = $1")
        .bind(late)
        .bind(from)
        .execute(&mut stage.conn)
        .await
        .unwrap();
    let open = stage.db.tx(async |tx: &mut Tx| merchants::open_merges(tx).await).await.unwrap();
    assert_eq!(open, [id], "the sweeper knows of it");
    stage.age(id).await;
    stage.work(id).await;
    assert_eq!((stage.pointing("Amazon").await.0, stage.status(id).await.as_str()), (1, "moved"));
    let open = stage.db.tx(async |tx: &mut Tx| merchants::open_merges(tx).await).await.unwrap();
    assert!(open.is_empty(), "{open:?}");
}

#[tokio::test]
async fn merges_of_merges_are_undone_the_last_first() {
    let mut stage = Stage::new().await;
    let me = stage.fresh.user().await;
    for text in ["AMZN SELLER 1", "AMZN MKTP 2", "AMAZON EU"] {
        stage.spend(&me, text).await;
    }
    let before = stage.picture().await;
    let early = stage.merge("Amazon Seller", "Amazon Marketplace").await.unwrap().id;
    let busy = stage.merge("Amazon Marketplace", "Amazon").await.unwrap_err();
    assert_eq!((busy.status, busy.code), (409, "merge_running"), "rows are still on their way there");
    stage.age(early).await;
    stage.work(early).await;
    let last = stage.merged("Amazon Marketplace", "Amazon").await;
    assert_eq!(stage.pointing("Amazon").await, (3, 0, 0, 8));

    let again = stage.merge("Amazon Seller", "Bakery").await.unwrap_err();
    assert_eq!((again.code, found(&again)), ("already_merged", &json!("Amazon Marketplace")));
    let into = stage.merge("Bakery", "Amazon Marketplace").await.unwrap_err();
    assert_eq!((into.code, found(&into)), ("already_merged", &json!("Amazon")));
    let order = stage.undo(early).await.unwrap_err();
    assert_eq!((order.status, order.code, found(&order)), (409, "already_merged", &json!("Amazon")));
    stage.undone(last).await;
    stage.undone(early).await;
    assert_eq!(stage.picture().await, before);
    for id in [last, early] {
        assert_eq!(stage.undo(id).await.unwrap_err().code, "already_undone");
    }
    assert_eq!(stage.undo(Uuid::now_v7()).await.unwrap_err().status, 404);
}

#[tokio::test]
async fn two_merges_at_once_against_each_other_leave_one() {
    let mut stage = Stage::new().await;
    let ids = [stage.id("Amazon").await, stage.id("Bakery").await];
    let dbs: [Db; 2] = stage.fresh.warm().await;
    let admin = later(&stage.admin, 0);
    let merge = async |db: &Db, from: Uuid, into: Uuid| {
        let asked: Merge = body(&json!({"from_id": from, "into_id": into}));
        db.tx(async |tx: &mut Tx| merchants::merge(tx, &admin, &call(&admin, "", None), &asked).await).await
    };
    let (a, b) = tokio::join!(merge(&dbs[0], ids[0], ids[1]), merge(&dbs[1], ids[1], ids[0]));
    let lost = a.as_ref().err().or(b.as_ref().err()).unwrap();
    assert!(a.is_ok() != b.is_ok() && lost.code == "already_merged", "{a:?} {b:?}");
    let missing = merge(&dbs[0], Uuid::now_v7(), Uuid::now_v7()).await.unwrap_err();
    let pointers: Vec<_> = missing.errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!((missing.status, pointers), (422, vec!["/from_id", "/into_id"]));
}

#[tokio::test]
async fn a_merged_merchants_names_lead_to_the_other() {
    let mut stage = Stage::new().await;
    let merge = stage.merge("Amazon Marketplace", "Amazon").await.unwrap().id;
    let read = stage.fresh.read_db();
    let search = async |q: &str| {
        let asked =
            crate::support::query(&form_urlencoded::Serializer::new(String::new()).append_pair("q", q).finish());
        let found = read.tx(async |tx: &mut Tx| merchants::search(tx, &asked).await).await.unwrap();
        found.into_iter().map(|found| found.canonical_name).collect::<Vec<_>>()
    };
    for q in ["Amazon Marketplace", "amzn mktp", "AMAZON MKTPLACE"] {
        let found = search(q).await;
        assert_eq!((found[0].as_str(), found.contains(&"Amazon Marketplace".to_owned())), ("Amazon", false), "{q}");
    }
    let me = stage.fresh.user().await;
    stage.spend(&me, "AMZN MKTP 1").await;
    assert_eq!(stage.pointing("Amazon").await.0, 1);
    stage.undone(merge).await;
    assert_eq!(search("amzn mktp").await[0], "Amazon Marketplace");
}
