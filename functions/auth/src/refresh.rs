//! `POST /auth/refresh`

use shared::{
    deps,
    domain::auth,
    platform::{
        db::Db,
        http::{Call, Reply},
        jwt::Keys,
        problem::Problem,
    },
};

deps! { db: Db, keys: Keys }

/// Trade a refresh token for a new pair
///
/// A refresh token works once. Sent again within 10 seconds it answers with the same successor, because the first
/// answer may have been lost; later its reuse ends the session. A session ends 30 days after login in any case.
#[utoipa::path(
    post,
    path = "/auth/refresh",
    tag = "Auth",
    request_body = auth::RefreshBody,
    responses(
        (status = 200, description = "The next pair", body = auth::tokens::TokenPair),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let asked = call.json()?;
    Reply::ok(&auth::refresh(&deps.db, &deps.keys, &call, asked).await?)
}
