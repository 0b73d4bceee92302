//! `POST /transactions/imports/{id}/revert`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        imports,
        tasks::{self, Task, Work},
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
        queue::{High, Queue},
    },
};

deps! { db: Db, tasks: Queue<High> }

/// Take an import back
///
/// Every transaction it brought goes, those that were changed since as well; what was there before is as it was. An
/// import under way stops. `import_update` frames tell how it goes on. Asking again does no harm, and afterwards the
/// same file may be imported again.
#[utoipa::path(
    post,
    path = "/transactions/imports/{id}/revert",
    tag = "Imports",
    params(("id" = Uuid, Path, description = "The import's id")),
    responses(
        (status = 202, description = "`running` until all is taken back, then `reverted`", body = imports::Started),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let (user_id, import_id) = (call.claims()?.user_id, call.id()?);
    let asked =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| imports::revert(tx, me, import_id).await).await?;
    if asked.status == "running" {
        tasks::queue(&deps.tasks, &Task::new(Work::Revert { user_id, import_id })).await;
    }
    Reply::json(202, &asked)
}
