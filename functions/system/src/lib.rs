//! What every API has: health, its description, and an answer for unknown paths.

mod docs;
mod docs_file;
mod fallback;
mod health;
mod openapi;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(health::handle, openapi::handle, docs::handle, docs_file::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "system", functions: FUNCTIONS };

/// The whole API's description, written from the code by `cargo local template`, checked in and put into the zip.
const OPENAPI: &str = "openapi.json";

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("system": health, HTTP "GET" "/health", Public, 256 MB, 10 s),
    function!("system": openapi, HTTP "GET" "/openapi.json", Public, 256 MB, 10 s),
    function!("system": docs, HTTP "GET" "/docs", Public, 256 MB, 10 s),
    function!("system": docs_file, HTTP "GET" "/docs/{file}", Public, 256 MB, 10 s),
    function!("system": fallback, DEFAULT, 256 MB, 10 s),
];
