//! Transactions and their imports.

mod categories;
mod correct;
mod create;
mod delete;
mod duplicates;
mod export;
mod get;
mod import;
mod import_get;
mod import_revert;
mod import_upload;
mod imports;
mod list;
mod mapping_save;
mod mappings;
mod receipt;
mod receipt_get;
mod resolve;
mod restore;
mod search;
mod similar;
mod sync;
mod update;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(
    create::handle,
    list::handle,
    get::handle,
    update::handle,
    delete::handle,
    restore::handle,
    receipt::handle,
    receipt_get::handle,
    correct::handle,
    search::handle,
    similar::handle,
    export::handle,
    duplicates::handle,
    resolve::handle,
    import::handle,
    imports::handle,
    import_get::handle,
    import_revert::handle,
    import_upload::handle,
    mappings::handle,
    mapping_save::handle,
    categories::handle,
    sync::handle
))]
struct Api;

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "transactions", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("transactions": create, HTTP "POST" "/transactions", User, 256 MB, 10 s),
    function!("transactions": list, HTTP "GET" "/transactions", User, 256 MB, 10 s),
    function!("transactions": get, HTTP "GET" "/transactions/{id}", User, 256 MB, 10 s),
    function!("transactions": update, HTTP "PATCH" "/transactions/{id}", User, 256 MB, 10 s),
    function!("transactions": delete, HTTP "DELETE" "/transactions/{id}", User, 256 MB, 10 s),
    function!("transactions": restore, HTTP "POST" "/transactions/{id}/restore", User, 256 MB, 10 s),
    function!("transactions": receipt, HTTP "POST" "/transactions/{id}/receipt", User, 256 MB, 10 s),
    function!("transactions": receipt_get, HTTP "GET" "/transactions/{id}/receipt", User, 256 MB, 10 s),
    function!("transactions": correct, HTTP "POST" "/transactions/correct", User, 256 MB, 10 s),
    function!("transactions": search, HTTP "GET" "/transactions/search", User, 256 MB, 10 s),
    function!("transactions": similar, HTTP "POST" "/transactions/similar", User, 256 MB, 10 s),
    // A whole processor, for a million rows within the gateway's 30 s; the memory is not needed.
    function!("transactions": export, HTTP "GET" "/transactions/export", User, 1769 MB, 29 s, heavy),
    function!("transactions": duplicates, HTTP "GET" "/transactions/duplicates", User, 256 MB, 10 s),
    function!("transactions": resolve, HTTP "POST" "/transactions/duplicates/resolve", User, 256 MB, 10 s),
    function!("transactions": import, HTTP "POST" "/transactions/import", User, 512 MB, 25 s, heavy),
    function!("transactions": imports, HTTP "GET" "/transactions/imports", User, 256 MB, 10 s),
    function!("transactions": import_get, HTTP "GET" "/transactions/imports/{id}", User, 256 MB, 10 s),
    function!("transactions": import_revert, HTTP "POST" "/transactions/imports/{id}/revert", User, 256 MB, 10 s, heavy),
    function!("transactions": import_upload, HTTP "POST" "/transactions/imports/upload-url", User, 256 MB, 10 s),
    function!("transactions": mappings, HTTP "GET" "/transactions/mappings", User, 256 MB, 10 s),
    function!("transactions": mapping_save, HTTP "POST" "/transactions/mappings", User, 256 MB, 10 s),
    function!("transactions": sync, HTTP "GET" "/sync", User, 256 MB, 10 s),
    function!("transactions": categories, HTTP "GET" "/categories", User, 256 MB, 10 s),
];
