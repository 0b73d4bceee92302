//! `DELETE /auth/me`

use shared::{
    deps,
    domain::{
        erasure, events,
        tasks::{self, Task, Work},
    },
    platform::{
        db::Db,
        http::{Call, Reply},
        limits::Limits,
        problem::Problem,
        queue::{Default, Deliver, Low, Queue},
    },
};

deps! { db: Db, limits: Limits, deliver: Queue<Deliver>, tasks: Queue<Default>, low: Queue<Low> }

/// Close the account for good
///
/// At once all sessions and sockets end and the address is free. What belonged to the account is deleted within minutes:
/// transactions, budgets, files and all else. This cannot be undone; export what you want to keep.
#[utoipa::path(
    delete,
    path = "/auth/me",
    tag = "Auth",
    request_body = erasure::FarewellBody,
    responses((status = 204, description = "The account is closed"), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let farewell = call.json()?;
    let closed = erasure::close(&deps.db, &deps.limits, &call, &farewell).await?;
    events::close(&deps.deliver, closed.user_id, None).await;
    tasks::queue(&deps.low, &Task::new(Work::Erase { user_id: closed.user_id })).await;
    tasks::mail(&deps.tasks, [closed.mail_id]).await;
    Ok(Reply::no_content())
}
