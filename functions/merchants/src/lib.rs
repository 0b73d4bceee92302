//! Merchants.

mod search;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(search::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "merchants", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[function!("merchants": search, HTTP "GET" "/merchants/search", User, 256 MB, 10 s)];
