//! Databases as large as a busy installation's, in seconds and the same each time.

mod merchants;

pub use merchants::merchants;
