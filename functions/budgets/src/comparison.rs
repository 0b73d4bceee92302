//! `GET /budgets/comparison`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        budgets::{self, Comparison},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// A month beside the one before
///
/// What each category cost in both; the current month so far unless another is named.
#[utoipa::path(
    get,
    path = "/budgets/comparison",
    tag = "Budgets",
    params(budgets::ComparisonParams),
    responses((status = 200, description = "Both months by category", body = Comparison), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| budgets::compare(tx, me, &asked).await).await?;
    Reply::ok(&found)
}
