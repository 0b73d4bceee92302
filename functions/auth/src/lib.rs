//! Accounts and sessions.

mod login;
mod logout;
mod me;
mod refresh;
mod register;
mod ws_ticket;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(register::handle, login::handle, refresh::handle, logout::handle, me::handle, ws_ticket::handle))]
struct Api;

/// This feature's functions. Those that hash passwords have the memory that a whole processor comes with.
pub const FEATURE: Feature = Feature { name: "auth", functions: FUNCTIONS };

/// Its part of the OpenAPI document; apart from the table, so that the deployed binary does not carry it.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

const FUNCTIONS: &[Function] = &[
    function!("auth": register, HTTP "POST" "/auth/register", Public, 1769 MB, 10 s),
    function!("auth": login, HTTP "POST" "/auth/login", Public, 1769 MB, 10 s),
    function!("auth": refresh, HTTP "POST" "/auth/refresh", Public, 256 MB, 10 s),
    function!("auth": logout, HTTP "POST" "/auth/logout", User, 256 MB, 10 s),
    function!("auth": me, HTTP "GET" "/auth/me", User, 256 MB, 10 s),
    function!("auth": ws_ticket, HTTP "POST" "/auth/ws-ticket", User, 256 MB, 10 s),
];
