//! Merchants.

mod create;
mod import;
mod merge;
mod search;
mod statistics;
mod undo;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(search::handle, create::handle, import::handle, merge::handle, undo::handle, statistics::handle))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "merchants", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("merchants": search, HTTP "GET" "/merchants/search", User, 256 MB, 10 s),
    function!("merchants": create, HTTP "POST" "/merchants", Admin, 256 MB, 10 s),
    function!("merchants": import, HTTP "POST" "/merchants/import", Admin, 256 MB, 25 s, heavy),
    function!("merchants": merge, HTTP "POST" "/merchants/merge", Admin, 256 MB, 10 s),
    function!("merchants": undo, HTTP "POST" "/merchants/merges/{id}/undo", Admin, 256 MB, 10 s),
    function!("merchants": statistics, HTTP "GET" "/merchants/statistics", User, 256 MB, 10 s),
];
