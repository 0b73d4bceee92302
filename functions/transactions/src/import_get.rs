//! `GET /transactions/imports/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        imports,
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// One import with its counts and row errors
#[utoipa::path(
    get,
    path = "/transactions/imports/{id}",
    tag = "Imports",
    params(("id" = Uuid, Path, description = "The import's id")),
    responses(
        (status = 200, description = "The import", body = imports::ImportDetail),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| imports::get(tx, me.user_id, call.id()?).await)
            .await?;
    Reply::ok(&found)
}
