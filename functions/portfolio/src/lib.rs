//! Holdings and what they are worth.

mod create;
mod delete;
mod get;
mod list;
mod summary;
mod update;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(create::handle, list::handle, get::handle, update::handle, delete::handle, summary::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "portfolio", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("portfolio": create, HTTP "POST" "/portfolio/holdings", User, 256 MB, 10 s),
    function!("portfolio": list, HTTP "GET" "/portfolio/holdings", User, 256 MB, 10 s),
    function!("portfolio": get, HTTP "GET" "/portfolio/holdings/{id}", User, 256 MB, 10 s),
    function!("portfolio": update, HTTP "PATCH" "/portfolio/holdings/{id}", User, 256 MB, 10 s),
    function!("portfolio": delete, HTTP "DELETE" "/portfolio/holdings/{id}", User, 256 MB, 10 s),
    function!("portfolio": summary, HTTP "GET" "/portfolio/summary", User, 256 MB, 10 s),
];
