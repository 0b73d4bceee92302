//! One JSON line a request, and business metrics in CloudWatch's embedded metric format.

use serde_json::{Value, json};
use std::{cell::Cell, time::Duration};

/// An event after which it is worth asking how much memory there was.
const LONG: Duration = Duration::from_millis(100);

thread_local! {
    static COLD: Cell<bool> = const { Cell::new(true) };
    static EVENTS: Cell<u32> = const { Cell::new(0) };
    /// The most memory that was told to be near the end, in MB.
    static TOLD: Cell<u64> = const { Cell::new(0) };
}

/// Sends log lines to standard output as JSON. JSON strings escape control characters, so no value can forge a line.
pub fn init() {
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_ansi(false)
        // A tenth of each request's line, and always the same.
        .with_target(false)
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

/// The most memory that this process has held, in MB, for the log line; now and then, because asking takes 50 µs of a core,
/// and of a small function's a good deal more. Lambda's own line would say it for a tenth of what a request costs. Close to what
/// the function was given it is counted as well, once for each new height.
#[must_use]
pub fn memory(took: Duration) -> Option<u64> {
    let events = EVENTS.with(|events| events.replace(events.get().wrapping_add(1)));
    // What takes much memory takes time; the first event is there for functions that are seldom asked.
    if !events.is_multiple_of(16) && took < LONG {
        return None;
    }
    let most = peak(&std::fs::read_to_string("/proc/self/status").ok()?)?;
    let near = super::config::memory_mb().is_some_and(|given| is_near(most, given));
    if near && TOLD.with(|told| told.replace(most) < most) {
        count("MemoryNear", 1);
    }
    Some(most)
}

/// `VmHWM:   12345 kB`, in MB.
fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()?.div_ceil(1024))
}

/// Over four fifths.
fn is_near(most: u64, given: u64) -> bool {
    most.saturating_mul(5) > given.saturating_mul(4)
}

/// Counts something that alarms and dashboards look at. Names are fixed in code: no user data may become a dimension, and
/// each name costs as a metric of its own in every stage that counts it.
#[expect(clippy::print_stdout, reason = "the embedded metric format is a line of its own on standard output")]
pub fn count(metric: &'static str, value: u64) {
    let line: Value = json!({
        "_aws": {
            "Timestamp": super::clock::epoch().saturating_mul(1000),
            "CloudWatchMetrics": [{
                "Namespace": "Tallybook",
                "Dimensions": [["Stage"]],
                "Metrics": [{"Name": metric, "Unit": "Count"}],
            }],
        },
        "Stage": super::config::stage(),
        metric: value,
    });
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_memory_is_read_and_near_is_over_four_fifths() {
        assert_eq!(peak("Name:\tbootstrap\nVmHWM:\t   30721 kB\nVmRSS:\t   20000 kB\n"), Some(31));
        assert_eq!(peak("Name:\tbootstrap\n"), None);
        assert!(!is_near(204, 256) && is_near(205, 256));
        let told = || (0..32).filter(|_| memory(Duration::ZERO).is_some_and(|mb| mb > 0)).count();
        assert_eq!((told(), told()), (2, 2), "one of sixteen");
        assert!((0..32).all(|_| memory(LONG).is_some()));
    }
}
