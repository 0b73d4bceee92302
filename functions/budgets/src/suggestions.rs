//! `GET /budgets/suggestions`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        budgets::{self, Suggestions},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// What to budget
///
/// A tenth more than the mean of the last three complete months, or of those there are, at least 100.
#[utoipa::path(
    get,
    path = "/budgets/suggestions",
    tag = "Budgets",
    params(("category" = Option<String>, Query, description = "This category alone"), ("currency" = Option<String>, Query, description = "The user's own when left out")),
    responses((status = 200, description = "Suggestions, the largest first", body = Suggestions), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| budgets::suggestions(tx, me, &asked).await)
            .await?;
    Reply::ok(&found)
}
