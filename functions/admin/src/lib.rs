//! What administrators do.

mod service_token_create;
mod service_token_revoke;
mod service_tokens;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(service_token_create::handle, service_tokens::handle, service_token_revoke::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "admin", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("admin": service_token_create, HTTP "POST" "/admin/service-tokens", Admin, 256 MB, 10 s),
    function!("admin": service_tokens, HTTP "GET" "/admin/service-tokens", Admin, 256 MB, 10 s),
    function!("admin": service_token_revoke, HTTP "DELETE" "/admin/service-tokens/{id}", Admin, 256 MB, 10 s),
];
