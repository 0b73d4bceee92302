//! `DELETE /portfolio/holdings/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        events, portfolio,
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Delete a holding
///
/// It leaves lists and sums. A second time it is absent like any other: 404.
#[utoipa::path(
    delete,
    path = "/portfolio/holdings/{id}",
    tag = "Portfolio",
    params(
        ("id" = Uuid, Path, description = "The holding's id"),
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
    auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| portfolio::delete(tx, me, &call, call.id()?).await)
        .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(Reply::no_content())
}
