//! `POST /ingest/anchors`

use shared::{
    deps,
    domain::{
        anchors::{self, Marked, MarksBody},
        ingest::BODY_LIMIT,
    },
    platform::{
        db::Db,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Which blockchain transactions hold which roots
///
/// And what belongs to single transactions: a hash that users never see, the content id of a receipt. At most 500 rows in
/// all. Each stands for itself and has its own result; sending it again changes nothing. A root is anchored once: another
/// `blockchain_tx_id` for it is refused (`already_anchored`). Scope: `anchors:write`.
#[utoipa::path(
    post,
    path = "/ingest/anchors",
    tag = "Hand-over",
    request_body = MarksBody,
    responses(
        (status = 200, description = "What became of each row", body = Marked),
        (status = 403, description = "`missing_scope`: the token lacks `anchors:write`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    Reply::ok(&anchors::mark(&deps.db, &call, &call.json_within(BODY_LIMIT)?).await?)
}
