//! `GET /ingest/corrections`

use shared::{
    deps,
    domain::{
        services,
        transactions::{self, Corrections, HandoverQuery},
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

/// Users' corrections of categories, the oldest first
///
/// For training the recognition; of users it says their ids alone. Read on with `next_cursor`, which stays good for as long
/// as you like, also when `has_more` is false: what was corrected since then follows it. Corrections of the last minute
/// are not there yet. Scope: `corrections:read`.
#[utoipa::path(
    get,
    path = "/ingest/corrections",
    tag = "Hand-over",
    params(HandoverQuery),
    responses(
        (status = 200, description = "A page", body = Corrections),
        (status = 403, description = "`missing_scope`: the token lacks `corrections:read`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let keys = deps.keys.get().await?;
    let page = services::with_service(&deps.db, &call, async |tx: &mut Tx| {
        transactions::corrections(tx, &keys, &call, &call.query()?).await
    })
    .await?;
    Reply::ok(&page)
}
