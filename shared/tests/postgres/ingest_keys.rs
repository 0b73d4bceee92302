//! `Idempotency-Key` of programs, whose rows commit user by user.

use crate::{
    ingest::{program, row},
    support::{Fresh, body, call},
};
use serde_json::json;
use shared::{
    domain::{
        auth::Me,
        ingest::{self, NewTransactions},
    },
    platform::{
        db::Db,
        http::{Call, Reply},
        problem::Problem,
    },
};
use std::{cell::Cell, time::Duration};

const ROUTE: &str = "POST /ingest/transactions";

/// The program's call with a key and this content.
fn keyed(me: &Me, program: &Call, key: &str, content: &str) -> Call {
    let mut asking = call(me, content, Some(key));
    asking.claims = None;
    (asking.scope, asking.service) = (program.scope, program.service);
    asking
}

async fn send(db: &Db, call: &Call, new: &NewTransactions) -> Result<Reply, Problem> {
    ingest::once(db, call, ROUTE, async || {
        let stored = ingest::store(db, call, new).await?;
        Ok((Reply::ok(&stored.outcomes)?, !stored.outcomes.is_partial()))
    })
    .await
}

#[tokio::test]
async fn must_hold_31_a_key_is_its_tokens_and_one_body() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let (one, other) = (program(&db, &me, "transactions:write").await, program(&db, &me, "transactions:write").await);
    let new: NewTransactions = body(&json!({"transactions": [row(&me, "a", "1.00")]}));
    let first = send(&db, &keyed(&me, &one, "k", "x"), &new).await.unwrap();
    assert!(first.body.contains("created") && !first.is_replay());
    let again = send(&db, &keyed(&me, &one, "k", "x"), &new).await.unwrap();
    assert_eq!((again.is_replay(), &again.body), (true, &first.body));
    let reused = send(&db, &keyed(&me, &one, "k", "y"), &new).await.unwrap_err();
    assert_eq!((reused.status, reused.code), (422, "idempotency_key_reused"));
    let theirs = send(&db, &keyed(&me, &other, "k", "y"), &new).await.unwrap();
    assert!(theirs.body.contains("existing") && !theirs.is_replay());
    // Each hears its own answer again, not the other's.
    for (program, content, answer) in [(&one, "x", &first), (&other, "y", &theirs)] {
        let again = send(&db, &keyed(&me, program, "k", content), &new).await.unwrap();
        assert_eq!((again.is_replay(), &again.body), (true, &answer.body));
    }
    // A day later it is as if it had never been.
    let mut late = keyed(&me, &one, "k", "y");
    late.now += time::Duration::hours(25);
    assert!(!send(&db, &late, &new).await.unwrap().is_replay());
}

#[tokio::test]
async fn what_failed_or_is_not_the_last_word_may_be_tried_again_with_its_key() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let asking = keyed(&me, &program(&db, &me, "transactions:write").await, "k", "x");
    let ran = Cell::new(0);
    let answer = async |fails: bool, whole: bool| {
        ingest::once(&db, &asking, ROUTE, async || {
            ran.set(ran.get() + 1);
            if fails { Err(Problem::unavailable("away")) } else { Ok((Reply::ok(&7)?, whole)) }
        })
        .await
    };
    assert_eq!(answer(true, true).await.unwrap_err().status, 503);
    assert!(!answer(false, false).await.unwrap().is_replay());
    assert!(!answer(false, true).await.unwrap().is_replay());
    assert!(answer(false, true).await.unwrap().is_replay());
    assert_eq!(ran.get(), 3);
}

#[tokio::test]
async fn must_hold_30_killed_after_the_commit_and_sent_again_nothing_is_stored_twice() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let asking = keyed(&me, &program(&db, &me, "transactions:write").await, "k", "x");
    let new: NewTransactions = body(&json!({"transactions": [row(&me, "a", "1.00"), row(&me, "b", "2.00")]}));
    let killed = ingest::once(&db, &asking, ROUTE, async || {
        ingest::store(&db, &asking, &new).await?;
        std::future::pending::<()>().await;
        Err(Problem::internal("never"))
    });
    assert!(tokio::time::timeout(Duration::from_secs(2), killed).await.is_err());
    let soon = send(&db, &asking, &new).await.unwrap_err();
    assert_eq!((soon.status, soon.code), (409, "in_flight"), "its function may be alive");
    let mut later = asking.clone();
    later.now += time::Duration::seconds(31);
    let again = send(&db, &later, &new).await.unwrap();
    assert_eq!(again.body.matches("existing").count(), 3, "both rows, and their number: {}", again.body);
    let stored: i64 =
        sqlx::query_scalar("SELECT count(*) FROM transactions").fetch_one(&mut fresh.admin().await).await.unwrap();
    assert_eq!(stored, 2);
}
