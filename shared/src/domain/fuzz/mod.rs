//! Whatever is sent from outside, in any bytes: no panic, and the promises of its reader kept.
//!
//! Each target runs for a second or two with the other tests, and as long as you like by `cargo local fuzz`. What fails is
//! made as small as it gets and printed: mend it, and add it to the tests, or to the files in `statements`.

mod cursors;
mod fields;
mod frames;
mod money;
mod recipe;
mod statements;
mod texts;
mod tokens;

use crate::platform::jwt::KeySet;
use proptest::{
    collection::vec,
    prelude::any,
    strategy::Strategy,
    test_runner::{Config, TestRunner},
};
use std::time::{Duration, Instant};

/// How long a target runs, in seconds, unless `cargo local fuzz` says otherwise.
const BRIEFLY: u64 = 2;

#[expect(clippy::disallowed_methods, reason = "how long to go on, and nothing else")]
fn patience() -> Duration {
    let said = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(said.unwrap_or(BRIEFLY))
}

/// Runs `check` on random bytes until the time is over. A panic is a failure.
fn feed(check: impl Fn(&[u8])) {
    feed_with(&vec(any::<u8>(), 0..400), |bytes| check(&bytes));
}

/// The same with what a strategy makes up.
fn feed_with<S: Strategy>(strategy: &S, check: impl Fn(S::Value)) {
    let until = Instant::now() + patience();
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    while Instant::now() < until {
        let mut runner = TestRunner::new(config.clone());
        let outcome = runner.run(strategy, |value| {
            check(value);
            Ok(())
        });
        assert!(outcome.is_ok(), "{}", outcome.unwrap_err());
    }
}

/// Two keys that sign, and one for cursors; `others` are made of other secrets under the same names.
fn keys(others: bool) -> KeySet {
    let secret = |digits: &str| if others { digits.chars().rev().collect() } else { digits.to_owned() }.repeat(4);
    let (one, two, app) = (secret("0123456789abcdef"), secret("2468ace013579bdf"), secret("fdb97531eca86420"));
    let json = serde_json::json!({
        "jwt": [{"kid": "new", "secret": one}, {"kid": "old", "secret": two}],
        "app": app,
    });
    serde_json::from_value(json).unwrap()
}
