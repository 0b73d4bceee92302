//! `GET /portfolio/summary`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        portfolio::{self, Summary, SummaryQuery},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// All holdings of a currency together
///
/// Sums of one currency; nothing is converted, and `other_currencies` names the rest. Gain is told over the holdings
/// whose valuation and cost basis are both known.
#[utoipa::path(
    get,
    path = "/portfolio/summary",
    tag = "Portfolio",
    params(SummaryQuery),
    responses((status = 200, description = "The sums", body = Summary), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    let summary =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| portfolio::summary(tx, me, &asked).await).await?;
    Reply::ok(&summary)
}
