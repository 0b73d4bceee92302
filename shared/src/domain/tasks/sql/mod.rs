//! Statements on tasks, and those that keep the database in order.

pub(super) mod queues;
pub(super) mod runs;
pub(super) mod schedules;
pub(super) mod tidy;

use crate::platform::db::Tx;
use sqlx::Error;

/// Makes the coming days' partitions of the events, and drops those of days gone by. With none to make or drop it
/// takes no lock that anybody would notice.
pub(super) async fn events_partitions(tx: &mut Tx, (keep, ahead): (i32, i32)) -> Result<(), Error> {
    sqlx::query!("SELECT created, dropped FROM events_partitions($1, $2)", keep, ahead).fetch_one(tx).await.map(drop)
}
