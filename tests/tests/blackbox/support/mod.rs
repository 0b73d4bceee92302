//! What the tests share: small clients, and a few looks behind the scenes.

pub mod aws;
pub mod database;
pub mod http;
pub mod mail;
pub mod process;
#[path = "../../../../shared/tests/postgres/support/random.rs"]
pub mod random;
pub mod redact;
pub mod socket;
pub mod token;
pub mod user;

use std::time::{Duration, Instant};

/// A setting of the running stack, as `cargo local env` prints it.
#[expect(clippy::disallowed_methods, reason = "tests are told where the stack is by their environment alone")]
pub fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests with `cargo local test`"))
}

/// Tries until there is an answer; `what` names what was waited for in vain.
pub fn eventually<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {seconds} s in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Keeps others that ask for the same name waiting, in whatever process, until it is dropped.
pub fn alone(name: &str) -> database::Database {
    let mut held = database::Database::connect();
    held.run(&format!("SELECT pg_advisory_lock(hashtext('test {name}'))"));
    held
}

/// Calls at the same moment, as nearly as threads can.
pub fn at_once<T: Send>(count: usize, call: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(count);
    let (start, call) = (&start, &call);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count)
            .map(|n| {
                scope.spawn(move || {
                    start.wait();
                    call(n)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a call panicked")).collect()
    })
}

/// An amount such as `"-12.50"` in cents: sums in whole numbers, apart from the code under test.
pub fn cents(amount: &serde_json::Value) -> i64 {
    let text = amount.as_str().unwrap_or_else(|| panic!("an amount must be a string, not {amount}"));
    let (whole, decimals) = text.split_once('.').unwrap_or_else(|| panic!("{text} has no decimals"));
    assert_eq!(decimals.len(), 2, "{text} must have two decimals");
    let digits: i64 = format!("{}{decimals}", whole.trim_start_matches('-')).parse().expect("digits");
    if whole.starts_with('-') { -digits } else { digits }
}

/// A share such as `78.1` in hundredths, without a float on the way.
pub fn hundredths(share: &serde_json::Value) -> i64 {
    let text = share.to_string();
    let (whole, decimals) = text.split_once('.').unwrap_or((&text, "0"));
    assert!(share.is_number() && decimals.len() <= 2, "{text} is no number with at most two decimals");
    let digits: i64 = format!("{}{decimals:0<2}", whole.trim_start_matches('-')).parse().expect("digits");
    if whole.starts_with('-') { -digits } else { digits }
}

/// Cents as an amount on the wire.
pub fn amount(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", cents.abs() / 100, cents.abs() % 100)
}

/// A whole number from 0 to `below`, other each time: for addresses, tokens, and moments to break something at.
pub fn random(below: u128) -> u128 {
    uuid::Uuid::now_v7().as_u128() % below
}
