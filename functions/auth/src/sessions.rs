//! `GET /auth/sessions`

use shared::{
    deps,
    domain::auth::{self, Me},
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// List the open sessions
///
/// One for each login that was neither ended nor has ended by itself.
#[utoipa::path(
    get,
    path = "/auth/sessions",
    tag = "Auth",
    responses((status = 200, description = "The sessions", body = auth::Devices), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let shared::platform::fields::Nothing = call.query()?;
    let all = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| auth::sessions(tx, me).await).await?;
    Reply::ok(&all)
}
