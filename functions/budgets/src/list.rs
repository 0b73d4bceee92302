//! `GET /budgets`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        budgets::{self, Budgets},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// The user's budgets with what was spent
#[utoipa::path(
    get,
    path = "/budgets",
    tag = "Budgets",
    params(("period" = Option<String>, Query, description = "`current` (default): periods that hold the user's today; `all`: the history, too")),
    responses((status = 200, description = "The budgets", body = Budgets), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    let data =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| budgets::list(tx, me, &asked).await).await?;
    Reply::ok(&Budgets { data })
}
