//! The statement of the record.

use crate::platform::{db::Tx, http::Call};
use sqlx::Error;
use uuid::Uuid;

pub(super) async fn insert(
    tx: &mut Tx,
    call: &Call,
    actor: Uuid,
    action: &str,
    target: Option<&str>,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO audit_log (at, actor_id, action, target, ip, request_id) VALUES ($1, $2, $3, $4, $5, $6)",
        call.now,
        actor,
        action,
        target,
        call.source_ip,
        call.request_id,
    )
    .execute(tx)
    .await
    .map(drop)
}
