//! `POST /auth/login`

use shared::{
    deps,
    domain::{auth, tasks},
    platform::{
        db::Db,
        http::{Call, Reply},
        jwt::Keys,
        limits::Limits,
        problem::Problem,
        queue::{Default, Queue},
    },
};

deps! { db: Db, keys: Keys, limits: Limits, tasks: Queue<Default> }

/// Log in
///
/// A wrong address and a wrong password answer alike. After 5 failures in 15 minutes, by network address or by account
/// and network, tries answer 429 until the window has passed.
#[utoipa::path(
    post,
    path = "/auth/login",
    tag = "Auth",
    request_body = auth::LoginBody,
    responses(
        (status = 200, description = "A new session", body = auth::tokens::TokenPair),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let grant = call.json()?;
    let told = async |mail_id| tasks::mail(&deps.tasks, [mail_id]).await;
    Reply::ok(&auth::login(&deps.db, &deps.keys, &deps.limits, &call, grant, told).await?)
}
