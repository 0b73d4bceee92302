//! `GET /transactions/{id}/proof`

use shared::{
    deps,
    domain::{
        anchors::{self, Proof},
        auth::{self, Me},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// Proof that a transaction is in a day's tree
///
/// Of its newest revision that a tree has, also of one that was deleted: its deletion is a revision, too. The guide
/// `docs/proofs.md` says how to verify it, and has a program that needs nothing of ours.
#[utoipa::path(
    get,
    path = "/transactions/{id}/proof",
    tag = "Proofs",
    params(("id" = Uuid, Path, description = "The transaction's id")),
    responses(
        (status = 200, description = "The proof; `ETag` changes whenever it does", body = Proof),
        (status = 404, description = "Absent, or somebody else's", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        (status = 409, description = "`not_anchored`: no tree has it before the next night is over", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
        shared::platform::problem::Problems,
    )
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let proof =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| anchors::proof(tx, me.user_id, call.id()?).await)
            .await?;
    Ok(Reply::ok(&proof)?.with("etag", proof.etag()))
}
