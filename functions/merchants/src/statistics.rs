//! `GET /merchants/statistics`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        merchants::{self, Statistics},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// Where you spend
///
/// The merchants you use most and the categories you spend in, of transactions whose merchant was recognised: how many,
/// how much in each currency and on average, and when last. Of the last year, unless asked for another range.
#[utoipa::path(
    get,
    path = "/merchants/statistics",
    tag = "Merchants",
    params(merchants::StatisticsParams),
    responses((status = 200, description = "The most used first", body = Statistics), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    let found =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| merchants::statistics(tx, me, &asked).await);
    Reply::ok(&found.await?)
}
