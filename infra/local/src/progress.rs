//! Says what is going on, on stderr: stdout belongs to what a command is asked for.

use std::{
    fmt::Display,
    io::Write,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// Runs a step. Nothing is said of a quick one; one that takes two seconds is announced, reports
/// that it still runs, and is closed with the time it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let (done, waiting) = mpsc::channel::<()>();
    let name = what.to_owned();
    let ticker = thread::spawn(move || {
        let mut wait = Duration::from_secs(2);
        while waiting.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
            eprintln!("  {name} … {} s", begun.elapsed().as_secs());
            wait = Duration::from_secs(10);
        }
    });
    let result = work().with_context(|| what.to_owned());
    drop(done);
    if ticker.join().is_err() {
        eprintln!("  (the progress display failed)");
    }
    let took = begun.elapsed();
    if result.is_ok() && took >= Duration::from_secs(2) {
        eprintln!("  {what}: done in {}", seconds(took));
    }
    result
}

/// A line of what was asked for. Whoever reads may have had enough, as `head` has, and that is no
/// reason to leave a command half done.
pub fn say(line: impl Display) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// `12.3 s`
pub fn seconds(time: Duration) -> String {
    format!("{}.{} s", time.as_secs(), time.subsec_millis() / 100)
}
