//! `PATCH /portfolio/holdings/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        events,
        portfolio::{self, Patch},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Change a holding, or value it anew
///
/// What is left out stays; `null` takes `cost_basis` or `last_valuation` away. A `last_valuation` without `valued_at` is
/// true now, also when the amount is the same as before.
#[utoipa::path(
    patch,
    path = "/portfolio/holdings/{id}",
    tag = "Portfolio",
    params(
        ("id" = Uuid, Path, description = "The holding's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that it must still have"),
    ),
    request_body = portfolio::HoldingPatchBody,
    responses(
        (status = 200, description = "The holding as it is now, with its new `ETag`", body = portfolio::Holding, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let patch: Patch = call.json()?;
    let changed = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        portfolio::update(tx, me, &call, call.id()?, &patch).await
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(Reply::ok(&changed)?.with("etag", changed.etag()))
}
