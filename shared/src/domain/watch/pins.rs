//! Whether files that were pinned on IPFS are still there. Pinning is another team's: no service of theirs can be asked here,
//! so a gateway is, as anybody could.

use super::{
    Finding, Kind, Noted, Targets, note,
    sql::{
        self,
        pins::{self as rows, Pin},
    },
};
use crate::platform::{
    db::{Db, Tx},
    problem::Problem,
};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

const NOTE: &str = "pin_check";
/// Files that are asked for in a night: those that were missing before, and the next ones in turn.
const MISSING: i64 = 50;
const NEXT: i64 = 100;
/// Asked for at one time.
const AT_ONCE: usize = 8;
/// A gateway that does not find a file says so late or never. After so many nights it is taken as gone.
const NIGHTS: i32 = 3;
/// Two looks within this time are of one night.
const NIGHT: Duration = Duration::hours(12);

/// What a night found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whether there is a gateway to ask; nothing else was done without.
    pub configured: bool,
    /// Files that are there.
    pub there: usize,
    /// Files that the gateway says are not.
    pub gone: usize,
    /// Files of which it said nothing in time.
    pub unanswered: usize,
    /// Alerts that began and ended.
    #[serde(flatten)]
    pub alerts: Noted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    There,
    Gone,
    None,
}

const fn meaning(status: &Result<u16, Problem>) -> Answer {
    match status {
        Ok(200..=399) => Answer::There,
        // 410 and 451: the gateway itself refuses to serve it, which is not ours to call there.
        Ok(404 | 410 | 451) => Answer::Gone,
        // Over its limit, or it did not find the file in time.
        _ => Answer::None,
    }
}

#[derive(Default, Deserialize)]
struct Place {
    after: Option<(Uuid, Uuid)>,
}

/// Asks for some, by `head`, and takes note. A gateway that answers nothing at all says nothing about any file.
pub async fn check(
    db: &Db,
    head: impl AsyncFn(&str) -> Result<u16, Problem>,
    targets: &Targets,
    now: OffsetDateTime,
) -> Result<Checked, Problem> {
    let (missing, next) = db.tx(async |tx: &mut Tx| choose(tx).await).await?;
    let fresh = next.iter().filter(|pin| missing.iter().all(|other| other.transaction_id != pin.transaction_id));
    let pins: Vec<&Pin> = missing.iter().chain(fresh).collect();
    let head = &head;
    let ask = |pin: &'_ Pin| {
        let pin = pin.clone();
        async move { (meaning(&head(&pin.cid).await), pin) }
    };
    let answers: Vec<(Answer, Pin)> = stream::iter(pins).map(ask).buffer_unordered(AT_ONCE).collect().await;
    let count = |wanted: Answer| answers.iter().filter(|(answer, _)| *answer == wanted).count();
    let mut checked = Checked {
        configured: true,
        there: count(Answer::There),
        gone: count(Answer::Gone),
        unanswered: count(Answer::None),
        alerts: Noted::default(),
    };
    let silent = checked.unanswered > 0 && checked.unanswered == answers.len();
    // After the last one the next night begins with the first again.
    let is_full = i64::try_from(next.len()).is_ok_and(|n| n == NEXT);
    let place = next.last().filter(|_| is_full).map(|last| (last.user_id, last.transaction_id));
    checked.alerts = db.tx(async |tx: &mut Tx| take_note(tx, &answers, (silent, place), targets, now).await).await?;
    Ok(checked)
}

async fn choose(tx: &mut Tx) -> Result<(Vec<Pin>, Vec<Pin>), Problem> {
    let place: Place = serde_json::from_value(sql::noted(tx, NOTE).await?).unwrap_or_default();
    let missing = rows::missing(tx, MISSING).await?;
    let next = rows::after(tx, place.after.unwrap_or_default(), NEXT).await?;
    Ok((missing, next))
}

async fn take_note(
    tx: &mut Tx,
    answers: &[(Answer, Pin)],
    (silent, place): (bool, Option<(Uuid, Uuid)>),
    targets: &Targets,
    now: OffsetDateTime,
) -> Result<Noted, Problem> {
    let mut found = Vec::new();
    if silent {
        let detail = format!("It answered none of {} requests.", answers.len());
        found.push(Finding { kind: Kind::GatewaySilent, subject: "ipfs".into(), detail });
    } else {
        for (answer, pin) in answers {
            match answer {
                Answer::There => rows::found(tx, pin).await?,
                other => rows::miss(tx, pin, *other == Answer::Gone, now, now.saturating_sub(NIGHT)).await?,
            }
        }
        sql::note(tx, NOTE, &json!({"after": place})).await?;
    }
    let (first, all) = rows::lost(tx, NIGHTS).await?;
    if all > 0 {
        let ids = first.iter().map(Uuid::to_string).collect::<Vec<_>>().join(", ");
        let detail = format!("Files of transactions that are gone: {all}. The first: {ids}.");
        found.push(Finding { kind: Kind::PinsLost, subject: "ipfs".into(), detail });
    }
    note(tx, (&[Kind::PinsLost, Kind::GatewaySilent], &found, Duration::ZERO), targets, now).await
}
