//! Nightly jobs look at what changed, once.

use crate::support::{Fresh, create};
use serde_json::json;
use shared::{
    domain::{
        events::Turn,
        reviews::{self, Changed},
    },
    platform::{
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use std::{
    cell::RefCell,
    time::{Duration, Instant},
};
use uuid::Uuid;

const JOB: &str = "test";

fn soon() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

/// Runs the job with a review that writes if it is told to, and says whom it saw, and from which change on.
async fn night(db: &Db, writes: bool) -> Vec<(Uuid, i64)> {
    let saw = RefCell::new(Vec::new());
    let review = async |changed: &Changed| {
        saw.borrow_mut().push((changed.user_id, changed.seen));
        db.tx(async |tx: &mut Tx| {
            if !writes {
                return reviews::seen(tx, JOB, changed, None).await;
            }
            let turn = Turn::take(tx, changed.user_id, shared::platform::clock::now()).await?;
            reviews::seen(tx, JOB, changed, Some(&turn)).await?;
            turn.finish(tx).await
        })
        .await
    };
    assert_eq!(reviews::run(db, JOB, soon(), review).await.unwrap(), Ran::Done);
    saw.into_inner()
}

/// All changes so far are older than what a job looks at again in any case.
async fn age(fresh: &Fresh) {
    let sql = "UPDATE user_seq SET changed_at = now() - interval '1 hour'";
    sqlx::query(sql).execute(&mut fresh.admin().await).await.unwrap();
}

#[tokio::test]
async fn a_job_sees_who_changed_and_nobody_twice() {
    let fresh = Fresh::new().await;
    let (db, one, two, _idle) = (fresh.db(), fresh.user().await, fresh.user().await, fresh.user().await);
    let coffee = json!({"amount": "3.00", "date": "2026-03-01", "merchant_raw": "Coffee"});
    create(&db, &one, &coffee).await;
    create(&db, &two, &coffee).await;
    create(&db, &two, &coffee).await;
    assert_eq!(night(&db, false).await, [(one.user_id, 0), (two.user_id, 0)]);
    assert_eq!(night(&db, true).await, []);
    age(&fresh).await;
    create(&db, &two, &coffee).await;
    // What the job writes itself is not looked at again.
    assert_eq!(night(&db, true).await, [(two.user_id, 2)]);
    assert_eq!(night(&db, true).await, []);
    create(&db, &two, &coffee).await;
    assert_eq!(night(&db, true).await, [(two.user_id, 4)]);
}

#[tokio::test]
async fn a_review_that_failed_or_had_no_time_is_made_up_for() {
    let fresh = Fresh::new().await;
    let (db, one, two) = (fresh.db(), fresh.user().await, fresh.user().await);
    let coffee = json!({"amount": "3.00", "date": "2026-03-01", "merchant_raw": "Coffee"});
    create(&db, &one, &coffee).await;
    create(&db, &two, &coffee).await;
    age(&fresh).await;
    let fails = async |changed: &Changed| {
        if changed.user_id == one.user_id {
            return Err(Problem::internal("this user's trouble"));
        }
        db.tx(async |tx: &mut Tx| reviews::seen(tx, JOB, changed, None).await).await
    };
    assert_eq!(reviews::run(&db, JOB, soon(), fails).await.unwrap(), Ran::Done);
    let never = async |_: &Changed| Err(Problem::internal("there was no time"));
    assert_eq!(reviews::run(&db, JOB, Instant::now(), never).await.unwrap(), Ran::More);
    assert_eq!(night(&db, false).await, [(one.user_id, 0)]);
    assert_eq!(night(&db, false).await, []);
}
