//! Budgets.

mod list;
mod put;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(put::handle, list::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "budgets", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("budgets": put, HTTP "POST" "/budgets", User, 256 MB, 10 s),
    function!("budgets": list, HTTP "GET" "/budgets", User, 256 MB, 10 s),
];
