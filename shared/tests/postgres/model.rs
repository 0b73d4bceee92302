//! Transactions, budgets, imports and reverts against a model that knows nothing of their code: at random, at once, and
//! killed on the way.

mod compare;
mod frames;
mod hands;
mod ledger;

use crate::support::{Fresh, Random, merchant};
use compare::{Kept, compare, gapless, keep_log, kept, settle};
use futures_util::{FutureExt, future::join_all};
use hands::{Hand, Known, choose, csv};
use ledger::Ledger;
use serde_json::json;
use shared::{
    domain::{
        auth::Me,
        imports::{
            self,
            statement::{Mapping, Options},
        },
    },
    platform::{
        clock,
        db::{Db, ReadDb},
    },
};
use std::{cell::RefCell, panic::AssertUnwindSafe};
use uuid::Uuid;

/// A database in which all acts of a test take place, today: imports read the clock themselves.
struct World {
    fresh: Fresh,
    mapping: Mapping,
}

impl World {
    async fn new() -> Self {
        let fresh = Fresh::new().await;
        let mut conn = fresh.admin().await;
        merchant(&mut conn, "Netflix", "Subscriptions", &["netflix"]).await;
        merchant(&mut conn, "Shell", "Fuel", &["shell"]).await;
        keep_log(&mut conn).await;
        let sample = hands::file(clock::now().date(), &mut Random::new(5), 40);
        let options = Options { mapping: None, default_currency: "USD".into() };
        // Ids that come twice, or not in every row, are taken for ids only where the user says so.
        let mut mapping = json!(imports::shape_of(csv(&sample).as_bytes(), &options).unwrap());
        mapping["external_id"] = json!("Transaction ID");
        Self { fresh, mapping: serde_json::from_value(mapping).unwrap() }
    }

    async fn users(&self, number: usize) -> Vec<Me> {
        let ids: Vec<_> = (0..number).map(|_| Uuid::now_v7()).collect();
        let mut conn = self.fresh.admin().await;
        for sql in [
            "INSERT INTO users (id, email, hashed_password) SELECT id, id || '@example.com', 'none' FROM unnest($1::uuid[]) AS u(id)",
            "INSERT INTO user_seq (user_id) SELECT unnest($1::uuid[])",
        ] {
            sqlx::query(sql).bind(&ids).execute(&mut conn).await.unwrap();
        }
        let (now, currency) = (clock::now(), "USD".to_owned());
        let me = |user_id| Me { user_id, session_id: user_id, currency: currency.clone(), today: now.date(), now };
        ids.into_iter().map(me).collect()
    }
}

/// A user's model and how far it has followed.
struct Follower<'a> {
    read: &'a ReadDb,
    me: Me,
    ledger: Ledger,
    frame: i64,
    seq: i64,
}

impl<'a> Follower<'a> {
    fn new(read: &'a ReadDb, me: &Me) -> Self {
        Self { read, me: me.clone(), ledger: Ledger::new(me.today), frame: 0, seq: 0 }
    }

    /// Takes over what was committed since, and compares everything.
    async fn follow(&mut self, known: &RefCell<Known>, done: compare::Done, deleted: bool, limit: i64) {
        let files = known.borrow().files.clone();
        let mut kept: Kept = kept(self.read, &self.me, self.frame, self.seq, &files).await;
        gapless(&kept, self.frame);
        let last = kept.acts.keys().copied().chain(done.iter().map(|(seq, ..)| *seq)).max();
        settle(&mut self.ledger, &mut kept, done);
        self.frame += i64::try_from(kept.frames.len()).unwrap();
        self.seq = last.unwrap_or(self.seq);
        compare(self.read, &self.me, &self.ledger, &kept, deleted, limit).await;
    }
}

/// Steps at random, the model compared after each.
async fn sequence(db: &Db, read: &ReadDb, me: Me, mapping: &Mapping, seed: u64, steps: &RefCell<Vec<String>>) {
    let (known, mut random) = (RefCell::new(Known::default()), Random::new(seed));
    let hand = Hand { db, me: me.clone(), mapping, known: &known };
    let mut follower = Follower::new(read, &me);
    for _ in 0..random.within(5, 26).min(random.within(5, 26)) {
        if random.once_in(12) {
            let minutes = random.of(&[25, 70]);
            steps.borrow_mut().push(format!("Wait({minutes})"));
            hand.wait(minutes).await;
            follower.ledger.wait(minutes);
            continue;
        }
        let step = choose(&known.borrow(), me.today, &mut random);
        steps.borrow_mut().push(format!("{step:?}"));
        let done = match hand.run(step).await {
            Ok(done) => done.into_iter().collect::<Vec<_>>(),
            Err((act, problem)) => {
                assert_eq!((problem.status, follower.ledger.refuses(&act)), (404, true), "{problem:?}");
                continue;
            }
        };
        assert!(!done.iter().any(|(_, act, _)| follower.ledger.refuses(act)), "it is deleted");
        follower.follow(&known, done, random.once_in(2), random.of(&[3, 100, 100, 100])).await;
    }
}

/// One sequence for each seed, several at a time, each for a user of its own.
async fn sequences(seeds: std::ops::Range<u64>) {
    let world = World::new().await;
    let users = world.users(seeds.clone().count()).await;
    let todo = RefCell::new(seeds.zip(users));
    let lane = async || {
        let (db, read) = (world.fresh.db(), world.fresh.read_db());
        loop {
            let Some((seed, me)) = todo.borrow_mut().next() else { return };
            let steps = RefCell::new(Vec::new());
            let run = AssertUnwindSafe(sequence(&db, &read, me, &world.mapping, seed, &steps)).catch_unwind().await;
            if let Err(panic) = run {
                eprintln!("seed {seed}:\n{}", steps.borrow().join("\n"));
                std::panic::resume_unwind(panic);
            }
        }
    };
    join_all((0..4).map(|_| lane())).await;
}

#[tokio::test]
async fn must_hold_26_any_sequence_of_changes_imports_and_reverts_equals_the_model() {
    sequences(0..1000).await;
}

/// The other half: two processes take half the time.
#[tokio::test]
async fn must_hold_26_any_other_sequence_equals_the_model_as_well() {
    sequences(1000..2000).await;
}
