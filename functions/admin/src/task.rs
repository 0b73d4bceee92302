//! `GET /admin/tasks/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks::{self, Run},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// One task
#[utoipa::path(
    get,
    path = "/admin/tasks/{id}",
    tag = "Admin",
    params(
        ("id" = Uuid, Path, description = "The task's id"),
    ),
    responses(
        (status = 200, description = "The task", body = Run),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such task, or it is forgotten", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let found = auth::with_user(&deps.db, &call, async |tx: &mut Tx, _: &Me| {
        let Nothing = call.query()?;
        tasks::get(tx, call.id()?).await
    })
    .await?;
    Reply::ok(&found)
}
