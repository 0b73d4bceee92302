//! What other teams' programs hand over: rows of many users in one request. Each row stands for itself, so one that is
//! refused keeps no other back, and all of it may be sent again.

mod anomalies;
mod embeddings;
mod fields;
mod once;
mod rows;
mod sql;
mod transactions;

pub use anomalies::{Anomalies, AnomaliesBody, AnomalyRow, Judged, judge};
pub use embeddings::{EmbeddingRow, Embeddings, EmbeddingsBody, embed};
pub use once::once;
pub use rows::{Outcomes, RowOutcome, Rows};
pub use transactions::{NewTransactions, NewTransactionsBody, RowBody, Stored, store};

/// Rows that one request takes.
pub const MOST: usize = 500;
/// The largest body of rows: each of five hundred may be as long as its fields allow on the average of a program's.
pub const BODY_LIMIT: usize = 2 * 1024 * 1024;
/// Of vectors: five hundred of 384 numbers with all their digits. A function is sent six megabytes at most.
pub const VECTORS_LIMIT: usize = 5 * 1024 * 1024;
