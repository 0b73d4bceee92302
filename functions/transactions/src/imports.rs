//! `GET /transactions/imports`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        imports::{self, Import},
        pages::{Page, PageParams},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// The user's imports, newest first
#[utoipa::path(
    get,
    path = "/transactions/imports",
    tag = "Imports",
    params(PageParams),
    responses((status = 200, description = "A page", body = Page<Import>), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| imports::list(tx, &keys, me, &asked).await)
            .await?;
    Reply::ok(&page)
}
