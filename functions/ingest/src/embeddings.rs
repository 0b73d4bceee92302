//! `PUT /ingest/embeddings`

use shared::{
    deps,
    domain::ingest::{self, Embeddings, EmbeddingsBody, Outcomes, VECTORS_LIMIT},
    platform::{
        db::Db,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Store vectors that stand for transactions
///
/// At most 500 of 384 numbers, in at most 5 MB, each for itself. A transaction has one, and the last one counts; the same again is
/// `existing`. `POST /transactions/similar` compares those of one model. Scope: `embeddings:write`.
#[utoipa::path(
    put,
    path = "/ingest/embeddings",
    tag = "Hand-over",
    request_body = EmbeddingsBody,
    responses(
        (status = 200, description = "What became of each row", body = Outcomes),
        (status = 403, description = "`missing_scope`: the token lacks `embeddings:write`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: Embeddings = call.json_within(VECTORS_LIMIT)?;
    Reply::ok(&ingest::embed(&deps.db, &call, &new).await?)
}
