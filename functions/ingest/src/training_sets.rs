//! `GET /ingest/training-sets`

use shared::{
    deps,
    domain::{
        services,
        trainings::{self, ListQuery, TrainingSets},
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

/// Data sets of corrections, the newest first
///
/// Each holds five hundred corrections of categories, and each correction is in one: train with all of them, or with those
/// since your last. Scope: `corrections:read`.
#[utoipa::path(
    get,
    path = "/ingest/training-sets",
    tag = "Hand-over",
    params(ListQuery),
    responses(
        (status = 200, description = "A page", body = TrainingSets),
        (status = 403, description = "`missing_scope`: the token lacks `corrections:read`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        services::with_service(&deps.db, &call, async |tx: &mut Tx| trainings::list(tx, &keys, &asked).await).await?;
    Reply::ok(&page)
}
