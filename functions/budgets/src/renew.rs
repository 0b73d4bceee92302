//! `POST /budgets/{id}/renew`

use shared::{
    deps,
    domain::{
        auth::Me,
        budgets::{self, Budget},
        events, idempotency,
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

/// Begin a budget's next period
///
/// With the same limit, once its latest period is over for the user. Whole months, quarters and years are followed by as
/// many of the calendar's; other periods by as many days. The old period stays as history. A budget with `auto_renew`
/// does it by itself.
#[utoipa::path(
    post,
    path = "/budgets/{id}/renew",
    tag = "Budgets",
    params(
        ("id" = Uuid, Path, description = "The budget's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key answers the same for 24 hours"),
        ("If-Match" = Option<String>, Header, description = "The ETag that it must still have"),
    ),
    responses(
        (status = 201, description = "The budget in its new period", body = Budget),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`not_over_yet`: its only period is not over; `already_renewed`: its latest one is not; `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 422, description = "`expired`: it ended more than a period ago, so set it with new dates", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let reply = idempotency::once(&deps.db, &call, "POST /budgets/{id}/renew", async |tx: &mut Tx, me: &Me| {
        Reply::json(201, &budgets::renew(tx, me, &call, call.id()?).await?)
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(reply)
}
