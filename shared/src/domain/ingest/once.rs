//! `Idempotency-Key` of programs. The rows of one request commit user by user, so no one transaction can hold them and the
//! record of their answer: the request is claimed before the first and answered after the last. Killed in between, it may
//! be sent again after half a minute, and every row that was stored is `existing`.

use super::sql;
use crate::{
    domain::{idempotency::key_of, services::with_service},
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        jwt::{same, sha256},
        problem::Problem,
    },
};
use time::Duration;

const KEPT: Duration = Duration::hours(24);
/// A function lives no longer.
const CLAIMED: Duration = Duration::seconds(30);

/// Runs `work` at most once for its key, token and route. It also says whether its answer is the last word: one that is
/// not may be asked for again with the same key.
pub async fn once(
    db: &Db,
    call: &Call,
    route: &'static str,
    work: impl AsyncFnOnce() -> Result<(Reply, bool), Problem>,
) -> Result<Reply, Problem> {
    let Some(key) = key_of(call)? else { return work().await.map(|(reply, _)| reply) };
    let service = call.service.ok_or_else(|| Problem::internal("a user's route asked for its service"))?;
    let claim = sql::keys::Claim {
        service: &service,
        route,
        key,
        request_hash: &sha256(&call.content()),
        until: call.now.saturating_add(CLAIMED),
        expires_at: call.now.saturating_add(KEPT),
        now: call.now,
    };
    let stored = with_service(db, call, async |tx: &mut Tx| {
        if sql::keys::claim(tx, &claim).await? {
            return Ok(None);
        }
        Ok(Some(sql::keys::find(tx, &claim).await?.ok_or_else(in_flight)?))
    })
    .await?;
    if let Some(stored) = stored {
        if !same(&stored.request_hash, claim.request_hash) {
            return Err(Problem::new(
                422,
                "idempotency_key_reused",
                "This Idempotency-Key came with another body before: use a new key for a new request.",
            ));
        }
        let (Some(status), Some(body)) = (stored.status, stored.body) else { return Err(in_flight()) };
        let status = u16::try_from(status).unwrap_or(200);
        return Ok(Reply { status, content_type: "application/json", body, headers: Vec::new() }.as_replay());
    }
    let done = work().await;
    db.tx(async |tx: &mut Tx| {
        match &done {
            Ok((reply, true)) => sql::keys::answer(tx, &claim, reply).await?,
            // Nothing is kept of it: the same key may try again.
            _ => sql::keys::release(tx, &claim).await?,
        }
        Ok::<_, Problem>(())
    })
    .await
    // What was done is done, and sent again it is found.
    .unwrap_or_else(|problem| tracing::warn!(%problem, "an answer was not kept for its Idempotency-Key"));
    done.map(|(reply, _)| reply)
}

fn in_flight() -> Problem {
    Problem::conflict(
        "in_flight",
        "A request with this Idempotency-Key is still running: wait for its answer, then repeat it.",
    )
}
