//! `GET /mail/unsubscribe`

use shared::{
    deps,
    domain::mails,
    platform::{
        db::ReadDb,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: ReadDb }

/// A page with a button that switches a kind of mail off
///
/// Following the link alone switches nothing off: programs that scan mails follow links, too.
#[utoipa::path(
    get,
    path = "/mail/unsubscribe",
    tag = "Mail",
    params(("token" = String, Query, description = "From the mail", example = "qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM")),
    responses(
        (status = 200, description = "A page for people", body = String, content_type = "text/html", example = "<!doctype html><title>No more weekly summaries?</title>"),
        (status = 404, description = "Nobody knows this link: a page that says so", body = String, content_type = "text/html", example = "<!doctype html><title>This link does not work</title>"),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    mails::ask(&deps.db, &call.query()?).await
}
