//! `GET /budgets/status`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        budgets::{self, Status},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// How all budgets stand
///
/// Of those whose period holds the user's today, in one currency.
#[utoipa::path(
    get,
    path = "/budgets/status",
    tag = "Budgets",
    params(("currency" = Option<String>, Query, description = "The user's own when left out")),
    responses((status = 200, description = "Sums, and the budgets that are overspent or at risk", body = Status), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| budgets::status(tx, me, &asked).await).await?;
    Reply::ok(&found)
}
