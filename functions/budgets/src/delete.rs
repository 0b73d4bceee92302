//! `DELETE /budgets/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        budgets,
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Delete a budget
///
/// With all its periods. Transactions stay as they are; the category can have a new budget at once.
#[utoipa::path(
    delete,
    path = "/budgets/{id}",
    tag = "Budgets",
    params(
        ("id" = Uuid, Path, description = "The budget's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that it must still have"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 404, description = "Absent, or somebody else's, or deleted before", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| budgets::delete(tx, me, &call, call.id()?).await)
        .await?;
    Ok(Reply::no_content())
}
