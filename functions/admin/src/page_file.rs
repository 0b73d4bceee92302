//! `GET /admin/page/{file}`

use shared::{
    deps,
    platform::{
        fields::Nothing,
        http::{Call, Reply},
        problem::Problem,
    },
};

deps! {}

/// What the administrators' page loads
#[utoipa::path(
    get,
    path = "/admin/page/{file}",
    tag = "Admin",
    params(("file" = String, Path, description = "`page.css` or one of the page's scripts, such as `page.js`")),
    responses(
        (status = 200, description = "A script or a style sheet", body = String, content_type = "text/javascript", example = "const page = document.body;"),
        (status = 404, description = "There is no such file", body = shared::platform::problem::ProblemBody<'static>, content_type = "application/problem+json"),
    ),
    security(())
)]
pub async fn handle(_: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    let name = call.param("file").unwrap_or_default();
    let file = FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text).ok_or_else(Problem::not_found)?;
    let kind = if name == "page.css" { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
    Ok(Reply::document(kind, file.to_owned()).with("cache-control", "public, max-age=300"))
}

const FILES: [(&str, &str); 9] = [
    ("page.css", include_str!("../page/page.css")),
    ("page.js", include_str!("../page/page.js")),
    ("api.js", include_str!("../page/api.js")),
    ("parts.js", include_str!("../page/parts.js")),
    ("overview.js", include_str!("../page/overview.js")),
    ("tasks.js", include_str!("../page/tasks.js")),
    ("statistics.js", include_str!("../page/statistics.js")),
    ("schedules.js", include_str!("../page/schedules.js")),
    ("letters.js", include_str!("../page/letters.js")),
];
