//! `GET /openapi.json`

use shared::{
    deps,
    platform::{
        fields::Nothing,
        http::{Call, Reply},
        packed::unpacked,
        problem::Problem,
    },
};

deps! {}

/// This API's description
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "System",
    responses((status = 200, description = "OpenAPI 3.1", body = Object, example = json!({"openapi": "3.1.0"}))),
    security(())
)]
pub async fn handle(_: &Deps, call: Call) -> Result<Reply, Problem> {
    let Nothing = call.query()?;
    Ok(Reply::document("application/json", unpacked(super::OPENAPI)?).with("cache-control", "public, max-age=300"))
}
