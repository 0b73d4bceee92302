//! Databases as large as a busy installation's, in minutes and the same each time.

mod beside;
mod ledgers;
mod merchants;

pub use ledgers::{Ledgers, email, ledgers};
pub use merchants::merchants;

/// Merchants of a large database.
pub const MERCHANTS: i64 = 100_000;
/// How many users have how many transactions each: two million in all.
pub const FULL: Ledgers = &[(1, 4_500), (1, 100_000), (1, 1_000_000), (995, 900)];
