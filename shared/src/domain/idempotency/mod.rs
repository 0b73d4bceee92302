//! `Idempotency-Key`: the effect and the record of its answer commit in one transaction.

mod sql;

use super::auth::{self, Me};
use crate::platform::{
    db::{Db, Tx},
    http::{Call, Reply},
    jwt::{same, sha256},
    problem::Problem,
};
use time::Duration;

const KEPT: Duration = Duration::hours(24);

/// The key of a call, if it has one.
pub(super) fn key_of(call: &Call) -> Result<Option<&str>, Problem> {
    match call.header("idempotency-key") {
        None if !call.has_header("idempotency-key") => Ok(None),
        Some(key) if (1..=255).contains(&key.len()) && key.bytes().all(|b| (0x20..0x7f).contains(&b)) => Ok(Some(key)),
        _ => Err(Problem::new(
            422,
            "invalid_idempotency_key",
            "Send 1 to 255 printable ASCII characters as Idempotency-Key.",
        )),
    }
}

/// Runs `work` for the user of a creating call, at most once for its key, user and route. The same key with another
/// content is refused.
pub async fn once(
    db: &Db,
    call: &Call,
    route: &'static str,
    work: impl AsyncFnOnce(&mut Tx, &Me) -> Result<Reply, Problem>,
) -> Result<Reply, Problem> {
    let Some(key) = key_of(call)? else { return auth::with_user(db, call, work).await };
    let user_id = call.claims()?.user_id;
    let hash = sha256(&call.content());
    // The lock's number comes from user, route and key; two that collide by chance merely take turns.
    let scope = [user_id.as_bytes().as_slice(), route.as_bytes(), b"\0", key.as_bytes()].concat();
    let mut lock = [0; 8];
    lock.iter_mut().zip(sha256(&scope)).for_each(|(to, from)| *to = from);
    auth::with_user_locking(db, call, Some(i64::from_be_bytes(lock)), async |tx: &mut Tx, me: &Me| {
        if let Some(stored) = sql::find(tx, me.user_id, route, key, call.now).await? {
            if !same(&stored.request_hash, &hash) {
                return Err(Problem::new(
                    422,
                    "idempotency_key_reused",
                    "This Idempotency-Key came with another body before: use a new key for a new request.",
                ));
            }
            let status = u16::try_from(stored.status).unwrap_or(200);
            let reply = Reply { status, content_type: "application/json", body: stored.body, headers: Vec::new() };
            return Ok(reply.as_replay());
        }
        let reply = work(tx, me).await?;
        // Only what succeeded is kept; a refusal may be tried again with the same key.
        if (200..300).contains(&reply.status) {
            sql::store(tx, me.user_id, route, key, &hash, &reply, call.now, call.now.saturating_add(KEPT)).await?;
        }
        Ok(reply)
    })
    .await
}
