//! `GET /admin/schedules/{name}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks::schedules::{self, Schedule},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// One schedule
#[utoipa::path(
    get,
    path = "/admin/schedules/{name}",
    tag = "Admin",
    params(
        ("name" = String, Path, description = "The schedule's name"),
    ),
    responses(
        (status = 200, description = "The schedule, with its `ETag`", body = Schedule),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such schedule", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let found = auth::with_user(&deps.db, &call, async |tx: &mut Tx, _: &Me| {
        let Nothing = call.query()?;
        schedules::get(tx, call.param("name").unwrap_or_default()).await
    })
    .await?;
    Ok(Reply::ok(&found)?.with("etag", found.etag()))
}
