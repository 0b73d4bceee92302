//! `POST /transactions/duplicates/resolve`

use shared::{
    deps,
    domain::{
        auth::Me,
        events, idempotency,
        transactions::{self, Resolution},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Say whether transactions that look the same are the same
///
/// `keep` takes the flag off for good; `delete` deletes, and can be taken back by a restore. Send one, or a list, which is
/// done together or not at all.
#[utoipa::path(
    post,
    path = "/transactions/duplicates/resolve",
    tag = "Transactions",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = transactions::ResolutionBody,
    responses(
        (status = 200, description = "What became of each", body = transactions::Resolved),
        (status = 404, description = "One that was sent alone is absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked: Resolution = call.json()?;
    let route = "POST /transactions/duplicates/resolve";
    let reply = idempotency::once(&deps.db, &call, route, async |tx: &mut Tx, me: &Me| {
        Reply::ok(&transactions::resolve(tx, me, &asked).await?)
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(reply)
}
