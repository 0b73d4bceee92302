//! `POST /auth/email/verify`

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

/// Prove an address by a mailed link
///
/// The account's own, or the one it is to have: then that is its address from now on, and the old one is told.
#[utoipa::path(
    post,
    path = "/auth/email/verify",
    tag = "Auth",
    request_body = auth::VerifyBody,
    responses(
        (status = 204, description = "The address is proven"),
        (status = 409, description = "`email_taken`: the address has an account of its own by now", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 422, description = "`validation_failed`; at `/token`, `invalid_token`: it was used, is too old, or was replaced", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.json()?;
    let mail = auth::verify(&deps.db, &deps.limits, &call, &asked).await?;
    tasks::mail(&deps.tasks, mail).await;
    Ok(Reply::no_content())
}
