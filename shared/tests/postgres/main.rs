//! The platform and the domain on a real Postgres. Every test has a database of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops where it is wrong"
)]
#![expect(clippy::items_after_statements, reason = "a statement's text stands where it is run")]

mod accounts;
mod accounts_closed;
mod accounts_links;
mod accounts_profile;
mod accounts_races;
mod anchors;
mod anchors_marks;
mod anomalies;
mod budget_alerts;
mod budgets;
mod budgets_overview;
mod budgets_renewal;
mod catalogue;
mod categories;
mod connection;
mod constraints;
mod crash;
mod events;
mod idempotency;
mod imports;
mod ingest;
mod ingest_keys;
mod ingest_scores;
mod lists;
mod mails;
mod mails_figures;
mod mails_model;
mod mails_summaries;
mod merchant_merges;
mod merchant_statistics;
mod merchants;
mod migrations;
mod model;
mod portfolio;
mod reviews;
mod schedules;
mod services;
mod subscriptions;
mod support;
mod sync;
mod tls;
mod totals;
mod trainings;
mod transactions;
mod transactions_corrections;
mod transactions_duplicates;
mod transactions_edit;
mod transactions_lookalikes;
mod transactions_search;
mod transactions_similar;
mod tx;
mod watch;
mod watch_nights;
