//! `GET /docs`

use super::page;
use shared::{
    deps,
    platform::{
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! {}

/// The documentation as a page
#[utoipa::path(
    get,
    path = "/docs",
    tag = "System",
    responses((status = 200, description = "A page for people", body = String, content_type = "text/html")),
    security(())
)]
pub async fn handle(_: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let page = page::render(super::OPENAPI)?;
    Ok(Reply::document("text/html; charset=utf-8", page)
        .with("content-security-policy", page::POLICY)
        .with("cache-control", "public, max-age=300"))
}
