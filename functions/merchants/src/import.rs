//! `POST /merchants/import`

use shared::{
    deps,
    domain::{auth::Me, idempotency, merchants},
    platform::{
        db::{Db, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Import merchants
///
/// For administrators. The body is CSV in UTF-8, at most 1 MB and 5,000 rows, with the header
/// `canonical_name,category,aliases,country,tags`: aliases separated by `|`, tags a JSON object. Merchants that are known
/// already are passed over; rows that are wrong are refused and said, and the rest goes in.
#[utoipa::path(
    post,
    path = "/merchants/import",
    tag = "Merchants",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and file answer the same for 24 hours")),
    request_body(content = String, content_type = "text/csv", description = "The file"),
    responses(
        (status = 200, description = "What became of each row that was not imported", body = merchants::Report),
        (status = 403, description = "`forbidden`: the user is no administrator", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`merchant_exists`: one was made at the same moment; `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    idempotency::once(&deps.db, &call, "POST /merchants/import", async |tx: &mut Tx, me: &Me| {
        let _: Nothing = call.query()?;
        Reply::ok(&merchants::import(tx, me, &call).await?)
    })
    .await
}
