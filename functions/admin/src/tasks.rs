//! `GET /admin/tasks`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::{Page, PageParams},
        tasks::{self, Run, RunsQuery},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// Tasks, the last queued first
///
/// Those of the last seven days, and of the last thirty where they failed. What waits in a queue and was not begun yet is
/// counted by `GET /admin/queues`.
#[utoipa::path(
    get,
    path = "/admin/tasks",
    tag = "Admin",
    params(
        RunsQuery,
        PageParams,
    ),
    responses(
        (status = 200, description = "A page", body = Page<Run>),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let keys = deps.keys.get().await?;
    let page = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        tasks::list(tx, &keys, me.user_id, &call.query()?).await
    })
    .await?;
    Reply::ok(&page)
}
