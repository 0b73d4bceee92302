//! The log of frames.

use crate::support::{Fresh, NOW, body, later, patiently};
use futures_util::future::join_all;
use serde_json::json;
use shared::{
    domain::{
        auth::Me,
        events::{self, FRAME_LIMIT, Page, Turn},
        transactions::{self, NewTransaction},
    },
    platform::{
        db::{Db, ReadDb, Tx},
        problem::Problem,
    },
};
use std::cell::Cell;

/// A commit with so many frames.
async fn commit(db: &Db, me: &Me, frames: usize, text: &str) {
    patiently(async || {
        db.tx(async |tx: &mut Tx| {
            let mut turn = Turn::take(tx, me.user_id, me.now).await?;
            for i in 0..frames {
                turn.push("transaction_update", &json!({"id": i, "note": text}))?;
            }
            turn.finish(tx).await
        })
        .await
    })
    .await;
}

async fn resume(db: &ReadDb, me: &Me, from: i64) -> Page {
    patiently(async || db.tx(async |tx: &mut Tx| events::resume(tx, me.user_id, from, |_| true).await).await).await
}

/// The numbers of a page, where it ends, and whether that is the end.
async fn numbers(db: &ReadDb, me: &Me, from: i64) -> Option<(Vec<i64>, i64, bool)> {
    match resume(db, me, from).await {
        Page::Frames { frames, to, complete } => Some((frames.iter().map(|frame| frame.seq).collect(), to, complete)),
        Page::ResyncRequired { .. } => None,
    }
}

#[tokio::test]
async fn must_hold_42_sixteen_writers_leave_no_gap_and_no_reader_sees_one() {
    let fresh = Fresh::new().await;
    let (me, read) = (fresh.user().await, fresh.read_db());
    const WRITERS: usize = 16;
    const COMMITS: usize = 4;
    let done = Cell::new(0_usize);
    let contenders: [_; WRITERS] = fresh.warm().await;
    let writers = join_all(contenders.iter().enumerate().map(|(writer, db)| {
        let (me, done) = (&me, &done);
        async move {
            for i in 0..COMMITS {
                commit(db, me, (writer + i) % 3 + 1, "x").await;
            }
            done.set(done.get() + 1);
        }
    }));
    // A reader that follows closely: what it has seen is always 1, 2, 3 …, whoever commits when.
    let reader = async {
        let mut seen = Vec::new();
        loop {
            let over = done.get() == WRITERS;
            let (mut new, to, complete) = numbers(&read, &me, i64::try_from(seen.len()).unwrap()).await.unwrap();
            seen.append(&mut new);
            assert_eq!(to, i64::try_from(seen.len()).unwrap());
            if over && complete {
                break seen;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    let (_, seen) = tokio::join!(writers, reader);
    let frames: usize = (0..WRITERS).flat_map(|writer| (0..COMMITS).map(move |i| (writer + i) % 3 + 1)).sum();
    assert_eq!(seen, (1..=i64::try_from(frames).unwrap()).collect::<Vec<_>>());
    let last = read.tx(async |tx: &mut Tx| events::last_seq(tx, me.user_id).await).await.unwrap();
    assert_eq!(last, i64::try_from(frames).unwrap());
}

#[tokio::test]
async fn a_transaction_that_fails_takes_no_number() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    commit(&db, &me, 1, "x").await;
    let failed = db
        .tx(async |tx: &mut Tx| {
            let mut turn = Turn::take(tx, me.user_id, me.now).await?;
            turn.push("transaction_update", &json!({}))?;
            turn.finish(tx).await?;
            Err::<(), _>(Problem::not_found())
        })
        .await;
    assert_eq!(failed.unwrap_err().status, 404);
    commit(&db, &me, 1, "x").await;
    assert_eq!(numbers(&read, &me, 0).await, Some((vec![1, 2], 2, true)));
}

#[tokio::test]
async fn must_hold_41_a_large_catch_up_comes_in_pages_that_fit() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    // Mixed sizes: ten to a page, one to a page, and one that fits into none.
    for size in [10, 3_000, 20_000, 31_000, 40_000] {
        commit(&db, &me, 9, &"\u{e9}".repeat(size / 2)).await;
    }
    commit(&db, &me, 300, "small").await;
    let last = 9 * 5 + 300;
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let from = i64::try_from(seen.len()).unwrap();
        let Page::Frames { frames, to, complete } = resume(&read, &me, from).await else { panic!("resync") };
        assert!(!frames.is_empty(), "every page brings something");
        // As the client is answered: one frame around them all.
        let data = json!({"from": from, "to": to, "complete": complete, "frames": frames});
        let answer = json!({"type": "resumed", "data": data, "timestamp": "2026-03-15T12:00:00.123456789Z", "connection_id": "c".repeat(32)});
        assert!(answer.to_string().len() <= FRAME_LIMIT, "{} bytes", answer.to_string().len());
        for frame in &frames {
            assert!(frame.text(&"c".repeat(32)).len() <= FRAME_LIMIT);
            assert_eq!(frame.prev_seq, frame.seq - 1);
            let too_large = (37..=45).contains(&frame.seq);
            assert_eq!(frame.data.get("truncated").is_some(), too_large, "{}", frame.seq);
        }
        seen.extend(frames.iter().map(|frame| frame.seq));
        pages += 1;
        if complete {
            break;
        }
    }
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    assert!(pages > 10, "{pages}");
}

#[tokio::test]
async fn must_hold_42_what_is_not_kept_any_more_or_never_was_asks_for_a_resync() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    assert_eq!(numbers(&read, &me, 0).await, Some((vec![], 0, true)));
    assert_eq!(numbers(&read, &me, 1).await, None);
    commit(&db, &me, 5, "old").await;
    commit(&db, &later(&me, 10 * 24 * 60), 5, "new").await;
    assert_eq!(numbers(&read, &me, 3).await.unwrap().0, [4, 5, 6, 7, 8, 9, 10]);
    // The daily job of the eighth day after the first commit, as its role runs it.
    let (created, dropped): (i32, i32) = {
        let mut conn = fresh.connect("tallybook_write").await;
        sqlx::query_as("SELECT created, dropped FROM events_partitions(7, 3, $1)")
            .bind(me.today + time::Duration::days(8))
            .fetch_one(&mut conn)
            .await
            .unwrap()
    };
    assert_eq!((created, dropped), (4, 0));
    for (from, kept) in
        [(0, false), (3, false), (4, false), (5, true), (9, true), (10, true), (11, false), (i64::MAX, false)]
    {
        assert_eq!(numbers(&read, &me, from).await.is_some(), kept, "{from}");
    }
    let Page::ResyncRequired { seq } = resume(&read, &me, 2).await else { panic!("no resync") };
    assert_eq!(seq, 10);
    // And when nothing at all is kept.
    let mut conn = fresh.admin().await;
    sqlx::query("DELETE FROM events").execute(&mut conn).await.unwrap();
    assert_eq!(numbers(&read, &me, 9).await, None);
    assert_eq!(numbers(&read, &me, 10).await, Some((vec![], 10, true)));
}

#[tokio::test]
async fn partitions_are_made_once_and_dropped_when_their_time_is_over() {
    let fresh = Fresh::new().await;
    let (db, read, me) = (fresh.db(), fresh.read_db(), fresh.user().await);
    let mut conn = fresh.connect("tallybook_write").await;
    let mut run = async |days: i64| -> (i32, i32) {
        let day = NOW.date() + time::Duration::days(days);
        sqlx::query_as("SELECT created, dropped FROM events_partitions(7, 1, $1)")
            .bind(day)
            .fetch_one(&mut conn)
            .await
            .unwrap()
    };
    assert_eq!(run(0).await, (2, 0));
    assert_eq!(run(0).await, (0, 0), "twice on a day is once");
    commit(&db, &me, 2, "x").await;
    // Its partition was not made in time: it waits in the default one, and moves.
    commit(&db, &later(&me, 3 * 24 * 60), 2, "x").await;
    assert_eq!(run(3).await, (2, 0));
    assert_eq!(numbers(&read, &me, 0).await.unwrap().0, [1, 2, 3, 4]);
    assert_eq!(run(8).await, (2, 1), "the first day is older than seven");
    assert_eq!(numbers(&read, &me, 0).await, None);
    assert_eq!(numbers(&read, &me, 2).await.unwrap().0, [3, 4]);
}

#[tokio::test]
async fn must_hold_42_nobody_gets_another_users_frames() {
    let fresh = Fresh::new().await;
    let (db, read, me, other) = (fresh.db(), fresh.read_db(), fresh.user().await, fresh.user().await);
    for _ in 0..3 {
        commit(&db, &me, 2, "mine").await;
        commit(&db, &other, 3, "theirs").await;
    }
    for (user, text, last) in [(&me, "mine", 6), (&other, "theirs", 9)] {
        let Page::Frames { frames, to, .. } = resume(&read, user, 0).await else { panic!("resync") };
        assert_eq!((frames.len(), to), (usize::try_from(last).unwrap(), last));
        assert!(
            frames
                .iter()
                .all(|frame| frame.data["note"] == text && frame.id == format!("{}:{}", user.user_id, frame.seq))
        );
    }
}

/// Must hold 33: what was committed and not handed over is found by the sweeper.
#[tokio::test]
async fn must_hold_33_frames_that_were_not_pushed_are_found() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    let unpushed = async || db.tx(async |tx: &mut Tx| events::unpushed(tx, 10).await).await.unwrap();
    assert!(unpushed().await.is_empty());
    let new: NewTransaction = body(&json!({"amount": "1", "date": "2026-03-15", "merchant_raw": "shop"}));
    db.tx(async |tx: &mut Tx| transactions::create(tx, &me, &new).await).await.unwrap();
    assert_eq!(unpushed().await, [me.user_id]);
    commit(&db, &other, 0, "a change that is no frame").await;
    assert_eq!(unpushed().await, [me.user_id]);
}
