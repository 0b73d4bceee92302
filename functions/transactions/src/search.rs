//! `GET /transactions/search`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::CursorParams,
        transactions::{self, FilterQuery, Matches},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// Search merchants and notes
///
/// `q` is required; the list's filters narrow the search. The newest 200 matches come first, the best of them foremost;
/// then the 200 before those, and so on to any depth. Words are marked by pieces: put together, `merchant_pieces` are
/// `merchant_raw`, and those with `is_match` are the words. They hold no markup, so show them as text.
#[utoipa::path(
    get,
    path = "/transactions/search",
    tag = "Transactions",
    params(FilterQuery, CursorParams),
    responses((status = 200, description = "A page", body = Matches), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| {
        transactions::search(tx, &keys, me, &asked).await
    })
    .await?;
    Reply::ok(&page)
}
