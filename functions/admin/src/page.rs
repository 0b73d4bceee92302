//! `GET /admin`

use shared::{
    deps,
    platform::{
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! {}

/// What the page may do: run the script and the style sheet that come with it, and call this API.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// The administrators' page
///
/// Queues, tasks, schedules, dead letters, alerts. It holds no data: who opens it logs in, and it asks the routes below
/// `/admin`, which answer administrators alone.
#[utoipa::path(
    get,
    path = "/admin",
    tag = "Admin",
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html", example = "<!doctype html><title>Tallybook</title>")),
    security(())
)]
pub async fn handle(_: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let page = include_str!("../page/index.html").to_owned();
    Ok(Reply::document("text/html; charset=utf-8", page)
        .with("content-security-policy", POLICY)
        .with("cache-control", "public, max-age=300"))
}
