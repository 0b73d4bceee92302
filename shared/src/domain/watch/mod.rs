//! What an administrator is told without looking: the clock finds what goes wrong, and each occurrence is told once, and once
//! more when it is over.

pub mod canary;
pub mod look;
pub mod maintain;
pub mod pins;
pub mod report;
mod sql;
pub mod tell;

use crate::platform::{db::Tx, problem::Problem};
use serde::Serialize;
use sql::alerts as rows;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// What may go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Tasks of a kind were given up again and again.
    TaskGivenUp,
    /// More messages wait than workers will soon have done.
    QueueDeep,
    /// Messages wait, and no worker begins with any.
    WorkerSilent,
    /// What the API stands on does not answer, or the API itself.
    Unhealthy,
    /// VACUUM does not keep up with a table.
    VacuumBehind,
    /// A table nears the end of its transaction ids.
    WraparoundNear,
    /// A statement takes long.
    StatementSlow,
    /// Files that were pinned are gone.
    PinsLost,
    /// The gateway that is asked for them does not answer.
    GatewaySilent,
}

/// Each with its name, and what it is called in a subject.
const KINDS: [(Kind, &str, &str); 9] = [
    (Kind::TaskGivenUp, "task_given_up", "Tasks are given up: {}"),
    (Kind::QueueDeep, "queue_deep", "A queue is deep: {}"),
    (Kind::WorkerSilent, "worker_silent", "Nobody works on a queue: {}"),
    (Kind::Unhealthy, "unhealthy", "Health: {} does not answer"),
    (Kind::VacuumBehind, "vacuum_behind", "VACUUM does not keep up: {}"),
    (Kind::WraparoundNear, "wraparound_near", "Transaction ids run out: {}"),
    (Kind::StatementSlow, "statement_slow", "A statement is slow: {}"),
    (Kind::PinsLost, "pins_lost", "Pinned files are gone: {}"),
    (Kind::GatewaySilent, "gateway_silent", "The gateway does not answer: {}"),
];

impl Kind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(kind, ..)| *kind == self).map_or("", |(_, name, _)| name)
    }
}

/// What an alert is called for a person; one of a newer release by its name.
fn title(kind: &str, subject: &str) -> String {
    let known = KINDS.iter().find(|(_, name, _)| *name == kind);
    known.map_or_else(|| format!("{kind}: {subject}"), |(.., title)| title.replace("{}", subject))
}

/// Something that goes wrong at this moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What.
    pub kind: Kind,
    /// Of what: a kind of task, a queue, a table.
    pub subject: String,
    /// A sentence with the figures. It may hold ids and counts, nothing that is private.
    pub detail: String,
}

/// Who is told, and from where.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// Whether there is a mail address.
    pub mail: bool,
    /// Whether there is a webhook.
    pub webhook: bool,
    /// The stage, for the subject.
    pub stage: String,
    /// Where administrators look.
    pub page: String,
}

impl Targets {
    fn channels(&self) -> impl Iterator<Item = &'static str> {
        let channels = [self.mail.then_some("mail"), self.webhook.then_some("webhook")];
        channels.into_iter().flatten()
    }
}

/// What a look changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Noted {
    /// Alerts that began.
    pub begun: usize,
    /// Alerts that are over.
    pub over: usize,
}

/// Takes note of all that goes wrong of these kinds: what is new begins an alert, what goes on is counted, and what was not
/// found for `quiet` is over. Beginning and end are told; twice or late they are told once.
pub async fn note(
    tx: &mut Tx,
    (kinds, found, quiet): (&[Kind], &[Finding], Duration),
    targets: &Targets,
    now: OffsetDateTime,
) -> Result<Noted, Problem> {
    let mut noted = Noted::default();
    for finding in found {
        let id = Uuid::now_v7();
        let detail: String = finding.detail.chars().take(2000).collect();
        let subject: String = finding.subject.chars().take(100).collect();
        if rows::seen(tx, id, (finding.kind.name(), &subject, &detail), now).await? == id {
            noted.begun += 1;
            let title = title(finding.kind.name(), &subject);
            tell::write(tx, targets, Some(id), (&title, &detail), now).await?;
        }
    }
    let names: Vec<String> = kinds.iter().map(|kind| kind.name().to_owned()).collect();
    for over in rows::resolve(tx, &names, now, now.saturating_sub(quiet)).await? {
        noted.over += 1;
        let title = format!("Over: {}", title(&over.kind, &over.subject));
        let lasted = (over.last_seen_at - over.first_seen_at).whole_minutes();
        let body = format!("It was seen for {lasted} minutes, last at {} UTC.", minute(over.last_seen_at));
        tell::write(tx, targets, Some(over.id), (&title, &body), now).await?;
    }
    Ok(noted)
}

/// A time for a person, to the minute.
fn minute(at: OffsetDateTime) -> String {
    format!("{} {:02}:{:02}", at.date(), at.hour(), at.minute())
}

/// An alert.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct OperationsAlert {
    /// Its id.
    pub id: Uuid,
    /// `task_given_up`, `queue_deep`, `worker_silent`, `unhealthy`, `vacuum_behind`, `wraparound_near`,
    /// `statement_slow`, `pins_lost` or `gateway_silent`.
    #[schema(example = "task_given_up")]
    pub kind: String,
    /// Of what: a kind of task, a queue, a dependency, a table, a statement.
    #[schema(example = "mail")]
    pub subject: String,
    /// With figures, as it was last seen.
    #[schema(example = "3 were given up within an hour. The last error: 503 unavailable")]
    pub detail: String,
    /// How often it was seen; about once a minute while it lasts.
    pub count: i32,
    /// Since when.
    #[serde(with = "time::serde::rfc3339")]
    pub first_seen_at: OffsetDateTime,
    /// When it was last seen.
    #[serde(with = "time::serde::rfc3339")]
    pub last_seen_at: OffsetDateTime,
    /// When it was over; null while it lasts.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resolved_at: Option<OffsetDateTime>,
    /// When an alert target was told; null where none is set, or none has answered yet.
    #[serde(with = "time::serde::rfc3339::option")]
    pub told_at: Option<OffsetDateTime>,
}

/// An alert target, without its address.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AlertTarget {
    /// `mail` or `webhook`.
    #[schema(example = "mail")]
    pub channel: String,
    /// Whether this deployment has one. As of the last watch, a minute ago at most.
    #[schema(example = true)]
    pub is_set: bool,
    /// When it last took a notice.
    #[serde(with = "time::serde::rfc3339::option")]
    pub told_at: Option<OffsetDateTime>,
    /// When it last failed to.
    #[serde(with = "time::serde::rfc3339::option")]
    pub failed_at: Option<OffsetDateTime>,
    /// Why.
    #[schema(example = "503 unavailable: no answer")]
    pub error: Option<String>,
    /// Notices that wait for it.
    pub waiting: i64,
}

/// What `GET /admin/alerts` answers.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Alerts {
    /// Those that last first, then the last two hundred.
    pub data: Vec<OperationsAlert>,
    /// Who is told.
    pub targets: Vec<AlertTarget>,
}

/// Alerts of the last thirty days, and who is told of them.
pub async fn list(tx: &mut Tx) -> Result<Alerts, Problem> {
    Ok(Alerts { data: rows::list(tx).await?, targets: rows::targets(tx).await? })
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_alert_of_a_newer_release_is_called_by_its_name() {
        assert_eq!(super::title("queue_deep", "low"), "A queue is deep: low");
        assert_eq!(super::title("new_kind", "low"), "new_kind: low");
    }
}
