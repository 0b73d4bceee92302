//! `GET /auth/me`

use shared::{
    deps,
    domain::auth::{self, Me},
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// The user's own profile
#[utoipa::path(
    get,
    path = "/auth/me",
    tag = "Auth",
    responses((status = 200, description = "The profile; `ETag` changes whenever it does", body = auth::Profile, headers(("ETag" = String, description = "Send it as `If-Match` to change it only as it is now"))), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let shared::platform::fields::Nothing = call.query()?;
    let profile = auth::with_user(&deps.db, &call, async |tx: &mut Tx, me: &Me| auth::profile(tx, me).await).await?;
    Ok(Reply::ok(&profile)?.with("etag", profile.etag()))
}
