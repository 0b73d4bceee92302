//! `DELETE /admin/service-tokens/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        services,
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Revoke a program's token
///
/// Its next request is refused. One that is revoked already stays so.
#[utoipa::path(
    delete,
    path = "/admin/service-tokens/{id}",
    tag = "Admin",
    params(("id" = Uuid, Path, description = "The token's id")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such token", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        let Nothing = call.query()?;
        services::revoke(tx, me, &call, call.id()?).await
    })
    .await?;
    Ok(Reply::no_content())
}
