//! What administrators do.

mod alerts;
mod announcement_create;
mod dead_letters;
mod page;
mod page_file;
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
    page::handle,
    page_file::handle,
    alerts::handle,
    announcement_create::handle,
    service_token_create::handle,
    service_tokens::handle,
    service_token_revoke::handle,
    tasks::handle,
    task_statistics::handle,
    task::handle,
    queues::handle,
    dead_letters::handle,
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
    function!("admin": page, HTTP "GET" "/admin", Public, 256 MB, 10 s),
    function!("admin": page_file, HTTP "GET" "/admin/page/{file}", Public, 256 MB, 10 s),
    function!("admin": alerts, HTTP "GET" "/admin/alerts", Admin, 256 MB, 10 s),
    function!("admin": announcement_create, HTTP "POST" "/admin/announcements", Admin, 256 MB, 10 s),
    function!("admin": service_token_create, HTTP "POST" "/admin/service-tokens", Admin, 256 MB, 10 s),
    function!("admin": service_tokens, HTTP "GET" "/admin/service-tokens", Admin, 256 MB, 10 s),
    function!("admin": service_token_revoke, HTTP "DELETE" "/admin/service-tokens/{id}", Admin, 256 MB, 10 s),
    function!("admin": tasks, HTTP "GET" "/admin/tasks", Admin, 256 MB, 10 s),
    function!("admin": task_statistics, HTTP "GET" "/admin/tasks/statistics", Admin, 256 MB, 10 s),
    function!("admin": task, HTTP "GET" "/admin/tasks/{id}", Admin, 256 MB, 10 s),
    function!("admin": queues, HTTP "GET" "/admin/queues", Admin, 256 MB, 10 s),
    function!("admin": dead_letters, HTTP "GET" "/admin/queues/{name}/dead-letters", Admin, 256 MB, 29 s),
    function!("admin": redrive, HTTP "POST" "/admin/queues/{name}/redrive", Admin, 256 MB, 29 s),
    function!("admin": schedules, HTTP "GET" "/admin/schedules", Admin, 256 MB, 10 s),
    function!("admin": schedule_create, HTTP "POST" "/admin/schedules", Admin, 256 MB, 10 s),
    function!("admin": schedule, HTTP "GET" "/admin/schedules/{name}", Admin, 256 MB, 10 s),
    function!("admin": schedule_update, HTTP "PUT" "/admin/schedules/{name}", Admin, 256 MB, 10 s),
    function!("admin": schedule_delete, HTTP "DELETE" "/admin/schedules/{name}", Admin, 256 MB, 10 s),
    function!("admin": schedule_run, HTTP "POST" "/admin/schedules/{name}/run", Admin, 256 MB, 10 s),
];
