//! `POST /auth/password`

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

/// Change the password
///
/// Ends the user's other sessions at once, with their access tokens and sockets, and makes void what was mailed to reset
/// the password or to change the address.
#[utoipa::path(
    post,
    path = "/auth/password",
    tag = "Auth",
    request_body = auth::PasswordChangeBody,
    responses((status = 204, description = "Changed"), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let change = call.json()?;
    let mail_id = auth::change_password(&deps.db, &deps.limits, &call, &change).await?;
    let claims = call.claims()?;
    events::close_others(&deps.deliver, claims.user_id, claims.session_id).await;
    tasks::mail(&deps.tasks, [mail_id]).await;
    Ok(Reply::no_content())
}
