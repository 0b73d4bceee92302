//! `POST /admin/schedules`

use shared::{
    deps,
    domain::{
        auth::Me,
        idempotency,
        tasks::schedules::{self, NewScheduleBody, Schedule},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Add a schedule
///
/// It stays through deployments, like every change to one.
#[utoipa::path(
    post,
    path = "/admin/schedules",
    tag = "Admin",
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours"),
    ),
    request_body = NewScheduleBody,
    responses(
        (status = 201, description = "The schedule, with its `ETag`", body = Schedule),
        (status = 403, description = "`forbidden`: only an administrator may do this", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`schedule_exists`: choose another name; `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    idempotency::once(&deps.db, &call, "POST /admin/schedules", async |tx: &mut Tx, me: &Me| {
        let made = schedules::create(tx, me, &call, &call.json()?).await?;
        Ok(Reply::json(201, &made)?.with("etag", made.etag()))
    })
    .await
}
