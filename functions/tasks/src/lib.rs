//! The workers of the task queues, and what is invoked: at a deployment, and by Secrets Manager.

mod default;
mod high;
mod low;
mod migrate;
mod rotate_database;
mod rotate_keys;
mod scheduled;

use shared::{
    function,
    platform::function::{Feature, Function},
};

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "tasks", functions: FUNCTIONS };

const FUNCTIONS: &[Function] = &[
    function!("tasks": high, QUEUE "high", concurrency 5, 1024 MB, 60 s),
    function!("tasks": default, QUEUE "default", concurrency 5, 512 MB, 60 s),
    function!("tasks": low, QUEUE "low", concurrency 2, 512 MB, 120 s),
    function!("tasks": scheduled, QUEUE "scheduled", concurrency 2, 1024 MB, 120 s),
    function!("tasks": migrate, INVOKE, 512 MB, 900 s),
    function!("tasks": rotate_keys, INVOKE, 256 MB, 60 s),
    function!("tasks": rotate_database, INVOKE, 256 MB, 60 s),
];
