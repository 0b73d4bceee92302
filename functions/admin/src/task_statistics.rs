//! `GET /admin/tasks/statistics`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::All,
        tasks::{self, StatisticsQuery, TaskStatistics},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// How tasks did lately: how many, how long they took and waited
///
/// By kind and hour, or by day beyond 48 hours; by when their last try ended, in UTC.
#[utoipa::path(
    get,
    path = "/admin/tasks/statistics",
    tag = "Admin",
    params(
        StatisticsQuery,
    ),
    responses(
        (status = 200, description = "By kind and time", body = All<TaskStatistics>),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let data = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        tasks::statistics(tx, me.now, &call.query()?).await
    })
    .await?;
    Reply::ok(&All { data })
}
