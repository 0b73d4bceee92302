//! What administrators do.

mod queues;
mod redrive;
mod schedule;
mod schedule_create;
mod schedule_delete;
mod schedule_run;
mod schedule_update;
mod schedules;
mod service_token_create;
mod service_token_revoke;
mod service_tokens;
mod task;
mod task_statistics;
mod tasks;

use shared::{
    function,
    platform::function::{Feature, Function},
};
use utoipa::OpenApi;

#[derive(OpenApi)]
#[openapi(paths(
    service_token_create::handle,
    service_tokens::handle,
    service_token_revoke::handle,
    tasks::handle,
    task_statistics::handle,
    task::handle,
    queues::handle,
    redrive::handle,
    schedules::handle,
    schedule_create::handle,
    schedule::handle,
    schedule_update::handle,
    schedule_delete::handle,
    schedule_run::handle,
))]
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
    function!("admin": tasks, HTTP "GET" "/admin/tasks", Admin, 256 MB, 10 s),
    function!("admin": task_statistics, HTTP "GET" "/admin/tasks/statistics", Admin, 256 MB, 10 s),
    function!("admin": task, HTTP "GET" "/admin/tasks/{id}", Admin, 256 MB, 10 s),
    function!("admin": queues, HTTP "GET" "/admin/queues", Admin, 256 MB, 10 s),
    function!("admin": redrive, HTTP "POST" "/admin/queues/{name}/redrive", Admin, 256 MB, 29 s),
    function!("admin": schedules, HTTP "GET" "/admin/schedules", Admin, 256 MB, 10 s),
    function!("admin": schedule_create, HTTP "POST" "/admin/schedules", Admin, 256 MB, 10 s),
    function!("admin": schedule, HTTP "GET" "/admin/schedules/{name}", Admin, 256 MB, 10 s),
    function!("admin": schedule_update, HTTP "PUT" "/admin/schedules/{name}", Admin, 256 MB, 10 s),
    function!("admin": schedule_delete, HTTP "DELETE" "/admin/schedules/{name}", Admin, 256 MB, 10 s),
    function!("admin": schedule_run, HTTP "POST" "/admin/schedules/{name}/run", Admin, 256 MB, 10 s),
];
