//! `GET /sync`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        sync::{self, Changes, SyncQuery},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// What changed since the last time
///
/// Transactions in the order of their changes: everything at first, and with the `next_cursor` of the answer before only what
/// changed since. Ask again while `has_more` is true. A cursor never expires. Frames say when to ask.
#[utoipa::path(
    get,
    path = "/sync",
    tag = "Sync",
    params(SyncQuery),
    responses((status = 200, description = "Changes", body = Changes), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let changes =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| sync::changes(tx, &keys, me, &asked).await)
            .await?;
    Reply::ok(&changes)
}
