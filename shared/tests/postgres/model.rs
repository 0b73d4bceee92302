//! Transactions, budgets, imports and reverts against a model that knows nothing of their code: at random, at once, and
//! killed on the way.

mod acts;
mod compare;
mod frames;
mod hands;
mod ledger;

use crate::support::{Fresh, Random, merchant};
use compare::{Kept, compare, gapless, keep_log, kept, settle};
use futures_util::{FutureExt, future::join_all};
use hands::{Hand, Known, Step, budget, choose, csv};
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
        problem::Problem,
        queue::Ran,
    },
};
use std::{cell::RefCell, panic::AssertUnwindSafe, time::Duration};
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

    /// Statistics for the planner, as autovacuum gathers them a minute after a table was filled.
    async fn analyze(&self) {
        sqlx::query("ANALYZE transactions").execute(&mut self.fresh.admin().await).await.unwrap();
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

    /// Takes over what was committed since, with the frames told about it and the totals kept.
    async fn follow(&mut self, known: &RefCell<Known>, done: compare::Done) {
        let files = known.borrow().files.clone();
        let mut kept: Kept = kept(self.read, &self.me, self.frame, self.seq, &files).await;
        gapless(&kept, self.frame);
        let last = kept.acts.keys().copied().chain(done.iter().map(|(seq, ..)| *seq)).max();
        settle(&mut self.ledger, &mut kept, done);
        self.frame += i64::try_from(kept.frames.len()).unwrap();
        self.seq = last.unwrap_or(self.seq);
        kept.compare(&self.ledger);
    }

    /// Compares what the user sees.
    async fn look(&self, random: &mut Random) {
        let small = self.ledger.rows.len() < 100 && random.once_in(4);
        let (deleted, limit) = (random.once_in(2), if small { 3 } else { 100 });
        compare(self.read, &self.me, &self.ledger, deleted, limit).await;
    }
}

/// Steps at random, the model compared after each.
async fn sequence(db: &Db, read: &ReadDb, me: Me, mapping: &Mapping, seed: u64, steps: &RefCell<Vec<String>>) {
    let (known, mut random) = (RefCell::new(Known::default()), Random::new(seed));
    let hand = Hand { db, me: me.clone(), mapping, known: &known };
    let mut follower = Follower::new(read, &me);
    for n in 0..random.within(5, 26).min(random.within(5, 26)) {
        if random.once_in(12) {
            let minutes = random.of(&[25, 70]);
            steps.borrow_mut().push(format!("Wait({minutes})"));
            hand.wait(minutes).await;
            follower.ledger.wait(minutes);
            continue;
        }
        let first = n == 0;
        let step = if first { budget(me.today, &mut random) } else { choose(&known.borrow(), me.today, &mut random) };
        steps.borrow_mut().push(format!("{step:?}"));
        let done = match hand.run(step).await {
            Ok(done) => done.into_iter().collect::<Vec<_>>(),
            Err((act, problem)) => {
                assert_eq!((problem.status, follower.ledger.refuses(&act)), (404, true), "{problem:?}");
                continue;
            }
        };
        assert!(!done.iter().any(|(_, act, _)| follower.ledger.refuses(act)), "it is deleted");
        follower.follow(&known, done).await;
        if random.once_in(3) {
            follower.look(&mut random).await;
        }
    }
    follower.look(&mut random).await;
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

/// Does so many things at random, whatever others do meanwhile; returns what was committed.
async fn busy(hand: &Hand<'_>, seed: u64, steps: usize) -> compare::Done {
    let (mut random, mut all) = (Random::new(seed), Vec::new());
    for _ in 0..steps {
        let step = choose(&hand.known.borrow(), hand.me.today, &mut random);
        match hand.run(step).await {
            Ok(done) => all.extend(done),
            Err((act, problem)) => assert_eq!(problem.status, 404, "somebody else deleted it: {act:?}"),
        }
    }
    all
}

/// Works off what is left of imports and reverts.
async fn finish(hand: &Hand<'_>) {
    let imports = hand.known.borrow().imports.clone();
    for import in imports {
        assert!(hand.work(import, None).await && hand.back(import, None).await);
    }
}

#[tokio::test]
async fn must_hold_26_whatever_is_done_at_once_equals_the_model_in_the_order_of_commits() {
    let world = World::new().await;
    let (dbs, read): ([Db; 4], _) = (world.fresh.warm().await, world.fresh.read_db());
    for (seed, me) in (0..).zip(world.users(60).await) {
        let (known, mapping) = (RefCell::new(Known::default()), &world.mapping);
        let hands = dbs.each_ref().map(|db| Hand { db, me: me.clone(), mapping, known: &known });
        // Two workers on one import: each row once.
        let [one, two, ..] = &hands;
        let id = one.start(&me, hands::file(me.today, &mut Random::new(seed), 20), "import").await;
        let all = join_all(hands.iter().zip(seed * 10..).map(|(hand, seed)| busy(hand, seed, 8)));
        let (_, _, done) = tokio::join!(one.work(id, None), two.work(id, None), all);
        let mut done = done.concat();
        assert!(one.run(Step::Ask(id)).await.is_ok());
        let (_, _, more) = tokio::join!(one.back(id, None), two.back(id, None), busy(&hands[2], seed * 10 + 5, 2));
        done.extend(more);
        finish(&hands[0]).await;
        let mut follower = Follower::new(&read, &me);
        follower.follow(&known, done).await;
        follower.look(&mut Random::new(seed)).await;
    }
}

/// Works at something until it is done; killed again and again.
async fn killed_often(mut work: impl AsyncFnMut(Option<i64>) -> bool, random: &mut Random) -> u32 {
    let mut kills = 0;
    while !work((kills < 6).then(|| random.within(1, 30))).await {
        kills += 1;
    }
    kills
}

#[tokio::test]
async fn must_hold_26_files_of_many_chunks_are_imported_and_reverted_whole_however_often_killed() {
    let world = World::new().await;
    let (dbs, read): ([Db; 4], _) = (world.fresh.warm().await, world.fresh.read_db());
    let mut killed = 0;
    for (seed, me) in (0..).zip(world.users(2).await) {
        let (known, mapping) = (RefCell::new(Known::default()), &world.mapping);
        let hands = dbs.each_ref().map(|db| Hand { db, me: me.clone(), mapping, known: &known });
        let [worker, second, reverter, user] = &hands;
        let mut random = Random::new(seed);
        let file = hands::file(me.today, &mut random, 10_500);
        let id = worker.start(&me, file, "import").await;
        let mut follower = Follower::new(&read, &me);
        let import = async |hand: &Hand<'_>, seed: u64| {
            killed_often(async |kill| hand.work(id, kill).await, &mut Random::new(seed)).await
        };
        let revert = async || {
            // The first time it meets the import under way.
            while seed == 0 && known.borrow().rows.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            assert!(reverter.run(Step::Ask(id)).await.is_ok());
            killed_often(async |kill| reverter.back(id, kill).await, &mut Random::new(seed + 20)).await
        };
        let kills = if seed == 0 {
            let all = tokio::join!(import(worker, 1), import(second, 2), revert(), busy(user, 30, 20));
            follower.follow(&known, all.3).await;
            all.0 + all.1 + all.2
        } else {
            let all = tokio::join!(import(worker, seed + 3), import(second, seed + 5), busy(user, seed + 40, 15));
            follower.follow(&known, all.2).await;
            world.analyze().await;
            follower.look(&mut random).await;
            let (back, done) = tokio::join!(revert(), busy(user, seed + 50, 15));
            follower.follow(&known, done).await;
            all.0 + all.1 + back
        };
        finish(worker).await;
        follower.follow(&known, Vec::new()).await;
        world.analyze().await;
        follower.look(&mut random).await;
        assert_eq!(follower.ledger.imports[&id].status, "reverted");
        killed += kills;
    }
    assert!(killed > 5, "{killed} kills");
}

#[tokio::test]
async fn must_hold_26_a_worker_that_was_overtaken_stores_nothing() {
    let world = World::new().await;
    let (dbs, read): ([Db; 2], _) = (world.fresh.warm().await, world.fresh.read_db());
    let me = world.users(1).await.remove(0);
    let (known, mapping) = (RefCell::new(Known::default()), &world.mapping);
    let hand = Hand { db: &dbs[0], me: me.clone(), mapping, known: &known };
    let file = hands::file(me.today, &mut Random::new(1), 5_100);
    let (text, id) = (csv(&file), hand.start(&me, file, "import").await);
    let bytes = async |_: &str| Ok::<_, Problem>(Some(text.as_bytes().to_vec()));
    // The second worker knows where to go on when it asks for the file. The first then stores a chunk, and is killed.
    let overtaken = async |key: &str| {
        let (told, mut wait) = tokio::sync::mpsc::channel::<()>(1);
        let stop = async || {
            told.send(()).await.unwrap();
            std::future::pending::<()>().await;
        };
        let run = imports::run(&dbs[0], bytes, stop, me.user_id, id, hands::far());
        tokio::select! {
            _ = run => panic!("it was to be killed"),
            _ = wait.recv() => {}
        }
        bytes(key).await
    };
    let ran = imports::run(&dbs[1], overtaken, async || {}, me.user_id, id, hands::far()).await;
    assert_eq!(ran.unwrap(), Ran::Done);
    let mut follower = Follower::new(&read, &me);
    follower.follow(&known, Vec::new()).await;
    assert_eq!(follower.ledger.imports[&id].next, 5000);
    finish(&hand).await;
    follower.follow(&known, Vec::new()).await;
    world.analyze().await;
    follower.look(&mut Random::new(1)).await;
    assert_eq!(follower.ledger.imports[&id].status, "completed");
}
