//! The next period of a budget.

use super::{Budget, alerts::check, calendar::Span, etag, of_period, sql::periods as sql};
use crate::{
    domain::{auth::Me, events::Turn},
    platform::{
        db::{Db, Tx},
        http::Call,
        problem::Problem,
        queue::Ran,
    },
};
use std::time::{Duration, Instant};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// What one user's renewal may take.
const USER_TIME: Duration = Duration::from_secs(5);
/// Users whose budgets are looked for at a time.
const USERS: i64 = 500;

fn span(latest: &sql::Latest) -> Span {
    let anchor = latest.anchor.and_then(|day| u8::try_from(day).ok());
    Span { start: latest.start, end: latest.end, anchor }
}

/// Begins the next period of a budget that is over, with the same limit.
pub async fn renew(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<Budget, Problem> {
    let mut turn = Turn::take(tx, me.user_id, me.now).await?;
    let latest = sql::latest(tx, me.user_id, Some(id), me.today).await?.pop().ok_or_else(Problem::not_found)?;
    call.check_match(&etag(latest.changed_seq))?;
    if latest.end >= me.today {
        let detail = format!("Its latest period ends on {}: renew it after that day.", latest.end);
        return Err(Problem::conflict(if latest.renewed { "already_renewed" } else { "not_over_yet" }, detail));
    }
    let next = span(&latest).next().filter(|next| next.end >= me.today).ok_or_else(|| {
        Problem::new(
            422,
            "expired",
            format!("It ended on {}, more than a period ago: set the budget with new dates.", latest.end),
        )
    })?;
    begin(tx, &mut turn, me.user_id, me.today, me.now, &[(latest, next)]).await?;
    turn.finish(tx).await?;
    of_period(tx, me, id, next.start).await
}

/// Begins periods, and tells of what was spent in them before.
async fn begin(
    tx: &mut Tx,
    turn: &mut Turn,
    user_id: Uuid,
    today: Date,
    now: OffsetDateTime,
    renewed: &[(sql::Latest, Span)],
) -> Result<(), Problem> {
    for (latest, Span { start, end, anchor }) in renewed {
        let period = sql::Period { start: *start, end: *end, amount: latest.amount, anchor: anchor.map(i16::from) };
        sql::insert_period(tx, user_id, latest.id, &period, now).await?;
    }
    let ids: Vec<_> = renewed.iter().map(|(latest, _)| latest.id).collect();
    sql::touch(tx, user_id, &ids, turn.changed_seq, now).await?;
    let spent: Vec<_> = renewed.iter().map(|(one, _)| (one.category.clone(), one.currency.clone())).collect();
    for alert in check(tx, user_id, today, now, &spent).await? {
        turn.push("budget_alert", &alert)?;
    }
    Ok(())
}

/// Renews all budgets that renew themselves and are over where their user lives; after a gap with the period that holds
/// today. Twice, late or killed in the middle ends in the same: what is renewed is not over any more. Answers whether
/// time ran out before all were done.
pub async fn renew_due(
    db: &Db,
    told: impl AsyncFn(Uuid),
    now: OffsetDateTime,
    deadline: Instant,
) -> Result<Ran, Problem> {
    let mut after = Uuid::nil();
    loop {
        let due = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::due(tx, after, now, USERS).await?)).await?;
        let Some(last) = due.last() else { return Ok(Ran::Done) };
        after = last.user_id;
        for sql::Due { user_id, today } in due {
            if deadline.saturating_duration_since(Instant::now()) < USER_TIME {
                return Ok(Ran::More);
            }
            // One user's trouble is not the others'.
            match db.tx(async |tx: &mut Tx| renew_all(tx, user_id, today, now).await).await {
                Ok(()) => told(user_id).await,
                Err(problem) => tracing::error!(%user_id, %problem, "budgets not renewed: the next night tries again"),
            }
        }
    }
}

async fn renew_all(tx: &mut Tx, user_id: Uuid, today: Date, now: OffsetDateTime) -> Result<(), Problem> {
    let mut turn = Turn::take(tx, user_id, now).await?;
    let over = sql::latest(tx, user_id, None, today).await?;
    let renewed: Vec<_> = over.into_iter().filter_map(|one| Some((span(&one).next_on(today)?, one))).collect();
    let renewed: Vec<_> = renewed.into_iter().map(|(next, one)| (one, next)).collect();
    if !renewed.is_empty() {
        begin(tx, &mut turn, user_id, today, now, &renewed).await?;
    }
    turn.finish(tx).await
}
