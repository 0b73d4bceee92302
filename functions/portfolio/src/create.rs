//! `POST /portfolio/holdings`

use shared::{
    deps,
    domain::{
        auth::Me,
        events, idempotency,
        portfolio::{self, NewHolding},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Add a holding
///
/// Amounts are of all its units together. Nothing is valued by itself: send `last_valuation` when you know it, and again
/// when it changes; without `valued_at` it is true now.
#[utoipa::path(
    post,
    path = "/portfolio/holdings",
    tag = "Portfolio",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = portfolio::NewHoldingBody,
    responses(
        (status = 201, description = "The holding", body = portfolio::Holding, headers(("Location" = String, description = "Where it is now"))),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: NewHolding = call.json()?;
    let reply = idempotency::once(&deps.db, &call, "POST /portfolio/holdings", async |tx: &mut Tx, me: &Me| {
        Reply::json(201, &portfolio::create(tx, me, &new).await?)
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(reply.located("/v1/portfolio/holdings"))
}
