//! `GET /transactions/{id}/receipt`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        transactions,
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

/// A transaction's receipt
///
/// Leads to the file by a link that works for 15 minutes without a token. Until the file was sent it leads to nothing.
#[utoipa::path(
    get,
    path = "/transactions/{id}/receipt",
    tag = "Transactions",
    params(("id" = Uuid, Path, description = "The transaction's id")),
    responses(
        (status = 303, description = "`Location` is the file's"),
        (status = 404, description = "Absent, or somebody else's, or without a receipt", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        transactions::get(tx, me.user_id, call.id()?).await
    })
    .await?;
    let link = transactions::receipt_link(&deps.files, call.claims()?.user_id, &found).await?;
    Ok(Reply { status: 303, ..Reply::no_content() }.with("location", link))
}
