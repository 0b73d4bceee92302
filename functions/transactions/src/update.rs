//! `PATCH /transactions/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        events,
        tasks::{self, Task, Work},
        transactions::{self, Patch},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Default, Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay>, tasks: Queue<Default> }

/// Change a transaction
///
/// What is left out stays; `null` takes the note away. Another `merchant_raw` is recognised anew, and the category with
/// it, unless the user chose that: its `confidence` is then 1. Another `category` is recorded as a correction, which the
/// next transaction of this merchant goes by.
#[utoipa::path(
    patch,
    path = "/transactions/{id}",
    tag = "Transactions",
    params(
        ("id" = Uuid, Path, description = "The transaction's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that it must still have"),
    ),
    request_body = transactions::TransactionPatchBody,
    responses(
        (status = 200, description = "The transaction as it is now, with its new `ETag`", body = transactions::Transaction, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let patch: Patch = call.json()?;
    let changed = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        transactions::update(tx, me, &call, call.id()?, &patch).await
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    if changed.training_due {
        tasks::queue(&deps.tasks, &Task::new(Work::Retrain)).await;
    }
    Ok(Reply::ok(&changed.transaction)?.with("etag", changed.transaction.etag()))
}
