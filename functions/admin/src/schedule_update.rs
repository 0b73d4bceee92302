//! `PUT /admin/schedules/{name}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks::schedules::{self, Schedule, SettingsBody},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Change a schedule
///
/// All its settings: what is left out has its default again. A schedule that was disabled does not make up for what it
/// missed.
#[utoipa::path(
    put,
    path = "/admin/schedules/{name}",
    tag = "Admin",
    params(
        ("name" = String, Path, description = "The schedule's name"),
        ("If-Match" = Option<String>, Header, description = "The ETag that it must still have"),
    ),
    request_body = SettingsBody,
    responses(
        (status = 200, description = "The schedule as it is now, with its new `ETag`", body = Schedule),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such schedule", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let changed = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        let name = call.param("name").unwrap_or_default();
        schedules::replace(tx, me, &call, name, &call.json()?).await
    })
    .await?;
    Ok(Reply::ok(&changed)?.with("etag", changed.etag()))
}
