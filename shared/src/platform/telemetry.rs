//! One JSON line a request, and business metrics in CloudWatch's embedded metric format.

use serde_json::{Value, json};
use std::cell::Cell;

thread_local! {
    static COLD: Cell<bool> = const { Cell::new(true) };
}

/// Sends log lines to standard output as JSON. JSON strings escape control characters, so no value can forge a line.
pub fn init() {
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_ansi(false)
        .with_max_level(super::config::log_level())
        .try_init();
    // The default hook prints the message, which may hold private data; the place is enough to find the fault.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
}

/// Whether this is the first event of the execution environment; true once.
#[must_use]
pub fn cold() -> bool {
    COLD.with(|cold| cold.replace(false))
}

/// Counts something of business interest. Names are fixed in code: no user data may become a dimension.
#[expect(clippy::print_stdout, reason = "the embedded metric format is a line of its own on standard output")]
pub fn count(metric: &'static str, value: u64) {
    let line: Value = json!({
        "_aws": {
            "Timestamp": super::clock::epoch().saturating_mul(1000),
            "CloudWatchMetrics": [{
                "Namespace": "Tallybook",
                "Dimensions": [[]],
                "Metrics": [{"Name": metric, "Unit": "Count"}],
            }],
        },
        metric: value,
    });
    println!("{line}");
}
