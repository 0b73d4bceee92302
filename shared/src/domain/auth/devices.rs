//! The sessions a user has open.

use super::{Me, sql};
use crate::{
    domain::audit,
    platform::{db::Tx, http::Call, problem::Problem},
};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// A session that stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Device {
    /// End it with `DELETE /auth/sessions/{id}`.
    pub id: Uuid,
    /// What it called itself when it logged in.
    #[schema(example = "ExampleApp/1.0")]
    pub device: Option<String>,
    /// Where it logged in from.
    #[schema(example = "203.0.113.7")]
    pub ip: Option<String>,
    /// When it logged in.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it was last used, to five minutes.
    #[serde(with = "time::serde::rfc3339")]
    pub last_active: OffsetDateTime,
    /// When it ends at the latest.
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: OffsetDateTime,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// The user's sessions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Devices {
    /// The last used first; a hundred at most.
    pub data: Vec<Device>,
}

/// The sessions that stand.
pub async fn sessions(tx: &mut Tx, me: &Me) -> Result<Devices, Problem> {
    Ok(Devices { data: sql::sessions(tx, me.user_id, me.session_id, me.now).await? })
}

/// Ends one of the user's sessions at once.
pub async fn end_session(tx: &mut Tx, call: &Call, me: &Me, id: Uuid) -> Result<(), Problem> {
    if sql::revoke_sessions(tx, me.user_id, Some(id), None, "ended by the user", call.now).await? == 0 {
        return Err(Problem::not_found());
    }
    audit::record(tx, call, me.user_id, "auth.session_ended", Some(id)).await
}
