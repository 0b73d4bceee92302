//! `POST /transactions/correct`

use shared::{
    deps,
    domain::{
        auth::Me,
        events, idempotency,
        tasks::{self, Task, Work},
        transactions::{self, Correction},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Default, Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay>, tasks: Queue<Default> }

/// Correct a transaction's category
///
/// The next transaction of this merchant, typed in or imported, goes by it. The category that it is in already is no
/// correction, and no error.
#[utoipa::path(
    post,
    path = "/transactions/correct",
    tag = "Transactions",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = transactions::CorrectionBody,
    responses(
        (status = 200, description = "Both categories", body = transactions::Corrected),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: Correction = call.json()?;
    let mut training_due = false;
    let reply = idempotency::once(&deps.db, &call, "POST /transactions/correct", async |tx: &mut Tx, me: &Me| {
        let (corrected, due) = transactions::correct(tx, me, &call, &new).await?;
        training_due = due;
        Reply::ok(&corrected)
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    if training_due {
        tasks::queue(&deps.tasks, &Task::new(Work::Retrain)).await;
    }
    Ok(reply)
}
