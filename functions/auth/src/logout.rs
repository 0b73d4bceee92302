//! `POST /auth/logout`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        events,
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Deliver, Queue},
    },
};

deps! { db: Db, deliver: Queue<Deliver> }

/// Log out
///
/// Ends this session at once, with its access tokens and sockets; `?all=true` ends all of the user's.
#[utoipa::path(
    post,
    path = "/auth/logout",
    tag = "Auth",
    params(("all" = Option<bool>, Query, description = "End all of the user's sessions")),
    responses((status = 204, description = "Logged out"), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let auth::LogoutQuery { all } = call.query()?;
    let me = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        auth::logout(tx, &call, me, all).await.map(|()| me.clone())
    })
    .await?;
    events::close(&deps.deliver, me.user_id, (!all).then_some(me.session_id)).await;
    Ok(Reply::no_content())
}
