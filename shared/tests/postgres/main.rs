//! The platform and the domain on a real Postgres. Every test has a database of its own.

mod accounts;
mod budget_alerts;
mod budgets;
mod catalogue;
mod categories;
mod connection;
mod constraints;
mod events;
mod idempotency;
mod lists;
mod merchants;
mod support;
mod transactions;
mod tx;
