//! What the clock looks for every minute.

use super::{Finding, Kind, Noted, Targets, note, sql::look as sql};
use crate::platform::{db::Tx, problem::Problem};
use time::{Duration, OffsetDateTime};

/// As many of a kind given up within an hour are no accident.
const GIVEN_UP: i64 = 3;
/// More than this many messages are not done soon.
const DEEP: i32 = 1000;
/// A worker that has not begun with anything for so long, while something waits, is away.
const SILENT: Duration = Duration::minutes(5);
/// The clock notes once a minute how full the queues are; of five minutes one or two may be missing.
const LOOKS: i64 = 4;
/// What was not found for so long is over: so what comes and goes is told once.
const QUIET: Duration = Duration::minutes(3);
const KINDS: [Kind; 3] = [Kind::TaskGivenUp, Kind::QueueDeep, Kind::WorkerSilent];

/// Looks, and takes note. It leans on what the clock noted of the queues, so it sees nothing while the clock stands still:
/// that is for an alarm outside.
pub async fn watch(tx: &mut Tx, targets: &Targets, now: OffsetDateTime) -> Result<Noted, Problem> {
    let mut found = Vec::new();
    for kind in sql::failures(tx, now.saturating_sub(Duration::HOUR), now.saturating_add(Duration::SECOND)).await? {
        if kind.dead >= GIVEN_UP {
            let mut detail = format!("{} were given up within an hour.", kind.dead);
            if !kind.error.is_empty() {
                detail = format!("{detail} The last error: {}", kind.error);
            }
            found.push(Finding { kind: Kind::TaskGivenUp, subject: kind.kind, detail });
        }
    }
    for queue in sql::queues(tx, now.saturating_sub(SILENT)).await? {
        if queue.waiting > DEEP {
            let detail = format!("{} messages wait.", queue.waiting);
            found.push(Finding { kind: Kind::QueueDeep, subject: queue.queue.clone(), detail });
        }
        if queue.is_noted && !queue.began && queue.looks >= LOOKS && queue.fewest > 0 {
            let detail = format!("Messages that wait: {}. For five minutes none was begun with.", queue.waiting);
            found.push(Finding { kind: Kind::WorkerSilent, subject: queue.queue, detail });
        }
    }
    note(tx, (&KINDS, &found, QUIET), targets, now).await
}
