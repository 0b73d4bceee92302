//! `GET /subscriptions/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        subscriptions::{self, Subscription},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// One subscription
#[utoipa::path(
    get,
    path = "/subscriptions/{id}",
    tag = "Subscriptions",
    params(("id" = Uuid, Path, description = "The subscription's id")),
    responses(
        (status = 200, description = "The subscription; `ETag` changes whenever it does", body = Subscription, headers(("ETag" = String, description = "Another whenever the subscription is"))),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| subscriptions::get(tx, me, call.id()?).await)
            .await?;
    Ok(Reply::ok(&found)?.with("etag", found.etag()))
}
