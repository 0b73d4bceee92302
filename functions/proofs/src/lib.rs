//! Proof that transactions were as they are.

mod anchors;
mod proof;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(anchors::handle, proof::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "proofs", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("proofs": anchors, HTTP "GET" "/anchors", User, 256 MB, 10 s),
    function!("proofs": proof, HTTP "GET" "/transactions/{id}/proof", User, 256 MB, 10 s),
];
