//! `POST /transactions/similar`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        transactions,
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// Transactions that mean nearly the same
///
/// The user's own that are nearest by their embeddings, the most similar first.
#[utoipa::path(
    post,
    path = "/transactions/similar",
    tag = "Transactions",
    request_body = transactions::SimilarBody,
    responses(
        (status = 200, description = "The nearest", body = transactions::Neighbours),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`not_embedded`: it has no embedding yet", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.json()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| transactions::similar(tx, me, &asked).await)
            .await?;
    Reply::ok(&found)
}
