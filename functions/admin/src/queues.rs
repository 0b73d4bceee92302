//! `GET /admin/queues`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::All,
        tasks::queues::{self, State},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
        queue::Queues,
    },
};

deps! { db: ReadDb, queues: Queues }

/// How full the queues are
///
/// The counts are the queue's own and about right.
#[utoipa::path(
    get,
    path = "/admin/queues",
    tag = "Admin",
    responses(
        (status = 200, description = "All queues", body = All<State>),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    // Who is no administrator learns that before anybody is asked.
    auth::with_user(&deps.db, &call, async |_: &mut Tx, _: &Me| call.query::<Nothing>().map(drop)).await?;
    let depths = deps.queues.depths().await?;
    let data = deps.db.tx(async |tx: &mut Tx| queues::states(tx, &depths, call.now).await).await?;
    Reply::ok(&All { data })
}
