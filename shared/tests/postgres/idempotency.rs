//! `Idempotency-Key`: at most once, and the same answer.

use crate::support::{Fresh, ROUNDS, at_once, call, later};
use futures_util::FutureExt;
use serde_json::json;
use shared::{
    domain::{auth::Me, idempotency::once},
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};
use std::panic::AssertUnwindSafe;
use tokio::sync::oneshot;

/// The effect that is to happen once.
async fn effect(tx: &mut Tx, me: &Me) -> Result<i64, Problem> {
    let sql = "UPDATE user_seq SET changes = changes + 1 WHERE user_id = $1 RETURNING changes";
    Ok(sqlx::query_scalar(sql).bind(me.user_id).fetch_one(tx).await?)
}

async fn work(tx: &mut Tx, me: &Me) -> Result<Reply, Problem> {
    Reply::json(201, &json!({"n": effect(tx, me).await?}))
}

async fn post(db: &Db, call: &Call) -> Result<Reply, Problem> {
    once(db, call, "POST /things", work).await
}

fn replayed(reply: &Reply) -> bool {
    reply.headers.contains(&("idempotent-replayed", "true".into()))
}

async fn effects(fresh: &Fresh, me: &Me) -> i64 {
    let mut conn = fresh.admin().await;
    sqlx::query_scalar("SELECT changes FROM user_seq WHERE user_id = $1")
        .bind(me.user_id)
        .fetch_one(&mut conn)
        .await
        .unwrap()
}

async fn records(fresh: &Fresh) -> i64 {
    let mut conn = fresh.admin().await;
    sqlx::query_scalar("SELECT count(*) FROM idempotency_keys").fetch_one(&mut conn).await.unwrap()
}

/// Also what a client sees whose first answer was lost because the function was killed after the commit.
#[tokio::test]
async fn must_hold_30_the_same_call_again_gets_the_same_answer_and_no_second_effect() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let call = call(&me, "{}", Some("k"));
    let first = post(&fresh.db(), &call).await.unwrap();
    let second = post(&fresh.db(), &call).await.unwrap();
    assert_eq!((first.status, first.body.as_str(), replayed(&first)), (201, r#"{"n":1}"#, false));
    assert_eq!((second.status, second.body.as_str(), replayed(&second)), (201, r#"{"n":1}"#, true));
    assert_eq!((second.content_type, effects(&fresh, &me).await), (first.content_type, 1));
}

#[tokio::test]
async fn without_a_key_every_call_counts() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for n in 1..=2 {
        post(&db, &call(&me, "{}", None)).await.unwrap();
        assert_eq!(effects(&fresh, &me).await, n);
    }
    assert_eq!(records(&fresh).await, 0);
}

#[tokio::test]
async fn must_hold_31_the_same_key_with_another_body_is_refused() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    post(&db, &call(&me, "{}", Some("k"))).await.unwrap();
    let other = post(&db, &call(&me, r#"{"a":1}"#, Some("k"))).await.unwrap_err();
    assert_eq!((other.status, other.code), (422, "idempotency_key_reused"));
    assert_eq!(effects(&fresh, &me).await, 1);
}

#[tokio::test]
async fn must_hold_31_keys_belong_to_a_user_and_a_route() {
    let fresh = Fresh::new().await;
    let (db, me, other) = (fresh.db(), fresh.user().await, fresh.user().await);
    post(&db, &call(&me, "{}", Some("k"))).await.unwrap();
    let theirs = post(&db, &call(&other, "another body", Some("k"))).await.unwrap();
    assert_eq!((replayed(&theirs), effects(&fresh, &other).await), (false, 1));
    let elsewhere = once(&db, &call(&me, "another body", Some("k")), "POST /others", work).await.unwrap();
    assert_eq!((replayed(&elsewhere), effects(&fresh, &me).await), (false, 2));
}

#[tokio::test]
async fn must_hold_31_a_call_that_still_runs_is_a_409_and_its_end_a_replay() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let call = call(&me, "{}", Some("k"));
    let (inside, is_inside) = oneshot::channel();
    let (go, going) = oneshot::channel::<()>();
    let slow = once(&db, &call, "POST /things", async |tx: &mut Tx, me: &Me| {
        inside.send(()).unwrap();
        going.await.unwrap();
        work(tx, me).await
    });
    let (first, second) = tokio::join!(slow, async {
        is_inside.await.unwrap();
        let second = post(&fresh.db(), &call).await;
        go.send(()).unwrap();
        second
    });
    let second = second.unwrap_err();
    assert_eq!((second.status, second.code), (409, "in_flight"));
    assert!(!replayed(&first.unwrap()));
    assert!(replayed(&post(&db, &call).await.unwrap()));
    assert_eq!(effects(&fresh, &me).await, 1);
}

#[tokio::test]
async fn must_hold_30_sixteen_at_once_have_one_effect() {
    let fresh = Fresh::new().await;
    let me = fresh.user().await;
    let call = call(&me, "{}", Some("k"));
    let contenders: [_; 16] = fresh.warm().await;
    let answers = futures_util::future::join_all(contenders.iter().map(|db| post(db, &call))).await;
    let fresh_ones = answers.iter().flatten().filter(|reply| !replayed(reply)).count();
    assert_eq!((fresh_ones, effects(&fresh, &me).await), (1, 1));
    for answer in answers {
        match answer {
            Ok(reply) => assert_eq!(reply.body, r#"{"n":1}"#),
            Err(problem) => assert_eq!(problem.status, 409, "{problem}"),
        }
    }
}

/// A store's own cleaning may come days late.
#[tokio::test]
async fn must_hold_32_expiry_is_compared_and_waits_for_no_cleaning() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    post(&db, &call(&me, "{}", Some("k"))).await.unwrap();
    let almost = post(&db, &call(&later(&me, 24 * 60 - 1), "{}", Some("k"))).await.unwrap();
    assert!(replayed(&almost));
    let after = post(&db, &call(&later(&me, 24 * 60), "another body", Some("k"))).await.unwrap();
    assert_eq!((replayed(&after), after.body.as_str()), (false, r#"{"n":2}"#));
    // It counts anew from there.
    let again = post(&db, &call(&later(&me, 47 * 60), "another body", Some("k"))).await.unwrap();
    assert_eq!((replayed(&again), again.body.as_str()), (true, r#"{"n":2}"#));
    assert_eq!((effects(&fresh, &me).await, records(&fresh).await), (2, 1));
}

#[tokio::test]
async fn what_failed_is_not_kept_and_may_be_tried_again_otherwise() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let failed = once(&db, &call(&me, "{}", Some("k")), "POST /things", async |tx: &mut Tx, me: &Me| {
        effect(tx, me).await?;
        Err(Problem::field("/amount", "zero_amount", "Send another."))
    })
    .await;
    assert_eq!(failed.unwrap_err().status, 422);
    let refused =
        once(&db, &call(&me, "{}", Some("k")), "POST /things", async |_: &mut Tx, _: &Me| Reply::json(409, &json!({})))
            .await;
    assert_eq!(refused.unwrap().status, 409);
    assert_eq!((effects(&fresh, &me).await, records(&fresh).await), (0, 0));
    let mended = post(&db, &call(&me, "mended", Some("k"))).await.unwrap();
    assert_eq!((replayed(&mended), effects(&fresh, &me).await), (false, 1));
}

#[tokio::test]
async fn must_hold_30_a_panic_or_a_kill_after_the_effect_leaves_neither_effect_nor_record() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let call = call(&me, "{}", Some("k"));
    let panics = once(&db, &call, "POST /things", async |tx: &mut Tx, me: &Me| {
        let n = effect(tx, me).await?;
        assert!(n == 0, "on purpose");
        Reply::json(201, &json!({}))
    });
    assert!(AssertUnwindSafe(panics).catch_unwind().await.is_err());
    assert_eq!((effects(&fresh, &me).await, records(&fresh).await), (0, 0));
    let killed = once(&db, &call, "POST /things", async |tx: &mut Tx, me: &Me| {
        let reply = work(tx, me).await?;
        let pid: i32 = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(tx).await?;
        sqlx::query("SELECT pg_terminate_backend($1, 5000)").bind(pid).execute(&mut fresh.admin().await).await?;
        Ok(reply)
    })
    .await;
    assert_eq!(killed.unwrap_err().status, 503);
    assert_eq!((effects(&fresh, &me).await, records(&fresh).await), (0, 0));
    assert!(!replayed(&post(&db, &call).await.unwrap()));
    assert_eq!((effects(&fresh, &me).await, records(&fresh).await), (1, 1));
}

#[tokio::test]
async fn must_hold_19_odd_keys_are_refused_before_anything_happens() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    for key in ["", "\t", &"k".repeat(256)] {
        let refused = post(&db, &call(&me, "{}", Some(key))).await.unwrap_err();
        assert_eq!((refused.status, refused.code), (422, "invalid_idempotency_key"), "{key:?}");
    }
    post(&db, &call(&me, "{}", Some(&"k".repeat(255)))).await.unwrap();
    assert_eq!(effects(&fresh, &me).await, 1);
}

#[tokio::test]
async fn must_hold_17_a_session_that_ended_gets_no_replay() {
    let fresh = Fresh::new().await;
    let (db, me) = (fresh.db(), fresh.user().await);
    let call = call(&me, "{}", Some("k"));
    post(&db, &call).await.unwrap();
    let mut conn = fresh.admin().await;
    sqlx::query("UPDATE users SET is_active = false WHERE id = $1").bind(me.user_id).execute(&mut conn).await.unwrap();
    assert_eq!(post(&db, &call).await.unwrap_err().status, 401);
}

#[tokio::test]
async fn must_hold_31_of_sixteen_calls_with_a_key_one_takes_effect_and_nobody_hears_another_answer() {
    let fresh = Fresh::new().await;
    let (all, me) = (fresh.warm::<16>().await, fresh.user().await);
    for round in 1..=ROUNDS {
        let call = call(&me, "{}", Some(&format!("key {round}")));
        let results = at_once(&all, async |db| post(db, &call).await).await;
        let (done, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
        assert!(refused.iter().all(|refused| refused.as_ref().unwrap_err().code == "in_flight"), "round {round}");
        let first: Vec<_> = done.iter().filter(|reply| !replayed(reply)).collect();
        assert_eq!(first.len(), 1, "round {round}: so many did the work");
        let body = json!({"n": round}).to_string();
        assert!(done.iter().all(|reply| (reply.status, &reply.body) == (201, &body)), "round {round}: {done:?}");
        assert_eq!(effects(&fresh, &me).await, i64::try_from(round).unwrap());
    }
    assert_eq!(usize::try_from(records(&fresh).await).unwrap(), ROUNDS);
}
