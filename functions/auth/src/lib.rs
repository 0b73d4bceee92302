//! Accounts and sessions.

mod close;
mod forgot;
mod login;
mod logout;
mod me;
mod password;
mod refresh;
mod register;
mod resend;
mod reset;
mod session_end;
mod sessions;
mod unsubscribe;
mod unsubscribe_page;
mod update;
mod verify;
mod ws_ticket;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(
    register::handle,
    login::handle,
    refresh::handle,
    logout::handle,
    me::handle,
    update::handle,
    close::handle,
    password::handle,
    forgot::handle,
    reset::handle,
    verify::handle,
    resend::handle,
    sessions::handle,
    session_end::handle,
    ws_ticket::handle,
    unsubscribe_page::handle,
    unsubscribe::handle
))]
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
    function!("auth": update, HTTP "PATCH" "/auth/me", User, 1769 MB, 10 s),
    function!("auth": close, HTTP "DELETE" "/auth/me", User, 1769 MB, 10 s),
    function!("auth": password, HTTP "POST" "/auth/password", User, 1769 MB, 10 s),
    function!("auth": forgot, HTTP "POST" "/auth/password/forgot", Public, 256 MB, 10 s),
    function!("auth": reset, HTTP "POST" "/auth/password/reset", Public, 1769 MB, 10 s),
    function!("auth": verify, HTTP "POST" "/auth/email/verify", Public, 256 MB, 10 s),
    function!("auth": resend, HTTP "POST" "/auth/email/resend", User, 256 MB, 10 s),
    function!("auth": sessions, HTTP "GET" "/auth/sessions", User, 256 MB, 10 s),
    function!("auth": session_end, HTTP "DELETE" "/auth/sessions/{id}", User, 256 MB, 10 s),
    function!("auth": ws_ticket, HTTP "POST" "/auth/ws-ticket", User, 256 MB, 10 s),
    function!("auth": unsubscribe_page, HTTP "GET" "/mail/unsubscribe", Public, 256 MB, 10 s),
    function!("auth": unsubscribe, HTTP "POST" "/mail/unsubscribe", Public, 256 MB, 10 s),
];
