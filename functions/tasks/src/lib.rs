//! The workers of the task queues.

mod default;
mod scheduled;

use shared::{
    function,
    platform::function::{Feature, Function},
};

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "tasks", functions: FUNCTIONS };

const FUNCTIONS: &[Function] = &[
    function!("tasks": default, QUEUE "default", batch 1, concurrency 5, 1024 MB, 60 s),
    function!("tasks": scheduled, QUEUE "scheduled", batch 1, concurrency 2, 256 MB, 30 s),
];
