//! What every Tallybook function stands on.
//!
//! [`platform`] holds the ports (Postgres, queues, sockets, secrets …) and knows no finance;
//! [`domain`] holds the rules and the SQL, and knows no AWS.
#![warn(missing_docs)]

pub mod domain;
pub mod platform;
