//! The rules of personal finance, and their SQL.

pub mod anchors;
pub mod announcements;
pub mod anomalies;
pub mod audit;
pub mod auth;
pub mod budgets;
pub mod categories;
pub mod erasure;
pub mod events;
#[cfg(test)]
mod fuzz;
pub mod health;
pub mod idempotency;
pub mod imports;
pub mod ingest;
pub mod live;
pub mod mails;
pub mod merchants;
pub mod money;
mod months;
pub mod pages;
pub mod portfolio;
pub mod reviews;
pub mod services;
pub mod subscriptions;
pub mod sync;
pub mod tasks;
pub mod trainings;
pub mod transactions;
pub mod watch;
