//! `GET /anchors`

use shared::{
    deps,
    domain::{
        anchors::{self, Anchor},
        auth::{self, Me},
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

/// The roots of the days' trees, the newest first
///
/// Each night what changed of all users' transactions becomes the leaves of one Merkle tree. A root says nothing of
/// anybody; kept somewhere else, a blockchain for one, it shows later that no transaction below it was changed since.
#[utoipa::path(
    get,
    path = "/anchors",
    tag = "Proofs",
    params(PageParams),
    responses((status = 200, description = "A page", body = Page<Anchor>), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| anchors::list(tx, &keys, me, &asked).await)
            .await?;
    Reply::ok(&page)
}
