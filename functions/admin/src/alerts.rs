//! `GET /admin/alerts`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        watch::{self, Alerts},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// What goes wrong, and who is told
///
/// Alerts that last first, the oldest of them at the top; then those of the last thirty days, up to two hundred.
#[utoipa::path(
    get,
    path = "/admin/alerts",
    tag = "Admin",
    responses(
        (status = 200, description = "Alerts, and the alert targets without their addresses", body = Alerts),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let alerts = auth::with_user(&deps.db, &call, async |tx: &mut Tx, _: &Me| {
        let Nothing = call.query()?;
        watch::list(tx).await
    })
    .await?;
    Reply::ok(&alerts)
}
