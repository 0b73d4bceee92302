//! What a release is: a version of every function, which callers reach through the alias `live`. Versions are published,
//! tried, called all together, and taken back the same way. `cargo ship` does it on AWS, `cargo local deploy` in the local
//! cloud, by the same code.

pub mod aws;
pub mod lambda;
pub mod parallel;
pub mod release;
pub mod smoke;
pub mod stack;
pub mod watch;
