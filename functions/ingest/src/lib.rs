//! What other teams' programs hand over and fetch.

mod anchors;
mod corrections;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(corrections::handle, anchors::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "ingest", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("ingest": corrections, HTTP "GET" "/ingest/corrections", Service "corrections:read", 256 MB, 10 s),
    function!("ingest": anchors, HTTP "POST" "/ingest/anchors", Service "anchors:write", 256 MB, 29 s),
];
