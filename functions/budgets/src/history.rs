//! `GET /budgets/history`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        budgets::{self, PastPeriod},
        pages::{Page, PageParams},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys }

/// How budgets went
///
/// Every period that has begun, the latest first, with what was spent in it.
#[utoipa::path(
    get,
    path = "/budgets/history",
    tag = "Budgets",
    params(budgets::HistoryParams, PageParams),
    responses((status = 200, description = "A page of periods", body = Page<PastPeriod>), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let (asked, keys) = (call.query()?, deps.keys.get().await?);
    let page =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| budgets::history(tx, &keys, me, &asked).await)
            .await?;
    Reply::ok(&page)
}
