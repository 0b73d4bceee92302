//! `PATCH /auth/me`

use shared::{
    deps,
    domain::{auth, tasks},
    platform::{
        db::Db,
        http::{Call, Reply},
        limits::Limits,
        problem::Problem,
        queue::{Default, Queue},
    },
};

deps! { db: Db, limits: Limits, tasks: Queue<Default> }

/// Change the profile
///
/// What is left out stays; `preferences` merge key by key, and null goes back to a default. Another `email` needs
/// `current_password`, and replaces the old one only when the link that is sent there is followed; until then it is
/// `pending_email`. The old address is told.
#[utoipa::path(
    patch,
    path = "/auth/me",
    tag = "Auth",
    params(("If-Match" = Option<String>, Header, description = "The ETag that it must still have")),
    request_body = auth::ProfilePatchBody,
    responses(
        (status = 200, description = "The profile as it is now, with its new `ETag`", body = auth::Profile, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))),
        (status = 409, description = "`email_taken`: the address has an account", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let patch = call.json()?;
    let changed = auth::update_profile(&deps.db, &deps.limits, &call, patch).await?;
    tasks::mail(&deps.tasks, changed.mails).await;
    Ok(Reply::ok(&changed.profile)?.with("etag", changed.profile.etag()))
}
