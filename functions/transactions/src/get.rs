//! `GET /transactions/{id}`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        transactions::{self, Transaction},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        files::Files,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb, files: Files }

/// One transaction
///
/// Its `receipt_url` is a link to the file itself, which works for 15 minutes without a token.
#[utoipa::path(
    get,
    path = "/transactions/{id}",
    tag = "Transactions",
    params(("id" = Uuid, Path, description = "The transaction's id")),
    responses(
        (status = 200, description = "The transaction; `ETag` changes whenever it does", body = Transaction, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        transactions::get(tx, me.user_id, call.id()?).await
    })
    .await?;
    let etag = found.etag();
    let found = transactions::with_receipt(&deps.files, call.claims()?.user_id, found).await?;
    Ok(Reply::ok(&found)?.with("etag", etag))
}
