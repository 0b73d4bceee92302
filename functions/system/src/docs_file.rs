//! `GET /docs/{file}`

use shared::{
    deps,
    platform::{
        fields::Nothing,
        http::{Call, Reply},
        packed::packed,
        problem::Problem,
    },
};

deps! {}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// What the documentation page loads
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "System",
    params(("file" = String, Path, description = "`page.js`, `page.css`, `swagger-ui-bundle.js` or `swagger-ui.css`")),
    responses(
        (status = 200, description = "A script or a style sheet", body = String, content_type = "text/javascript", example = "const page = document.body;"),
        (status = 404, description = "There is no such file", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
    ),
    security(())
)]
pub async fn handle(_: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let reply = match call.param("file") {
        Some("page.js") => Reply::document(SCRIPT, include_str!("../page/page.js").to_owned()),
        Some("page.css") => Reply::document(STYLE, include_str!("../page/page.css").to_owned()),
        Some("swagger-ui-bundle.js") => Reply::compressed(SCRIPT, &packed("swagger-ui-bundle.js")?),
        Some("swagger-ui.css") => Reply::compressed(STYLE, &packed("swagger-ui.css")?),
        _ => return Err(Problem::not_found()),
    };
    Ok(reply.with("cache-control", "public, max-age=300"))
}
