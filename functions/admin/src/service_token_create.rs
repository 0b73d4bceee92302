//! `POST /admin/service-tokens`

use shared::{
    deps,
    domain::{
        auth::Me,
        idempotency,
        services::{self, Issued, NewToken},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Make a token for another team's program
///
/// The answer is the only one that holds the token: kept is its hash. If the answer was lost, revoke the token and make
/// another.
#[utoipa::path(
    post,
    path = "/admin/service-tokens",
    tag = "Admin",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours, but for the token")),
    request_body = services::NewTokenBody,
    responses(
        (status = 201, description = "The token", body = Issued),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let mut issued = None;
    let reply = idempotency::once(&deps.db, &call, "POST /admin/service-tokens", async |tx: &mut Tx, me: &Me| {
        // Read in here: who is no administrator learns that first.
        let new: NewToken = call.json()?;
        let (kept, token) = services::issue(tx, me, &call, &new).await?;
        // What is stored for a replay is without the token.
        let reply = Reply::json(201, &Issued { kept: kept.clone(), token: None })?;
        issued = Some(Issued { kept, token: Some(token) });
        Ok(reply)
    })
    .await?;
    issued.map_or(Ok(reply), |issued| Reply::json(201, &issued))
}
