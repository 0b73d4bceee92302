//! `POST /auth/password/reset`

use shared::{
    deps,
    domain::{auth, events, tasks},
    platform::{
        db::Db,
        http::{Call, Reply},
        limits::Limits,
        problem::Problem,
        queue::{Default, Deliver, Queue},
    },
};

deps! { db: Db, limits: Limits, deliver: Queue<Deliver>, tasks: Queue<Default> }

/// Set a new password by a mailed link
///
/// Ends all sessions at once, with their access tokens and sockets: log in with the new password.
#[utoipa::path(
    post,
    path = "/auth/password/reset",
    tag = "Auth",
    request_body = auth::ResetBody,
    responses(
        (status = 204, description = "The password is set"),
        (status = 422, description = "`validation_failed`; at `/token`, `invalid_token`: it was used, is too old, or was replaced", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.json()?;
    let done = auth::reset(&deps.db, &deps.limits, &call, &asked).await?;
    events::close(&deps.deliver, done.user_id, None).await;
    tasks::mail(&deps.tasks, [done.mail_id]).await;
    Ok(Reply::no_content())
}
