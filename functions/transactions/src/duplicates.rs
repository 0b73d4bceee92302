//! `GET /transactions/duplicates`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::CursorParams,
        transactions::{self, Groups},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// Transactions that look the same
///
/// In groups, the newest first: the one that was there first, and those that have its date, amount, currency and merchant.
/// At most 50 groups a page.
#[utoipa::path(
    get,
    path = "/transactions/duplicates",
    tag = "Transactions",
    params(CursorParams),
    responses((status = 200, description = "A page", body = Groups), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        transactions::duplicates(tx, &keys, me, &asked).await
    })
    .await?;
    Reply::ok(&page)
}
