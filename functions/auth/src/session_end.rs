//! `DELETE /auth/sessions/{id}`

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

/// End a session
///
/// At once, with its access tokens and sockets. The session that asks may be ended, too.
#[utoipa::path(
    delete,
    path = "/auth/sessions/{id}",
    tag = "Auth",
    params(("id" = Uuid, Path, description = "The session's id")),
    responses(
        (status = 204, description = "Ended"),
        (status = 404, description = "Absent, over, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let id = call.id()?;
    auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| auth::end_session(tx, &call, me, id).await).await?;
    events::close(&deps.deliver, call.claims()?.user_id, Some(id)).await;
    Ok(Reply::no_content())
}
