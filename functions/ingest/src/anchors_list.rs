//! `GET /ingest/anchors`

use shared::{
    deps,
    domain::{
        anchors::{self, Anchor, HandedQuery},
        pages::{Page, PageParams},
        services,
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

// The role that writes: that the token was used is noted with it.
deps! { db: Db, keys: Keys }

/// The roots of the days' trees, the newest first
///
/// With `status=pending` those that are still to be written to the blockchain; tell us of them by `POST /ingest/anchors`.
/// Scope: `anchors:write`.
#[utoipa::path(
    get,
    path = "/ingest/anchors",
    tag = "Hand-over",
    params(HandedQuery, PageParams),
    responses(
        (status = 200, description = "A page", body = Page<Anchor>),
        (status = 403, description = "`missing_scope`: the token lacks `anchors:write`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        services::with_service(&deps.db, &call, async |tx: &mut Tx| anchors::handed(tx, &keys, &asked).await).await?;
    Reply::ok(&page)
}
