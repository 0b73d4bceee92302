//! `GET /merchants/search`

use shared::{
    deps,
    domain::{
        auth::{self, Me},
        merchants::{self, Merchants},
    },
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// Find merchants by name
///
/// In four tiers: the name itself (score 1.0), an alias (0.9), a prefix (0.7), a similar name (0.3 to 1.0). At most 5 a
/// tier and 20 in all.
#[utoipa::path(
    get,
    path = "/merchants/search",
    tag = "Merchants",
    params(
        ("q" = String, Query, description = "At least 2 characters"),
        ("category" = Option<String>, Query, description = "Only merchants of this category"),
    ),
    responses((status = 200, description = "The best first", body = Merchants), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.query()?;
    let data =
        auth::with_user(&deps.db, &call, async |tx: &mut Tx, _: &Me| merchants::search(tx, &asked).await).await?;
    Reply::ok(&Merchants { data })
}
