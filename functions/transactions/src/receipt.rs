//! `POST /transactions/{id}/receipt`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        events,
        transactions::{self, Receipt},
    },
    platform::{
        db::{Db, Tx},
        files::Files,
        http::{Call, Reply},
        problem::Problem,
        queue::{Queue, Relay},
    },
};

deps! { db: Db, files: Files, relay: Queue<Relay> }

/// Give a transaction a receipt
///
/// Answers with the request that stores the file: send it there within 15 minutes. Another receipt takes the place of the
/// one before.
#[utoipa::path(
    post,
    path = "/transactions/{id}/receipt",
    tag = "Transactions",
    params(("id" = Uuid, Path, description = "The transaction's id")),
    request_body = transactions::ReceiptBody,
    responses(
        (status = 200, description = "How to send the file", body = transactions::ReceiptUpload),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (receipt, user_id): (Receipt, _) = (call.json()?, call.claims()?.user_id);
    let id = call.id()?;
    let ticket = receipt.ticket(&deps.files, user_id, id).await?;
    auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| transactions::attach(tx, me, id).await).await?;
    events::kick(&deps.relay, user_id).await;
    Reply::ok(&ticket)
}
