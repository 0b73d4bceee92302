//! Frames for a user's open apps: numbered in the transaction that causes them, pushed after it.
//!
//! Every transaction that changes a user's rows takes a [`Turn`] before the first of them. The turn is a lock on the
//! user's counter: one user's writes happen one after the other, so sums read inside are right, numbers have no gap
//! and commit in order, and there is no second lock to deadlock with.

mod announcement;
mod frames;
mod push;
mod sql;

use crate::platform::{db::Tx, problem::Problem};
pub use announcement::{Announcement, Level};
pub use frames::{FRAME_LIMIT, Page, resume, wanted};
pub use push::{Delivery, Walk, close, close_others, end, kick, kick_all, relay, unpushed};
use serde::Serialize;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// What frames about a user's data may tell.
pub const TYPES: [&str; 6] = [
    "transaction_update",
    "budget_alert",
    "import_update",
    "subscription_reminder",
    "anomaly_alert",
    "portfolio_update",
];

/// A user's turn to write.
pub struct Turn {
    user_id: Uuid,
    now: OffsetDateTime,
    /// The `changed_seq` of every row this transaction changes.
    pub changed_seq: i64,
    frames: Vec<(&'static str, Value)>,
}

impl Turn {
    /// Waits for the user's turn.
    pub async fn take(tx: &mut Tx, user_id: Uuid, now: OffsetDateTime) -> Result<Self, Problem> {
        let changed_seq = sql::take_turn(tx, user_id).await?;
        Ok(Self { user_id, now, changed_seq, frames: Vec::new() })
    }

    /// Waits for the user's turn without taking a number: for who finds out only then whether there is anything to change.
    /// Answers the last number that was taken, if there is such a user.
    pub async fn wait(tx: &mut Tx, user_id: Uuid) -> Result<Option<i64>, Problem> {
        Ok(sql::wait_for_turn(tx, user_id).await?)
    }

    /// Adds a frame.
    pub fn push(&mut self, kind: &'static str, data: &impl Serialize) -> Result<(), Problem> {
        self.frames.push((kind, serde_json::to_value(data).map_err(Problem::internal)?));
        Ok(())
    }

    /// Numbers and stores the frames; the last statement of the transaction.
    pub async fn finish(self, tx: &mut Tx) -> Result<(), Problem> {
        if self.frames.is_empty() {
            return Ok(());
        }
        let (kinds, data): (Vec<String>, Vec<Value>) =
            self.frames.into_iter().map(|(kind, data)| (kind.to_owned(), data)).unzip();
        Ok(sql::append(tx, self.user_id, &kinds, &data, self.now).await?)
    }
}

/// The number of the user's last frame.
pub async fn last_seq(tx: &mut Tx, user_id: Uuid) -> Result<i64, Problem> {
    Ok(sql::last_seq(tx, user_id).await?)
}
