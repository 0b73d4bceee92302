//! `POST /auth/password/forgot`

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

/// Have a link mailed that sets a new password
///
/// Answers alike whether or not the address has an account. The link works once and for an hour; an account is sent five
/// an hour at most.
#[utoipa::path(
    post,
    path = "/auth/password/forgot",
    tag = "Auth",
    request_body = auth::ForgotBody,
    responses(
        (status = 202, description = "If the address has an account, a mail is on its way"),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.json()?;
    let mail_id = auth::forgot(&deps.db, &deps.limits, &call, &asked).await?;
    tasks::mail(&deps.tasks, [mail_id]).await;
    Ok(Reply::accepted())
}
