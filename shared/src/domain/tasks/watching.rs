//! Tasks that look after the others, and what is to be said of each.

use super::Work;
use crate::{
    domain::watch::{canary, look, maintain, pins, report, tell},
    platform::{clock, db::Tx, problem::Problem, queue::Worker},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Instant;

fn said(what: impl Serialize) -> Result<Value, Problem> {
    serde_json::to_value(what).map_err(Problem::internal)
}

/// Does one of them. What it finds is told by the next watch, a minute later at most; by this one if it is one.
pub(super) async fn perform(worker: &Worker, work: &Work, deadline: Instant) -> Result<Value, Problem> {
    let (db, lookout, now) = (&worker.db, &worker.lookout, clock::now());
    let targets = tell::targets(db, lookout).await?;
    match work {
        // The API is looked at as its clients see it, or not at all: without a way out it would look down for ever.
        Work::HealthCanary if !lookout.internet => Ok(json!({"configured": false})),
        Work::HealthCanary => {
            let (failing, alerts) = canary::check(db, lookout, &targets, now).await?;
            Ok(json!({"failing": failing, "begun": alerts.begun, "over": alerts.over}))
        }
        Work::FailureReport => said(db.tx(async |tx: &mut Tx| report::report(tx, &targets, now).await).await?),
        Work::Maintain => said(maintain::maintain(db, &maintain::LIMITS, &targets, now, deadline).await?),
        Work::PinCheck => {
            let Some(gateway) = &lookout.gateway else { return Ok(json!({"configured": false})) };
            let head = async |cid: &str| lookout.outside.head(&format!("{gateway}/ipfs/{cid}")).await;
            said(pins::check(db, head, &targets, now).await?)
        }
        _ => {
            let noted = db.tx(async |tx: &mut Tx| look::watch(tx, &targets, now).await).await?;
            let told = tell::tell(db, &worker.post, lookout, deadline).await?;
            Ok(json!({"begun": noted.begun, "over": noted.over, "told": told.told, "failed": told.failed}))
        }
    }
}
