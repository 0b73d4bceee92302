//! `GET /admin/schedules`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::All,
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

/// What the clock runs, by name
#[utoipa::path(
    get,
    path = "/admin/schedules",
    tag = "Admin",
    responses(
        (status = 200, description = "All schedules", body = All<Schedule>),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let data = auth::with_user(&deps.db, &call, async |tx: &mut Tx, _: &Me| {
        let Nothing = call.query()?;
        schedules::list(tx).await
    })
    .await?;
    Reply::ok(&All { data })
}
