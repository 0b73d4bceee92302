//! `POST /transactions/{id}/restore`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        events, transactions,
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, relay: Queue<Relay> }

/// Restore a deleted transaction
///
/// One that is not deleted stays as it is, so this may be repeated.
#[utoipa::path(
    post,
    path = "/transactions/{id}/restore",
    tag = "Transactions",
    params(
        ("id" = Uuid, Path, description = "The transaction's id"),
        ("If-Match" = Option<String>, Header, description = "The ETag that it must still have"),
    ),
    responses(
        (status = 200, description = "The transaction, with its `ETag`", body = transactions::Transaction, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 412, description = "`stale`: it has another ETag than `If-Match` names", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let restored = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        transactions::restore(tx, me, &call, call.id()?).await
    })
    .await?;
    events::kick(&deps.relay, call.claims()?.user_id).await;
    Ok(Reply::ok(&restored)?.with("etag", restored.etag()))
}
