//! What the clock runs, and when.

use super::{
    SCHEDULABLE, Task, Work,
    cron::{Expression, next},
    runs,
    sql::{runs as run_sql, schedules as sql},
};
use crate::{
    domain::{
        audit,
        auth::{Me, knows_timezone},
    },
    platform::{
        db::{Db, Tx},
        fields::{Fault, Field, Fields, Read, Text},
        http::Call,
        problem::Problem,
        queue::{Default, Lane, Low, Queue, Scheduled},
    },
};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

/// A schedule's name: small letters, digits and hyphens.
#[derive(Clone, Debug)]
pub struct Name(String);

impl Field for Name {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let inside = text.bytes().all(|byte| plain(byte) || byte == b'-');
        let ends = text.bytes().next().is_some_and(plain) && text.bytes().next_back().is_some_and(plain);
        if inside && ends && text.len() <= 63 {
            return Ok(Self(text.to_owned()));
        }
        Err(Fault::new("not_a_name", "Send 1 to 63 small letters, digits and hyphens, such as \"renew-budgets\"."))
    }
}

/// A kind of task that a schedule may run.
#[derive(Clone, Debug)]
struct Runnable(Work);

impl Field for Runnable {
    fn from_text(text: &str) -> Result<Self, Fault> {
        SCHEDULABLE.iter().find(|work| work.kind() == text).cloned().map(Self).ok_or_else(|| {
            Fault::new(
                "unknown_kind",
                format!("Send one of {}.", SCHEDULABLE.iter().map(Work::kind).collect::<Vec<_>>().join(", ")),
            )
        })
    }
}

/// A schedule.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Schedule {
    /// Its name.
    #[schema(example = "renew-budgets")]
    pub name: String,
    /// For a person.
    #[schema(example = "Begins the next periods of budgets that renew themselves")]
    pub description: String,
    /// The kind of task that it runs.
    #[schema(example = "renew_budgets")]
    pub kind: String,
    /// Five fields of cron.
    #[schema(example = "0 * * * *")]
    pub cron: String,
    /// The IANA time zone whose clock it goes by.
    #[schema(example = "UTC")]
    pub timezone: String,
    /// Whether it runs.
    pub is_enabled: bool,
    /// When it is due next; null while it is disabled.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_at: Option<OffsetDateTime>,
    /// When it last queued its task.
    #[serde(with = "time::serde::rfc3339::option")]
    pub last_at: Option<OffsetDateTime>,
    /// That task.
    pub last_task_id: Option<Uuid>,
    /// How that task stands.
    #[schema(example = "succeeded")]
    pub last_status: Option<String>,
    /// Changes so far, for the ETag.
    #[serde(skip)]
    pub revision: i64,
}

impl Schedule {
    /// Names this state of it.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.revision)
    }
}

/// What `PUT /admin/schedules/{name}` takes.
pub struct Settings {
    kind: Runnable,
    cron: Expression,
    timezone: Text<1, 64>,
    is_enabled: bool,
    description: Option<Text<0, 500>>,
}

impl Read for Settings {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (kind, cron) = (fields.required("kind"), fields.required("cron"));
        let timezone = fields.optional("timezone").or_else(|| Text::from_text("UTC").ok());
        let is_enabled = fields.optional("is_enabled").unwrap_or(true);
        let description = fields.optional("description");
        Some(Self { kind: kind?, cron: cron?, timezone: timezone?, is_enabled, description })
    }
}

/// What `POST /admin/schedules` takes.
pub struct NewSchedule {
    name: Name,
    settings: Settings,
}

impl Read for NewSchedule {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (name, settings) = (fields.required("name"), Settings::read(fields));
        Some(Self { name: name?, settings: settings? })
    }
}

/// The form of [`Settings`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[schema(as = ScheduleSettings)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct SettingsBody {
    /// The kind of task that it runs; the answer to another names those there are.
    #[schema(example = "renew_budgets")]
    kind: String,
    /// Five fields of cron. A time that the zone leaves out in spring comes an hour later.
    #[schema(example = "0 8 * * 1")]
    cron: String,
    /// The IANA time zone whose clock it goes by.
    #[schema(default = "UTC", example = "Europe/Berlin")]
    timezone: Option<String>,
    /// Whether it runs.
    #[schema(default = true)]
    is_enabled: Option<bool>,
    /// For a person: up to 500 characters.
    description: Option<String>,
}

/// The form of [`NewSchedule`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewScheduleBody {
    /// 1 to 63 small letters, digits and hyphens.
    #[schema(example = "renew-budgets-again")]
    name: String,
    #[serde(flatten)]
    settings: SettingsBody,
}

/// All schedules, by name.
pub async fn list(tx: &mut Tx) -> Result<Vec<Schedule>, Problem> {
    Ok(sql::list(tx).await?)
}

/// One of them.
pub async fn get(tx: &mut Tx, name: &str) -> Result<Schedule, Problem> {
    sql::get(tx, name).await?.ok_or_else(Problem::not_found)
}

/// Makes one.
pub async fn create(tx: &mut Tx, me: &Me, call: &Call, new: &NewSchedule) -> Result<Schedule, Problem> {
    let name = new.name.0.as_str();
    let task = task_of(&new.settings)?;
    let next_at = next_of(tx, me, &new.settings).await?;
    sql::insert(tx, &wanted(next_at, name, &task, &new.settings), me.now).await?;
    audit::record_named(tx, call, me.user_id, "schedule.created", name).await?;
    get(tx, name).await
}

/// Gives one other settings, all of them.
pub async fn replace(tx: &mut Tx, me: &Me, call: &Call, name: &str, new: &Settings) -> Result<Schedule, Problem> {
    sql::lock(tx, name).await?;
    call.check_match(&get(tx, name).await?.etag())?;
    let task = task_of(new)?;
    let next_at = next_of(tx, me, new).await?;
    sql::update(tx, &wanted(next_at, name, &task, new), me.now).await?;
    audit::record_named(tx, call, me.user_id, "schedule.changed", name).await?;
    get(tx, name).await
}

/// Deletes one. What it has queued is done all the same.
pub async fn delete(tx: &mut Tx, me: &Me, call: &Call, name: &str) -> Result<(), Problem> {
    sql::lock(tx, name).await?;
    call.check_match(&get(tx, name).await?.etag())?;
    sql::delete(tx, name).await?;
    audit::record_named(tx, call, me.user_id, "schedule.deleted", name).await
}

/// Writes down its task for now, whether it is enabled or not; send it after the commit.
pub async fn run(tx: &mut Tx, me: &Me, call: &Call, name: &str) -> Result<Task, Problem> {
    sql::lock(tx, name).await?;
    let kind = get(tx, name).await?.kind;
    let work = SCHEDULABLE.iter().find(|work| work.kind() == kind).cloned();
    let work = work.ok_or_else(|| Problem::internal("a schedule of a kind that is none"))?;
    let task = runs::write(tx, work, Some(name), me.now).await?;
    let task = task.ok_or_else(|| {
        Problem::conflict("already_running", "Its task waits or works at this moment: look at its last task.")
    })?;
    note(tx, name, &task, me.now).await?;
    audit::record_named(tx, call, me.user_id, "schedule.run", name).await?;
    Ok(task)
}

/// What `POST /admin/schedules/{name}/run` answers.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = QueuedTask)]
pub struct Queued {
    /// The task.
    pub task_id: Option<Uuid>,
}

/// Sends a task that was written down. If that fails the next tick does it.
pub async fn send(
    db: &Db,
    (default, low, scheduled): (&Queue<Default>, &Queue<Low>, &Queue<Scheduled>),
    task: &Task,
    now: OffsetDateTime,
) {
    match task.work.queue() {
        Default::NAME => super::send_written(db, default, task, now).await,
        Low::NAME => super::send_written(db, low, task, now).await,
        _ => super::send_written(db, scheduled, task, now).await,
    }
}

async fn note(tx: &mut Tx, name: &str, task: &Task, now: OffsetDateTime) -> Result<(), Problem> {
    if let Some(id) = task.id {
        sql::ran(tx, name, id, now).await?;
    }
    Ok(())
}

/// When it is due next, counted from now: a schedule that was disabled does not make up for what it missed.
async fn next_of(tx: &mut Tx, me: &Me, settings: &Settings) -> Result<OffsetDateTime, Problem> {
    let timezone = settings.timezone.as_str();
    if !knows_timezone(tx, timezone).await? {
        return Err(Problem::field(
            "/timezone",
            "unknown_timezone",
            "Send an IANA time zone such as \"Europe/Berlin\".",
        ));
    }
    next(tx, &settings.cron, timezone, me.now).await
}

fn task_of(settings: &Settings) -> Result<serde_json::Value, Problem> {
    // Without an id: every run has its own.
    serde_json::to_value(Task { id: None, ..Task::new(settings.kind.0.clone()) }).map_err(Problem::internal)
}

fn wanted<'a>(
    next_at: OffsetDateTime,
    name: &'a str,
    task: &'a serde_json::Value,
    settings: &'a Settings,
) -> sql::Wanted<'a> {
    sql::Wanted {
        name,
        description: settings.description.as_ref().map_or("", Text::as_str),
        task,
        cron: &settings.cron.text,
        timezone: settings.timezone.as_str(),
        is_enabled: settings.is_enabled,
        next_at,
    }
}

/// Writes down the tasks of all schedules that are due, and when they are due next; send them after the commit. One that
/// was missed, however often, runs once. A tick that comes twice finds nothing due.
pub async fn due(tx: &mut Tx, now: OffsetDateTime) -> Result<Vec<Task>, Problem> {
    let mut tasks = Vec::new();
    for due in sql::due(tx, now).await? {
        let Some(expression) = Expression::parse(&due.cron) else {
            tracing::error!(schedule = due.name, "its cron cannot be read: change it");
            continue;
        };
        let next = next(tx, &expression, &due.timezone, now).await?;
        sql::set_next(tx, &due.name, next).await?;
        if due.is_new {
            continue;
        }
        let Ok(Task { work, .. }) = serde_json::from_value(due.task) else {
            tracing::error!(schedule = due.name, "its task is of a kind that comes with a newer release");
            continue;
        };
        if let Some(task) = runs::write(tx, work, Some(&due.name), now).await? {
            note(tx, &due.name, &task, now).await?;
            tasks.push(task);
        } else {
            tracing::warn!(schedule = due.name, "left out: its last task still waits or works");
        }
    }
    Ok(tasks)
}

/// Notes that the queue took a task.
pub async fn sent(tx: &mut Tx, task: &Task, now: OffsetDateTime) -> Result<(), Problem> {
    match task.id {
        Some(id) => Ok(run_sql::sent(tx, id, now).await?),
        None => Ok(()),
    }
}
