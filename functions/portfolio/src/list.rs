//! `GET /portfolio/holdings`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::{Page, PageParams},
        portfolio::{self, Holding},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// The user's holdings, the last added first
#[utoipa::path(
    get,
    path = "/portfolio/holdings",
    tag = "Portfolio",
    params(portfolio::FilterQuery, PageParams),
    responses((status = 200, description = "A page", body = Page<Holding>), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| portfolio::list(tx, &keys, me, &asked).await)
            .await?;
    Reply::ok(&page)
}
