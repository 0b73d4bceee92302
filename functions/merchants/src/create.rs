//! `POST /merchants`

use shared::{
    deps,
    domain::{
        auth::Me,
        idempotency,
        merchants::{self, Force, NewMerchant},
    },
    platform::{
        db::{Db, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Add a merchant
///
/// For administrators. A name that another merchant goes by is refused, and so is one that is nearly another's, unless
/// `force` says that it is another merchant.
#[utoipa::path(
    post,
    path = "/merchants",
    tag = "Merchants",
    params(
        ("force" = Option<bool>, Query, description = "Add it although merchants of nearly this name exist"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 printable characters; the same key and body answer the same for 24 hours"),
    ),
    request_body = merchants::NewMerchantBody,
    responses(
        (status = 201, description = "The merchant", body = merchants::MerchantDetail),
        (status = 403, description = "`forbidden`: the user is no administrator", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`merchant_exists`, with `conflicts`; `near_match`, with `candidates`; `in_flight`: a request with this key is still running", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    idempotency::once(&deps.db, &call, "POST /merchants", async |tx: &mut Tx, me: &Me| {
        // Read in here: who is no administrator learns that first.
        let (force, new): (Force, NewMerchant) = (call.query()?, call.json()?);
        Reply::json(201, &merchants::create(tx, me, &call, new, &force).await?)
    })
    .await
}
