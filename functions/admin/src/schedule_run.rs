//! `POST /admin/schedules/{name}/run`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks::{Task, schedules},
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
        queue::{Default, Low, Queue, Scheduled},
    },
};

deps! { db: Db, default: Queue<Default>, low: Queue<Low>, scheduled: Queue<Scheduled> }

/// Run a schedule's task now
///
/// Whether it is enabled or not, and beside its times.
#[utoipa::path(
    post,
    path = "/admin/schedules/{name}/run",
    tag = "Admin",
    params(
        ("name" = String, Path, description = "The schedule's name"),
    ),
    responses(
        (status = 202, description = "Queued: `GET /admin/tasks/{id}` tells how it goes", body = schedules::Queued),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such schedule", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`already_running`: its task waits or works at this moment", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let task: Task = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        let Nothing = call.query()?;
        schedules::run(tx, me, &call, call.param("name").unwrap_or_default()).await
    })
    .await?;
    schedules::send(&deps.db, (&deps.default, &deps.low, &deps.scheduled), &task, call.now).await;
    Reply::json(202, &schedules::Queued { task_id: task.id })
}
