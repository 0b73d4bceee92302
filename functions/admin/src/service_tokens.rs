//! `GET /admin/service-tokens`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::{Page, PageParams},
        services::{self, Token},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// The tokens of other teams' programs, the last made first
///
/// Revoked ones, too.
#[utoipa::path(
    get,
    path = "/admin/service-tokens",
    tag = "Admin",
    params(PageParams),
    responses(
        (status = 200, description = "A page", body = Page<Token>),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let keys = deps.keys.get().await?;
    let page = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        services::list(tx, &keys, me, &call.query()?).await
    })
    .await?;
    Reply::ok(&page)
}
