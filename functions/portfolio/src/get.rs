//! `GET /portfolio/holdings/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        portfolio::{self, Holding},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// One holding
#[utoipa::path(
    get,
    path = "/portfolio/holdings/{id}",
    tag = "Portfolio",
    params(("id" = Uuid, Path, description = "The holding's id")),
    responses(
        (status = 200, description = "The holding; `ETag` changes whenever it does", body = Holding, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| portfolio::get(tx, me, call.id()?).await).await?;
    Ok(Reply::ok(&found)?.with("etag", found.etag()))
}
