//! Reminders of charges that are about to recur.

use super::sql::reminders as sql;
use crate::{
    domain::{events::Turn, money::Money, pages::iso},
    platform::{
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use serde::Serialize;
use std::time::{Duration, Instant};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// What one user's reminders may take.
const USER_TIME: Duration = Duration::from_secs(5);
/// Users looked for at a time.
const USERS: i64 = 500;
/// So many days ahead.
pub(super) const AHEAD: i32 = 3;

/// A frame `subscription_reminder`.
#[derive(Serialize)]
struct Reminder<'a> {
    id: Uuid,
    name: &'a str,
    merchant_id: Option<Uuid>,
    category: &'a str,
    cadence: &'a str,
    amount: Money,
    currency: &'a str,
    #[serde(with = "iso")]
    date: Date,
    /// Days until then.
    days: i64,
}

/// Reminds users of charges that are due within three days of theirs, each once. Twice, late or killed in the middle ends in
/// the same: whoever was reminded is not found any more, and what is past is no news.
pub async fn remind(db: &Db, told: impl AsyncFn(Uuid), now: OffsetDateTime, deadline: Instant) -> Result<Ran, Problem> {
    let mut after = Uuid::nil();
    loop {
        let due = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::due(tx, after, now, USERS).await?)).await?;
        let Some(last) = due.last() else { return Ok(Ran::Done) };
        after = last.user_id;
        for user in due {
            if deadline.saturating_duration_since(Instant::now()) < USER_TIME {
                return Ok(Ran::More);
            }
            // One user's trouble is not the others'.
            match db.tx(async |tx: &mut Tx| remind_one(tx, &user, now).await).await {
                Ok(()) => told(user.user_id).await,
                Err(problem) => {
                    tracing::error!(user_id = %user.user_id, %problem, "not reminded: the next hour tries again");
                }
            }
        }
    }
}

async fn remind_one(tx: &mut Tx, user: &sql::User, now: OffsetDateTime) -> Result<(), Problem> {
    let mut turn = Turn::take(tx, user.user_id, now).await?;
    for due in sql::reminded(tx, user.user_id, user.today, turn.changed_seq, now).await? {
        let reminder = Reminder {
            id: due.id,
            name: &due.name,
            merchant_id: due.merchant_id,
            category: &due.category,
            cadence: &due.cadence,
            amount: Money::of(due.amount),
            currency: &due.currency,
            date: due.next_expected_date,
            days: (due.next_expected_date - user.today).whole_days(),
        };
        turn.push("subscription_reminder", &reminder)?;
    }
    turn.finish(tx).await
}
