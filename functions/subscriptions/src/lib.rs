//! Charges that recur.

mod get;
mod list;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(list::handle, get::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "subscriptions", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("subscriptions": list, HTTP "GET" "/subscriptions", User, 256 MB, 10 s),
    function!("subscriptions": get, HTTP "GET" "/subscriptions/{id}", User, 256 MB, 10 s),
];
