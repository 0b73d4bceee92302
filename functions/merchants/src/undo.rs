//! `POST /merchants/merges/{id}/undo`

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
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
        queue::{Low, Queue},
    },
};

deps! { db: Db, tasks: Queue<Low> }

/// Undo a merge of merchants
///
/// For administrators. The merchant has its names again at once; exactly what the merge moved goes back, but for what its
/// user gave another merchant since. Merges into one another are undone the last first.
#[utoipa::path(
    post,
    path = "/merchants/merges/{id}/undo",
    tag = "Merchants",
    params(
        ("id" = Uuid, Path, description = "The merge's id"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key answers the same for 24 hours"),
    ),
    responses(
        (status = 202, description = "Begun; transactions follow", body = Merging),
        (status = 403, description = "`forbidden`: the user is no administrator", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`: there is no such merge", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`already_undone`; `already_merged`: undo the later merge first; `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let mut begun = None;
    let reply = idempotency::once(&deps.db, &call, "POST /merchants/merges/{id}/undo", async |tx: &mut Tx, me: &Me| {
        let _: Nothing = call.query()?;
        let merging = merchants::undo(tx, me, &call, call.id()?).await?;
        begun = Some(merging.id);
        Reply::json(202, &merging)
    })
    .await?;
    if let Some(merge_id) = begun {
        tasks::queue(&deps.tasks, &Task::new(Work::Merge { merge_id })).await;
    }
    Ok(reply)
}
