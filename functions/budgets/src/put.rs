//! `POST /budgets`

use shared::{
    deps,
    domain::{
        auth::Me,
        budgets::{self, NewBudget},
        events, idempotency,
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Set a category's budget
///
/// One budget a category and currency. The same or an overlapping period takes the new dates and amount; other dates add
/// a period, and the old ones stay as history.
#[utoipa::path(
    post,
    path = "/budgets",
    tag = "Budgets",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = budgets::NewBudgetBody,
    responses(
        (status = 200, description = "The budget in this period", body = budgets::Budget),
        (status = 409, description = "`periods_overlap`: the dates touch several periods; `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: NewBudget = call.json()?;
    let reply = idempotency::once(&deps.db, &call, "POST /budgets", async |tx: &mut Tx, me: &Me| {
        Reply::ok(&budgets::put(tx, me, &new).await?)
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(reply)
}
