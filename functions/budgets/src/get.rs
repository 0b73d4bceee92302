//! `GET /budgets/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        budgets::{self, Budget},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// One budget
///
/// In the period that holds the user's today, or else in its latest; `GET /budgets/history` has the others.
#[utoipa::path(
    get,
    path = "/budgets/{id}",
    tag = "Budgets",
    params(("id" = Uuid, Path, description = "The budget's id")),
    responses(
        (status = 200, description = "The budget; `ETag` changes when the budget does, not when money is spent", body = Budget, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| budgets::get(tx, me, call.id()?).await).await?;
    Ok(Reply::ok(&found)?.with("etag", found.etag()))
}
