//! `POST /auth/ws-ticket`

use shared::{
    deps,
    domain::auth::{self, Me},
    platform::{
        db::{ReadDb, Tx},
        http::{Call, Reply},
        live::Tickets,
        problem::Problem,
    },
};

deps! { db: ReadDb, tickets: Tickets }

/// A ticket that opens one WebSocket
///
/// Works once and within 60 seconds: connect with `?ticket=`. It keeps the access token out of URLs.
#[utoipa::path(
    post,
    path = "/auth/ws-ticket",
    tag = "Auth",
    responses((status = 200, description = "The ticket", body = auth::Ticket), shared::platform::problem::Problems)
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let holder = auth::with_user(&deps.db, &call, async |_: &mut Tx, me: &Me| me.holder(&call)).await?;
    Reply::ok(&auth::Ticket::issue(&deps.tickets, &holder, call.now).await?)
}
