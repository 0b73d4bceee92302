//! The daily report of failed tasks.

use super::{
    Targets, minute,
    sql::{
        self,
        look::{self, GivenUp, Lately},
    },
    tell,
};
use crate::{
    domain::pages::Instant,
    platform::{db::Tx, fields::Field, problem::Problem},
};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;
use time::{Duration, OffsetDateTime, Time, format_description::well_known::Rfc3339};

const NOTE: &str = "failure_report";
/// Days that were missed are made up for, up to so many.
const DAYS: Duration = Duration::days(7);

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the targets are told: not twice of the same day, and not when nothing failed.
    pub told: bool,
    /// Tasks that were given up.
    pub dead: i64,
    /// Tasks that failed and are tried again.
    pub failed: i64,
}

/// Reports what failed since the last report, up to midnight UTC. However often it runs, a day is told of once.
pub async fn report(tx: &mut Tx, targets: &Targets, now: OffsetDateTime) -> Result<Report, Problem> {
    let until = now.replace_time(Time::MIDNIGHT);
    let last = sql::noted(tx, NOTE).await?;
    let last = last.get("until").and_then(|until| Instant::from_text(until.as_str()?).ok()).map(|until| until.0);
    let nothing = Report { told: false, dead: 0, failed: 0 };
    if last.is_some_and(|last| last >= until) {
        return Ok(nothing);
    }
    let since = last.unwrap_or(until.saturating_sub(Duration::DAY)).max(until.saturating_sub(DAYS));
    sql::note(tx, NOTE, &json!({"until": until.format(&Rfc3339).map_err(Problem::internal)?})).await?;
    let failures = look::failures(tx, since, until).await?;
    if failures.is_empty() {
        return Ok(nothing);
    }
    let queues = look::queues(tx, now.saturating_sub(Duration::minutes(10))).await?;
    let (dead, failed) = failures.iter().fold((0, 0), |(dead, failed), one| (dead + one.dead, failed + one.failed));
    let title = format!("Failed tasks: {dead} given up, {failed} to be tried again");
    let text = text(&failures, &queues, since, until)?;
    tell::write(tx, targets, None, (&title, &text), now).await?;
    Ok(Report { told: targets.channels().next().is_some(), dead, failed })
}

fn text(
    failures: &[GivenUp],
    queues: &[Lately],
    since: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<String, Problem> {
    let mut text = format!("From {} to {} UTC:\n", minute(since), minute(until));
    for one in failures {
        let error: String = one.error.chars().take(200).collect();
        write!(text, "\n{}: {} given up, {} to be tried again", one.kind, one.dead, one.failed)
            .map_err(Problem::internal)?;
        if !error.is_empty() {
            write!(text, "\n  last error: {error}").map_err(Problem::internal)?;
        }
    }
    let letters = queues.iter().filter(|queue| queue.dead > 0).map(|queue| format!("{} {}", queue.queue, queue.dead));
    let letters = letters.collect::<Vec<_>>().join(", ");
    let letters = if letters.is_empty() { "none".to_owned() } else { letters };
    write!(text, "\n\nDead letters now: {letters}").map_err(Problem::internal)?;
    Ok(text)
}
