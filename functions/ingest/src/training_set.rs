//! `GET /ingest/training-sets/{version}`

use shared::{
    deps,
    domain::{
        services,
        trainings::{self, LinkedTrainingSet},
    },
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        files::Files,
        http::{Call, Reply},
        problem::Problem,
    },
};

// The role that writes: that the token was used is noted with it.
deps! { db: Db, files: Files }

/// A data set of corrections, with a link to its file
///
/// JSON Lines compressed with gzip, one correction a line: `user` (another name for the same person in every set),
/// `merchant_raw`, `merchant_key`, `merchant`, `amount`, `currency`, `date`, `source`, `old_category`, `new_category`,
/// `corrected_at`. The same revision is the same bytes, whose SHA-256 is `sha256`. When somebody closes their account the
/// file is written again without them: fetch it again when `revision` has risen. Scope: `corrections:read`.
#[utoipa::path(
    get,
    path = "/ingest/training-sets/{version}",
    tag = "Hand-over",
    params(("version" = i64, Path, description = "The set's number", example = 7)),
    responses(
        (status = 200, description = "The set; `ETag` changes with its revision", body = LinkedTrainingSet, headers(("ETag" = String, description = "Names this revision of it"))),
        (status = 403, description = "`missing_scope`: the token lacks `corrections:read`", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 404, description = "There is no such set", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found = services::with_service(&deps.db, &call, async |tx: &mut Tx| {
        trainings::get(tx, trainings::version_of(&call)?).await
    })
    .await?;
    let etag = found.etag();
    Ok(Reply::ok(&found.linked(&deps.files).await?)?.with("etag", etag))
}
