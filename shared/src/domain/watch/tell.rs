//! Telling: news are written in the transaction that finds something, and sent by the next watch.

pub use super::sql::notices::Notice;
use super::{
    Targets,
    sql::{alerts, notices as sql},
};
use crate::{
    domain::mails,
    platform::{
        clock,
        db::{Db, Tx},
        lookout::Lookout,
        mail::Mail,
        problem::Problem,
    },
};
use serde::Serialize;
use std::time::Instant;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// After this long a notice whose sender did not come back is tried again.
const AGAIN: Duration = Duration::minutes(5);
/// What no target has taken for so long is no news any more.
const NEWS: Duration = Duration::DAY;
/// A notice is not begun with less time than this left.
const ONE: std::time::Duration = std::time::Duration::from_secs(12);
/// A subject is no longer, whatever a kind of task is called.
const SUBJECT: usize = 180;
/// Nor is what is said.
const BODY: usize = 9000;

/// Writes news down for each target.
pub(super) async fn write(
    tx: &mut Tx,
    targets: &Targets,
    alert_id: Option<Uuid>,
    (title, body): (&str, &str),
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let title: String = title.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SUBJECT).collect();
    let subject = if targets.stage == "prod" { title } else { format!("[{}] {title}", targets.stage) };
    let body: String = body.chars().take(BODY).collect();
    let body = format!("{body}\n\n{}", targets.page);
    for channel in targets.channels() {
        sql::insert(tx, channel, alert_id, (&subject, &body), now).await?;
    }
    Ok(())
}

/// The targets of this deployment, as the database knows them from now on.
pub async fn targets(db: &Db, lookout: &Lookout) -> Result<Targets, Problem> {
    let webhook = match lookout.webhook().await {
        Ok(url) => url.is_some(),
        // That it cannot be read now does not mean that there is none: it is told later.
        Err(problem) => {
            tracing::warn!(%problem, "the webhook's secret was not read");
            true
        }
    };
    let mail = lookout.mail.is_some();
    db.tx(async |tx: &mut Tx| Ok::<_, Problem>(alerts::set_targets(tx, mail, webhook).await?)).await?;
    let page = format!("{}/admin", lookout.api);
    Ok(Targets { mail, webhook, stage: lookout.stage.clone(), page })
}

/// What was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Told {
    /// Notices that a target took.
    pub told: usize,
    /// Notices that none took: they are tried again, for a day.
    pub failed: usize,
}

/// Tells what waits to be told.
pub async fn tell(db: &Db, post: &Mail, lookout: &Lookout, deadline: Instant) -> Result<Told, Problem> {
    let send = async |notice: &Notice| match (notice.channel.as_str(), &lookout.mail) {
        ("mail", Some(to)) => post.send(&mails::notice(to, &notice.subject, &notice.body)).await,
        ("webhook", _) => match lookout.webhook().await? {
            Some(url) => accepted(lookout.outside.post(&url, slack(&notice.subject, &notice.body)).await?),
            None => Ok(()),
        },
        // The target was taken away.
        _ => Ok(()),
    };
    tell_by(db, send, clock::now(), deadline).await
}

fn accepted(status: u16) -> Result<(), Problem> {
    if (200..300).contains(&status) { Ok(()) } else { Err(Problem::unavailable(format!("answered {status}"))) }
}

/// What webhooks of Slack, and of others that speak like it, take.
fn slack(subject: &str, body: &str) -> String {
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    serde_json::json!({"text": format!("*{}*\n{}", escape(subject), escape(body))}).to_string()
}

/// [`tell`], by another way. Twice at once tells once; killed between telling and noting it, it is told once more.
pub async fn tell_by(
    db: &Db,
    send: impl AsyncFn(&Notice) -> Result<(), Problem>,
    now: OffsetDateTime,
    deadline: Instant,
) -> Result<Told, Problem> {
    let old = now.saturating_sub(NEWS);
    let given_up = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::give_up(tx, old).await?)).await?;
    if given_up > 0 {
        tracing::error!(given_up, "notices that no target took for a day");
    }
    let mut told = Told::default();
    while deadline.saturating_duration_since(Instant::now()) > ONE {
        let claim = async |tx: &mut Tx| Ok::<_, Problem>(sql::claim(tx, now, now.saturating_add(AGAIN)).await?);
        let Some(notice) = db.tx(claim).await? else { break };
        match send(&notice).await {
            Ok(()) => {
                told.told += 1;
                db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::told(tx, &notice, now).await?)).await?;
            }
            Err(problem) => {
                told.failed += 1;
                tracing::warn!(channel = notice.channel, %problem, "a notice was not told: it is tried again");
                let error: String = problem.to_string().chars().take(200).collect();
                let again = now.saturating_add(Duration::minutes(i64::from(notice.tries.clamp(1, 30))));
                let failed = async |tx: &mut Tx| Ok::<_, Problem>(sql::failed(tx, &notice, &error, now, again).await?);
                db.tx(failed).await?;
            }
        }
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_webhook_takes_is_escaped() {
        assert_eq!(slack("a & b", "<!channel>\n\"x\""), r#"{"text":"*a &amp; b*\n&lt;!channel&gt;\n\"x\""}"#);
    }

    #[test]
    fn only_two_hundred_and_so_on_means_taken() {
        assert!(accepted(200).is_ok() && accepted(204).is_ok());
        assert!(accepted(302).is_err() && accepted(404).is_err() && accepted(500).is_err());
    }
}
