//! The append-only record of who did what, written in the transaction that does it.

use crate::platform::{db::Tx, http::Call};
use uuid::Uuid;

/// Records an action.
pub async fn record(
    tx: &mut Tx,
    call: &Call,
    actor: Uuid,
    action: &str,
    target: Option<Uuid>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "INSERT INTO audit_log (at, actor_id, action, target, ip, request_id) VALUES ($1, $2, $3, $4, $5, $6)",
        call.now,
        actor,
        action,
        target.map(|id| id.to_string()),
        call.source_ip,
        call.request_id,
    )
    .execute(tx)
    .await
    .map(drop)
}
