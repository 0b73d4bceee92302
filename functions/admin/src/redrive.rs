//! `POST /admin/queues/{name}/redrive`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        tasks::queues::{self, Redrive, RedriveBody, Redriven},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
        queue::{DeadLetters, QUEUES},
    },
};

deps! { db: Db, letters: DeadLetters }

/// Send dead letters back to their queue
///
/// One task, or all: up to 500 a request. They are tried from the beginning. Repeating it is harmless: what is done already
/// is not done again.
#[utoipa::path(
    post,
    path = "/admin/queues/{name}/redrive",
    tag = "Admin",
    params(
        ("name" = String, Path, description = "`high`, `default`, `low`, `scheduled`, `relay` or `deliver`"),
    ),
    request_body = RedriveBody,
    responses(
        (status = 200, description = "Sent back", body = Redriven),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such queue, or the task is not among its dead letters", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let name = call.param("name").unwrap_or_default();
    let asked: Redrive = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        let asked = call.json()?;
        if !QUEUES.contains(&name) {
            return Err(Problem::not_found());
        }
        queues::note_redrive(tx, me, &call, name).await?;
        Ok(asked)
    })
    .await?;
    Reply::ok(&queues::redrive(&deps.letters, name, &asked).await?)
}
