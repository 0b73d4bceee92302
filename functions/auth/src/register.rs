//! `POST /auth/register`

use shared::{
    deps,
    domain::{auth, tasks},
    platform::{
        db::Db,
        http::{Call, Reply},
        jwt::Keys,
        limits::Limits,
        problem::Problem,
        queue::{Default, Queue},
    },
};

deps! { db: Db, keys: Keys, limits: Limits, tasks: Queue<Default> }

/// Make an account
///
/// The password has 8 characters or more and at most 71 bytes, and is not a common one. The answer logs in at once; a link
/// that proves the address is mailed.
#[utoipa::path(
    post,
    path = "/auth/register",
    tag = "Auth",
    request_body = auth::RegisterBody,
    responses(
        (status = 201, description = "The account's first session", body = auth::tokens::TokenPair),
        (status = 409, description = "`email_taken`: the address has an account", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new = call.json()?;
    let made = auth::register(&deps.db, &deps.keys, &deps.limits, &call, new).await?;
    tasks::mail(&deps.tasks, [made.mail_id]).await;
    Reply::json(201, &made.tokens)
}
