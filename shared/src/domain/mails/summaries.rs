//! Writing summaries down: for each user once a week or a month, when their own clock says so.

use super::{
    Kind,
    sql::summaries::{self as sql, Looked},
};
use crate::platform::{
    db::{Db, Tx},
    problem::Problem,
    queue::Ran,
};
use std::time::{Duration, Instant};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// What is summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Summary {
    /// A week, on Monday at eight; a day later it is of no use any more.
    Weekly,
    /// A month, when the next begins; a week later it is of no use any more.
    Monthly,
}

impl Summary {
    fn kind(self) -> Kind {
        match self {
            Self::Weekly => Kind::WeeklySummary,
            Self::Monthly => Kind::MonthlyReport,
        }
    }
}

/// Users that are looked at together.
const USERS: i64 = 500;
/// What a page of them may take, its mails' tasks included.
const PAGE_TIME: Duration = Duration::from_secs(30);

/// Writes down the mails that are due, and tells of them page by page. However often it runs, and wherever it is killed,
/// each user has one mail for a period: its mark moves in the transaction that writes the mail. Answers whether time ran
/// out before all users were looked at.
pub async fn write_due(
    db: &Db,
    summary: Summary,
    told: impl AsyncFn(Vec<Uuid>),
    now: OffsetDateTime,
    deadline: Instant,
) -> Result<Ran, Problem> {
    let mut after = Uuid::nil();
    loop {
        // Run again it begins with the first user: those who were written to cost next to nothing.
        if deadline.saturating_duration_since(Instant::now()) < PAGE_TIME {
            return Ok(Ran::More);
        }
        let (last, mails) = db.tx(async |tx: &mut Tx| page(tx, summary, after, now).await).await?;
        told(mails).await;
        match last {
            Some(last) => after = last,
            None => return Ok(Ran::Done),
        }
    }
}

/// The last user who was looked at, if there may be more, and the mails.
async fn page(
    tx: &mut Tx,
    summary: Summary,
    after: Uuid,
    now: OffsetDateTime,
) -> Result<(Option<Uuid>, Vec<Uuid>), Problem> {
    let looked = sql::take(tx, summary, after, now, USERS).await?;
    let last = looked.last().map(|one| one.user_id);
    let due = |one: Looked| Some((one.user_id, one.email?, one.period?));
    let due: Vec<(Uuid, String, Date)> = looked.into_iter().filter_map(due).collect();
    if due.is_empty() {
        return Ok((last, Vec::new()));
    }
    let ids: Vec<_> = due.iter().map(|_| Uuid::now_v7()).collect();
    let users: Vec<_> = due.iter().map(|(user_id, ..)| *user_id).collect();
    let emails: Vec<_> = due.iter().map(|(_, email, _)| email.clone()).collect();
    let periods: Vec<_> = due.iter().map(|(.., period)| *period).collect();
    sql::insert(tx, summary.kind().name(), &ids, &users, &emails, &periods, now).await?;
    Ok((last, ids))
}
