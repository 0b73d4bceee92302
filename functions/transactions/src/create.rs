//! `POST /transactions`

use shared::{
    deps,
    domain::{
        auth::Me,
        events, idempotency,
        transactions::{self, NewTransaction},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Add a transaction by hand
///
/// The merchant is recognised from its text. Without a category the user's last correction for the merchant counts,
/// else the merchant's own category. One that looks like another is flagged in `duplicate_of`, not refused.
#[utoipa::path(
    post,
    path = "/transactions",
    tag = "Transactions",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = transactions::NewTransactionBody,
    responses(
        (status = 201, description = "The transaction", body = transactions::Transaction, headers(("Location" = String, description = "Where it is now"))),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: NewTransaction = call.json()?;
    let reply = idempotency::once(&deps.db, &call, "POST /transactions", async |tx: &mut Tx, me: &Me| {
        Reply::json(201, &transactions::create(tx, me, &new).await?)
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(reply.located("/v1/transactions"))
}
