//! `GET /admin/queues/{name}/dead-letters`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks::queues::{self, Letters},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
        queue::{DeadLetters, QUEUES},
    },
};

deps! { db: ReadDb, letters: DeadLetters }

/// A queue's dead letters, with their reasons
///
/// Up to fifty. While they are looked at, for a moment, they cannot be sent back.
#[utoipa::path(
    get,
    path = "/admin/queues/{name}/dead-letters",
    tag = "Admin",
    params(
        ("name" = String, Path, description = "`high`, `default`, `low`, `scheduled`, `relay` or `deliver`"),
    ),
    responses(
        (status = 200, description = "Some of them, in no order", body = Letters),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such queue", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let name = call.param("name").unwrap_or_default();
    auth::with_user(&deps.db, &call, async |_: &mut Tx, _: &Me| {
        let Nothing = call.query()?;
        if QUEUES.contains(&name) { Ok(()) } else { Err(Problem::not_found()) }
    })
    .await?;
    Reply::ok(&queues::letters(&deps.letters, name).await?)
}
