//! Live connections: opening and closing them, the frames that clients send, and pushing events to them.

mod connect;
mod deliver;
mod disconnect;
mod message;
mod relay;

use shared::{
    function,
    platform::function::{Feature, Function},
};

/// This feature's functions.
pub const FEATURE: Feature = Feature { name: "realtime", functions: FUNCTIONS };

const FUNCTIONS: &[Function] = &[
    function!("realtime": connect, SOCKET "$connect", 256 MB, 10 s),
    function!("realtime": disconnect, SOCKET "$disconnect", 256 MB, 10 s),
    function!("realtime": message, SOCKET "$default", 256 MB, 10 s),
    function!("realtime": relay, QUEUE "relay", concurrency 10, 256 MB, 5 s),
    function!("realtime": deliver, QUEUE "deliver", concurrency 10, 256 MB, 10 s),
];
