//! Closing an account for good. At once it is nobody's any more: sessions end, the address is free, what names a person is
//! blank. A task deletes the rest, in chunks, because a user may have more rows than one statement has time for.

mod sql;

use super::{
    auth::{self, Confirmed, Given},
    mails::{self, Kind},
};
use crate::platform::{
    clock,
    db::{Db, Tx},
    fields::{Fields, Read},
    files::{Files, LINK_S},
    http::Call,
    limits::Limits,
    problem::Problem,
    queue::Ran,
};
use std::time::{Duration, Instant};
use time::OffsetDateTime;
use uuid::Uuid;

/// Rows that are deleted together.
const CHUNK: i64 = 5000;
/// A chunk is not begun with less time than this left.
const CHUNK_TIME: Duration = Duration::from_secs(10);
/// A task that did not come back for so long was lost.
const AGAIN: time::Duration = time::Duration::minutes(5);
/// Where a user's files are.
const FOLDERS: [&str; 4] = ["imports", "uploads", "receipts", "exports"];

/// What closing an account takes.
pub struct Farewell {
    password: Given,
}

impl Read for Farewell {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.required("password").map(|password| Self { password })
    }
}

/// The form of [`Farewell`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct FarewellBody {
    /// The password.
    #[schema(example = "correct horse battery")]
    password: String,
}

/// An account that was closed.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    /// Whose.
    pub user_id: Uuid,
    /// The mail that says so.
    pub mail_id: Uuid,
}

const FIELD: &str = "/password";

/// Closes the caller's account.
pub async fn close(db: &Db, limits: &Limits, call: &Call, farewell: &Farewell) -> Result<Closed, Problem> {
    let confirmed: Confirmed = auth::confirm(db, limits, call, FIELD, &farewell.password).await?;
    auth::with_user(db, call, async |tx, me| {
        confirmed.hold(tx, me.user_id, FIELD).await?;
        close_account(tx, call, me).await
    })
    .await
}

/// What [`close`] does inside its transaction.
pub async fn close_account(tx: &mut Tx, call: &Call, me: &auth::Me) -> Result<Closed, Problem> {
    let (user_id, email) = (me.user_id, auth::profile(tx, me).await?.email);
    super::audit::record(tx, call, user_id, "auth.account_closed", None).await?;
    sql::blank(tx, user_id, call.now).await?;
    sql::forget_access(tx, user_id).await?;
    // An import under way sees it at its next chunk and stops.
    sql::end_imports(tx, user_id, call.now).await?;
    sql::insert(tx, user_id, call.now, call.now.saturating_add(AGAIN)).await?;
    let mail_id = mails::write(tx, Kind::AccountClosed, &email, None, call.now).await?;
    Ok(Closed { user_id, mail_id })
}

/// An address to send a file to was perhaps signed just before: until it is of no use, somebody is to look again.
fn last_look(closed_at: OffsetDateTime) -> OffsetDateTime {
    closed_at.saturating_add(time::Duration::seconds(i64::from(LINK_S).saturating_add(60)))
}

/// Deletes what a closed account has. Harmless twice, at the same time too, and when it is killed: it goes on with
/// whatever is left. `now` is asked anew, because a run takes a while.
pub async fn run(
    db: &Db,
    files: impl AsyncFn(&str) -> Result<(), Problem>,
    user_id: Uuid,
    now: OffsetDateTime,
    deadline: Instant,
) -> Result<Ran, Problem> {
    let again = now.saturating_add(AGAIN);
    let closed = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::take(tx, user_id, again).await?)).await?;
    // Only of accounts that were closed, whatever a message says.
    let Some(closed_at) = closed else { return Ok(Ran::Done) };
    super::trainings::forget(db, &files, user_id).await?;
    for step in sql::STEPS {
        loop {
            if deadline.saturating_duration_since(Instant::now()) < CHUNK_TIME {
                return Ok(Ran::More);
            }
            let gone = db
                .tx(async |tx: &mut Tx| {
                    // A plan made while a table was small would read all of it for every row.
                    tx.by_index().await?;
                    tx.plan_anew().await?;
                    Ok::<_, Problem>(sql::delete(tx, step, user_id, CHUNK).await?)
                })
                .await?;
            if gone < CHUNK {
                break;
            }
        }
    }
    for folder in FOLDERS {
        files(&format!("{folder}/{user_id}/")).await?;
    }
    let end = last_look(closed_at);
    db.tx(async |tx: &mut Tx| {
        // What was stored behind our back since, by a function that had begun before, goes with the last look.
        if now < end {
            sql::postpone(tx, user_id, end).await?;
        } else {
            sql::finish(tx, user_id).await?;
        }
        Ok::<_, Problem>(())
    })
    .await?;
    Ok(Ran::Done)
}

/// [`run`], with the files in S3.
pub async fn erase(db: &Db, files: &Files, user_id: Uuid, deadline: Instant) -> Result<Ran, Problem> {
    run(db, async |folder: &str| files.delete_all(folder).await, user_id, clock::now(), deadline).await
}

/// Closes an account that a restored backup brought back, and says whether it was there. Nobody is mailed again; the sweep
/// finds it and has the rest deleted.
pub async fn close_again(db: &Db, user_id: Uuid, now: OffsetDateTime) -> Result<bool, Problem> {
    db.tx(async |tx: &mut Tx| {
        if !sql::is_back(tx, user_id).await? {
            return Ok(false);
        }
        sql::note_closed_again(tx, user_id, now).await?;
        sql::blank(tx, user_id, now).await?;
        sql::forget_access(tx, user_id).await?;
        sql::end_imports(tx, user_id, now).await?;
        sql::insert(tx, user_id, now, now).await?;
        Ok::<_, Problem>(true)
    })
    .await
}

/// Accounts that somebody has to look at.
pub async fn due(tx: &mut Tx, now: OffsetDateTime) -> Result<Vec<Uuid>, Problem> {
    Ok(sql::due(tx, now).await?)
}
