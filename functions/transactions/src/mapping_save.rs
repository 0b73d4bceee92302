//! `POST /transactions/mappings`

use shared::{
    deps,
    domain::{
        auth::Me,
        idempotency,
        imports::{self, NewMapping},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Save how a bank's files are read
///
/// A file that stays ambiguous is refused with the mapping to complete; saved here, it is named as `?mapping=` with each
/// further file. A mapping of the same name is replaced. Imports under way keep the one they began with.
#[utoipa::path(
    post,
    path = "/transactions/mappings",
    tag = "Imports",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours")),
    request_body = imports::NewMappingBody,
    responses(
        (status = 201, description = "Saved", body = imports::SavedMapping),
        (status = 409, description = "`too_many_mappings`; or `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let new: NewMapping = call.json()?;
    idempotency::once(&deps.db, &call, "POST /transactions/mappings", async |tx: &mut Tx, me: &Me| {
        Reply::json(201, &imports::save_mapping(tx, me, &new).await?)
    })
    .await
}
