//! Budgets.

mod comparison;
mod delete;
mod get;
mod history;
mod list;
mod put;
mod renew;
mod status;
mod suggestions;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(
    put::handle,
    list::handle,
    status::handle,
    comparison::handle,
    history::handle,
    suggestions::handle,
    get::handle,
    delete::handle,
    renew::handle,
))]
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
    function!("budgets": status, HTTP "GET" "/budgets/status", User, 256 MB, 10 s),
    function!("budgets": comparison, HTTP "GET" "/budgets/comparison", User, 256 MB, 10 s),
    function!("budgets": history, HTTP "GET" "/budgets/history", User, 256 MB, 10 s),
    function!("budgets": suggestions, HTTP "GET" "/budgets/suggestions", User, 256 MB, 10 s),
    function!("budgets": get, HTTP "GET" "/budgets/{id}", User, 256 MB, 10 s),
    function!("budgets": delete, HTTP "DELETE" "/budgets/{id}", User, 256 MB, 10 s),
    function!("budgets": renew, HTTP "POST" "/budgets/{id}/renew", User, 256 MB, 10 s),
];
