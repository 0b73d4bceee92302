//! What can be seen of the running system from outside: over HTTP, over WebSocket, and in its database.
//!
//! `cargo local test` starts what is needed and passes its addresses in the environment. Each test runs in a process
//! of its own, against one stack that all share: it registers its own users, calls from a loopback address of its own
//! (the limits count by address), and assumes nothing about what else is in the database.
//!
//! A test that breaks something on purpose breaks only what serves its own request; see `support::process`.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is wrong"
)]
#![expect(clippy::inconsistent_digit_grouping, reason = "12_50 is an amount in cents")]
#![expect(clippy::format_push_string, reason = "plain to read, and nothing here is slow for it")]

mod subscriptions;
mod support;

mod accounts;
mod accounts_limits;
mod accounts_rotation;
mod accounts_tickets;
mod admin_page;
mod alerts;
mod auth;
mod budgets;
mod clients;
mod convergence;
mod endpoints;
mod faults;
mod idempotency;
mod imports;
mod ingest;
mod input;
mod lists;
mod mails;
mod matrix;
mod merchants;
mod money;
mod ownership;
mod portfolio;
mod privacy;
mod proofs;
mod rates;
mod rotation;
mod runbooks;
mod services;
mod sockets;
mod sockets_upkeep;
mod tasks;
mod tokens;
mod transactions;
mod transactions_export;
mod watch;
