//! `POST /admin/announcements`

use shared::{
    deps,
    domain::{
        announcements::{self, Announced, NewAnnouncementBody},
        auth::Me,
        idempotency, tasks,
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Default, Queue},
    },
};

deps! { db: Db, tasks: Queue<Default> }

/// Tell every open app something
///
/// As a frame `announcement`, to connections that are open now: who is not connected does not hear of it.
#[utoipa::path(
    post,
    path = "/admin/announcements",
    tag = "Admin",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours"),
    ),
    request_body = NewAnnouncementBody,
    responses(
        (status = 202, description = "Queued: `GET /admin/tasks/{id}` tells how it goes", body = Announced),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let mut written = None;
    let reply = idempotency::once(&deps.db, &call, "POST /admin/announcements", async |tx: &mut Tx, me: &Me| {
        let (announced, task) = announcements::announce(tx, me, &call, &call.json()?).await?;
        written = Some(task);
        Reply::json(202, &announced)
    })
    .await?;
    if let Some(task) = written {
        tasks::send_written(&deps.db, &deps.tasks, &task, call.now).await;
    }
    Ok(reply)
}
