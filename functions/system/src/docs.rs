//! `GET /docs`

use shared::{
    deps,
    platform::{
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! {}

/// What the page may do: run the scripts that come with it and call this API. Swagger UI sets styles of its own, and its
/// icons are in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The documentation as a page
///
/// It logs in, and calls every route.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "System",
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
