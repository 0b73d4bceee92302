//! The runs of tasks: what Celery's monitor showed.

use super::{Task, Work, sql::runs as sql};
use crate::{
    domain::pages::{COUNTED, Instant, Page, PageQuery, Place},
    platform::{
        clock,
        db::{Db, Tx},
        fields::{Bounded, Fault, Field, Fields, Read, Text},
        jwt::KeySet,
        problem::Problem,
    },
};
use serde::Serialize;
use serde_json::Value;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A note on what went wrong is no longer.
const ERROR: usize = 500;
/// Nor is what came of it, as JSON.
const RESULT: usize = 4000;

/// What a task is told beside its kind.
fn args(work: &Work) -> Result<Value, Problem> {
    let mut args = serde_json::to_value(work).map_err(Problem::internal)?;
    if let Some(args) = args.as_object_mut() {
        args.remove("kind");
    }
    Ok(args)
}

/// Notes that a task begins; answers which try it is, or none when the task is done already.
pub(super) async fn begin(
    db: &Db,
    id: Uuid,
    work: &Work,
    queue: &str,
    sent_at: OffsetDateTime,
) -> Result<Option<u32>, Problem> {
    let (args, now) = (args(work)?, clock::now());
    let begun = sql::Begun { id, kind: work.kind(), queue, args: &args, user_id: work.user_id(), sent_at, now };
    let attempt = db.tx(async |tx: &mut Tx| Ok::<_, Problem>(sql::begin(tx, &begun).await?)).await?;
    Ok(attempt.map(|n| u32::try_from(n).unwrap_or(u32::MAX)))
}

async fn end(db: &Db, id: Uuid, status: Status, error: Option<&str>, result: Option<Value>) -> Result<(), Problem> {
    let error = error.map(|error| error.chars().take(ERROR).collect::<String>());
    let now = clock::now();
    let end = async |tx: &mut Tx| {
        Ok::<_, Problem>(sql::end(tx, id, status.name(), error.as_deref(), result.as_ref(), now).await?)
    };
    db.tx(end).await
}

/// A result that is small enough to be kept and shown.
fn small(result: Value) -> Value {
    if result.to_string().len() > RESULT { serde_json::json!({"too_long": true}) } else { result }
}

/// Notes that a task is done.
pub(super) async fn succeed(db: &Db, id: Uuid, result: Option<Value>) -> Result<(), Problem> {
    let result = result.map(small);
    end(db, id, Status::Succeeded, None, result).await
}

/// Notes that a try failed and that there will be another.
pub(super) async fn fail(db: &Db, id: Uuid, error: &str) -> Result<(), Problem> {
    end(db, id, Status::Failed, Some(error), None).await
}

/// Notes that a task is among the dead letters.
pub(super) async fn bury(db: &Db, id: Uuid, error: &str) -> Result<(), Problem> {
    end(db, id, Status::Dead, Some(error), None).await
}

/// Writes a task down in the transaction that causes it; [`sent`] after it was sent. None when one of that schedule waits
/// or works.
pub(super) async fn write(
    tx: &mut Tx,
    work: Work,
    schedule: Option<&str>,
    now: OffsetDateTime,
) -> Result<Option<Task>, Problem> {
    let task = Task::new(work);
    let Some(id) = task.id else { return Ok(None) };
    let of = (task.work.kind(), task.work.queue());
    Ok(sql::insert(tx, id, of, &args(&task.work)?, schedule, now).await?.then_some(task))
}

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Waits in its queue.
    Queued,
    /// A worker is at it.
    Running,
    /// Done.
    Succeeded,
    /// A try failed; another follows.
    Failed,
    /// Given up: among the dead letters.
    Dead,
}

const STATUSES: [(Status, &str); 5] = [
    (Status::Queued, "queued"),
    (Status::Running, "running"),
    (Status::Succeeded, "succeeded"),
    (Status::Failed, "failed"),
    (Status::Dead, "dead"),
];

impl Status {
    fn name(self) -> &'static str {
        STATUSES.iter().find(|(status, _)| *status == self).map_or("", |(_, name)| name)
    }
}

impl Field for Status {
    fn from_text(text: &str) -> Result<Self, Fault> {
        let found = STATUSES.iter().find(|(_, name)| *name == text).map(|(status, _)| *status);
        found.ok_or_else(|| Fault::new("unknown_status", "Send queued, running, succeeded, failed or dead."))
    }
}

/// A task's run.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TaskRun)]
pub struct Run {
    /// The task's id.
    pub id: Uuid,
    /// What it does.
    #[schema(example = "import")]
    pub kind: String,
    /// The queue it came by.
    #[schema(example = "high")]
    pub queue: String,
    /// `queued`, `running`, `succeeded`, `failed` (another try follows) or `dead` (among the dead letters).
    #[schema(example = "succeeded")]
    pub status: String,
    /// Tries so far.
    pub attempt: i32,
    /// The schedule that caused it.
    pub schedule: Option<String>,
    /// Whose work it was.
    pub user_id: Option<Uuid>,
    /// What it was told: ids, never amounts, names or addresses.
    #[schema(value_type = std::collections::BTreeMap<String, String>, example = json!({"mail_id": "0199a6b2-4c1d-7e3a-9b52-6d0f8a417c25"}))]
    pub args: Value,
    /// What came of it.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// Why the last try failed.
    #[schema(example = "503 unavailable: sqlstate 55P03 constraint -")]
    pub error: Option<String>,
    /// When it was queued.
    #[serde(with = "time::serde::rfc3339")]
    pub queued_at: OffsetDateTime,
    /// When its last try began.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When its last try ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// What its last try took, in milliseconds.
    pub duration_ms: Option<i64>,
}

/// Which runs.
#[derive(Clone, Debug)]
pub struct Filter {
    pub(super) kind: Option<String>,
    pub(super) queue: Option<String>,
    pub(super) status: Option<&'static str>,
    pub(super) schedule: Option<String>,
    pub(super) user_id: Option<Uuid>,
    pub(super) since: Option<OffsetDateTime>,
    pub(super) until: Option<OffsetDateTime>,
}

/// What `GET /admin/tasks` takes.
pub struct RunsFilter {
    filter: Filter,
    page: PageQuery,
}

impl Read for RunsFilter {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name =
            |fields: &mut Fields, name| fields.optional::<Text<1, 100>>(name).map(|text| text.as_str().to_owned());
        let filter = Filter {
            kind: name(fields, "kind"),
            queue: name(fields, "queue"),
            schedule: name(fields, "schedule"),
            status: fields.optional::<Status>("status").map(Status::name),
            user_id: fields.optional("user_id"),
            since: fields.optional::<Instant>("since").map(|at| at.0),
            until: fields.optional::<Instant>("until").map(|at| at.0),
        };
        Some(Self { filter, page: PageQuery::read(fields) })
    }
}

/// The form of [`RunsFilter`], for the OpenAPI document; `limit`, `offset` and `cursor` beside it.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct RunsQuery {
    /// Tasks of this kind alone.
    #[param(example = "import")]
    kind: Option<String>,
    /// `high`, `default`, `low` or `scheduled`.
    #[param(example = "high")]
    queue: Option<String>,
    /// Tasks of this schedule alone.
    schedule: Option<String>,
    /// `queued`, `running`, `succeeded`, `failed` or `dead`.
    #[param(example = "dead")]
    status: Option<String>,
    /// One user's tasks alone.
    user_id: Option<Uuid>,
    /// Queued at this instant or later.
    #[param(format = DateTime)]
    since: Option<String>,
    /// Queued before this instant.
    #[param(format = DateTime)]
    until: Option<String>,
}

/// A page of runs, the last queued first.
pub async fn list(tx: &mut Tx, keys: &KeySet, admin: Uuid, asked: &RunsFilter) -> Result<Page<Run>, Problem> {
    let filters = format!("task runs {:?}", asked.filter);
    let after = asked.page.place(keys, admin, &filters)?.map(|place| place.id);
    let data = sql::list(tx, &asked.filter, after, asked.page.wanted(), asked.page.offset).await?;
    let total = asked.page.total(&data, sql::count(tx, &asked.filter, COUNTED.saturating_add(1))).await?;
    let place = |last: &Run| Place { date: last.queued_at.date(), id: last.id };
    let page = asked.page.page(keys, admin, &filters, total.min(COUNTED), data, place);
    Ok(Page { total_capped: total > COUNTED, ..page })
}

/// One task's run.
pub async fn get(tx: &mut Tx, id: Uuid) -> Result<Run, Problem> {
    sql::get(tx, id).await?.ok_or_else(Problem::not_found)
}

/// What `GET /admin/tasks/statistics` takes.
pub struct Window {
    hours: i64,
    kind: Option<String>,
}

impl Read for Window {
    fn read(fields: &mut Fields) -> Option<Self> {
        let hours = fields.optional::<Bounded<1, 720>>("hours").map_or(24, |hours| hours.0);
        let kind = fields.optional::<Text<1, 100>>("kind").map(|text| text.as_str().to_owned());
        Some(Self { hours, kind })
    }
}

/// The form of [`Window`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct StatisticsQuery {
    /// How far back, 1 to 720 hours. By the hour up to 48, by the day beyond.
    #[param(default = 24)]
    hours: Option<i64>,
    /// Tasks of this kind alone.
    kind: Option<String>,
}

/// A kind's tasks in an hour or a day.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TaskStatistics {
    /// What they do.
    #[schema(example = "import")]
    pub kind: String,
    /// When the hour or day begins.
    #[serde(with = "time::serde::rfc3339")]
    pub from: OffsetDateTime,
    /// Tasks whose last try ended in it.
    pub runs: i64,
    /// Of them those that wait for another try.
    pub failed: i64,
    /// Of them those that were given up.
    pub dead: i64,
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: Option<i64>,
    /// Nineteen of twenty took no longer.
    pub p95_ms: Option<i64>,
    /// The longest took so long.
    pub longest_ms: Option<i64>,
    /// Nineteen of twenty waited in their queue no longer.
    pub waited_p95_ms: Option<i64>,
}

/// What ran lately, by kind and time.
pub async fn statistics(tx: &mut Tx, now: OffsetDateTime, asked: &Window) -> Result<Vec<TaskStatistics>, Problem> {
    let (since, unit) =
        (now.saturating_sub(Duration::hours(asked.hours)), if asked.hours <= 48 { "hour" } else { "day" });
    let rows = sql::statistics(tx, since, unit, asked.kind.as_deref()).await?;
    Ok(rows
        .into_iter()
        .map(|row| TaskStatistics {
            kind: row.kind,
            from: row.from,
            runs: row.runs,
            failed: row.failed,
            dead: row.dead,
            p50_ms: row.p50_ms,
            p95_ms: row.p95_ms,
            longest_ms: row.longest_ms,
            waited_p95_ms: row.waited_p95_ms,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn must_hold_50_what_is_kept_of_a_task_is_small() {
        let few = serde_json::json!({"analyzed": ["users"]});
        assert_eq!(super::small(few.clone()), few);
        let many = serde_json::json!({"analyzed": vec!["a table with a name"; 300]});
        assert_eq!(super::small(many), serde_json::json!({"too_long": true}));
    }
}
