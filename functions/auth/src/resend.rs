//! `POST /auth/email/resend`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks,
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{Default, Queue},
    },
};

deps! { db: Db, tasks: Queue<Default> }

/// Have the link mailed again that proves the address
///
/// Of the address that a change waits for, else of the account's own. Nothing is sent when nothing is to be proven; an
/// account is sent five an hour at most.
#[utoipa::path(
    post,
    path = "/auth/email/resend",
    tag = "Auth",
    responses((status = 202, description = "A mail is on its way, if one is needed"), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let mail = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| auth::resend(tx, &call, me).await).await?;
    tasks::mail(&deps.tasks, mail).await;
    Ok(Reply::accepted())
}
