//! `GET /categories`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        categories::{self, Categories},
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// The system's categories, and the user's own
#[utoipa::path(
    get,
    path = "/categories",
    tag = "Transactions",
    responses((status = 200, description = "All categories", body = Categories), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let data =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| categories::list(tx, me.user_id).await).await?;
    Reply::ok(&Categories { data })
}
