//! `DELETE /admin/schedules/{name}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks::schedules,
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Delete a schedule
///
/// What it has queued is done all the same.
#[utoipa::path(
    delete,
    path = "/admin/schedules/{name}",
    tag = "Admin",
    params(
        ("name" = String, Path, description = "The schedule's name"),
        ("If-Match" = Option<String>, Header, description = "The ETag that it must still have"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such schedule", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        let Nothing = call.query()?;
        schedules::delete(tx, me, &call, call.param("name").unwrap_or_default()).await
    })
    .await?;
    Ok(Reply::no_content())
}
