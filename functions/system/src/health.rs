//! `GET /health`

use shared::{
    deps,
    domain::health,
    platform::{
        db::ReadDb,
        fields::Nothing,
        http::{Call, Reply},
        jwt::Keys,
        limits::Limits,
        problem::Problem,
    },
};

deps! { db: ReadDb, keys: Keys, limits: Limits }

/// Whether the service works
///
/// Each dependency with its latency, and the database's size. 503 when one is away.
#[utoipa::path(
    get,
    path = "/health",
    tag = "System",
    responses(
        (status = 200, description = "All is well", body = health::Health),
        (status = 503, description = "A dependency is away", body = health::Health),
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let health = health::check(&deps.db, &deps.keys, &deps.limits).await;
    Reply::json(health.status_code(), &health)
}
