//! `POST /mail/unsubscribe`

use shared::{
    deps,
    domain::mails,
    platform::{
        db::Db,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! { db: Db }

/// Switch off the kind of mail that a link came with
///
/// Mail programs ask this when somebody unsubscribes (RFC 8058), and so does the button of the page. The body is not looked
/// at. Repeating it is harmless. There is no limit of tries by address: a mail provider asks for many users from one, and
/// a token is not to be guessed.
#[utoipa::path(
    post,
    path = "/mail/unsubscribe",
    tag = "Mail",
    params(("token" = String, Query, description = "From the mail", example = "qSDjA0lNn3x1oK2mVwZ8b0Jt5cYx7uR4eHf6gTi9PkM")),
    responses(
        (status = 200, description = "It is off: a page that says so", body = String, content_type = "text/html", example = "<!doctype html><title>No more weekly summaries</title>"),
        (status = 404, description = "Nobody knows this link: a page that says so", body = String, content_type = "text/html", example = "<!doctype html><title>This link does not work</title>"),
        shared::platform::problem::Problems,
    ),
    security(())
)]
pub async fn handle(deps: &Deps, call: Call) -> Result<Reply, Problem> {
    let link = call.query()?;
    mails::unsubscribe(&deps.db, &call, &link).await
}
