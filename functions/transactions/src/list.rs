//! `GET /transactions`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::{Page, PageParams},
        transactions::{self, Transaction},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// The user's transactions, newest first
///
/// Filters narrow the list together. Page on with `cursor` (any depth) or `offset` (to 100,000). `total` is exact without
/// filters and with `category` and `currency` alone; with others up to 10,000, above which `total_capped` is true.
#[utoipa::path(
    get,
    path = "/transactions",
    tag = "Transactions",
    params(transactions::FilterQuery, PageParams),
    responses((status = 200, description = "A page", body = Page<Transaction>), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| transactions::list(tx, &keys, me, &asked).await)
            .await?;
    Reply::ok(&page)
}
