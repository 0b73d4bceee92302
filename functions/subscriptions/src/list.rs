//! `GET /subscriptions`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        pages::PageParams,
        subscriptions::{self, Subscriptions},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// The user's subscriptions, the next charge first
///
/// Charges that recur, from weekly to yearly, as the nightly look found them in the last 37 months. A subscription's `evidence`
/// says why it counts as one; `totals` are what all active ones cost.
#[utoipa::path(
    get,
    path = "/subscriptions",
    tag = "Subscriptions",
    params(subscriptions::ListQuery, PageParams),
    responses((status = 200, description = "A page, and what all active ones cost", body = Subscriptions), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| subscriptions::list(tx, &keys, me, &asked).await)
            .await?;
    Reply::ok(&page)
}
