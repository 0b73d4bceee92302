//! `GET /transactions/mappings`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        imports,
    },
    platform::{
        db::{ReadDb, Tx},
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// The user's saved mappings, by name
#[utoipa::path(
    get,
    path = "/transactions/mappings",
    tag = "Imports",
    responses((status = 200, description = "All of them", body = imports::Mappings), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| imports::mappings(tx, me.user_id).await).await?;
    Reply::ok(&found)
}
