//! `POST /merchants/merge`

use shared::{
    deps,
    domain::{
        auth::Me,
        idempotency,
        merchants::{self, Merging},
        tasks::{self, Task, Work},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Low, Queue},
    },
};

deps! { db: Db, tasks: Queue<Low> }

/// Merge a merchant into another
///
/// For administrators. Its names lead to the other one at once; users' transactions, corrections and recurrences follow
/// within minutes. `POST /merchants/merges/{id}/undo` takes it back.
#[utoipa::path(
    post,
    path = "/merchants/merge",
    tag = "Merchants",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = merchants::MergeBody,
    responses(
        (status = 202, description = "Begun; transactions follow", body = Merging),
        (status = 403, description = "`forbidden`: the user is no administrator", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`already_merged`, with the `merchant` to use instead; `merge_running`: try again in a few minutes; `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let mut begun = None;
    let reply = idempotency::once(&deps.db, &call, "POST /merchants/merge", async |tx: &mut Tx, me: &Me| {
        let merging = merchants::merge(tx, me, &call, &call.json()?).await?;
        begun = Some(merging.id);
        Reply::json(202, &merging)
    })
    .await?;
    if let Some(merge_id) = begun {
        tasks::queue(&deps.tasks, &Task::new(Work::Merge { merge_id })).await;
    }
    Ok(reply)
}
