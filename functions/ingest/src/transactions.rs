//! `POST /ingest/transactions`

use shared::{
    deps,
    domain::{
        events,
        ingest::{self, BODY_LIMIT, NewTransactions, NewTransactionsBody, Outcomes},
    },
    platform::{
        db::Db,
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Add transactions of users
///
/// At most 500, each for itself: one that is refused keeps no other back. `source` and `external_id` name a transaction of a
/// user's; the same again is `existing` and changes nothing, other content for the same id is refused
/// (`external_id_taken`). What `POST /transactions` does is done here, too: merchant, the user's last correction, lookalikes,
/// budget alerts, frames. More than 50 new ones of one user are told by one `import_update` without an id. Rows with
/// `try_again` were not come to: send the request again. Scope: `transactions:write`.
#[utoipa::path(
    post,
    path = "/ingest/transactions",
    tag = "Hand-over",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = NewTransactionsBody,
    responses(
        (status = 200, description = "What became of each row", body = Outcomes),
        (status = 403, description = "`missing_scope`: the token lacks `transactions:write`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: NewTransactions = call.json_within(BODY_LIMIT)?;
    let mut users = Vec::new();
    let reply = ingest::once(&deps.db, &call, "POST /ingest/transactions", async || {
        let stored = ingest::store(&deps.db, &call, &new).await?;
        users = stored.users;
        Ok((Reply::ok(&stored.outcomes)?, !stored.outcomes.is_partial()))
    })
    .await?;
    events::kick_all(&deps.relay, &users).await;
    Ok(reply)
}
