//! Statements that find who is to be sent a summary. Each goes through an index of those who want it, in the order of their
//! ids, and looks at `limit` of them, whether their hour has come or not.

use crate::{domain::mails::summaries::Summary, platform::db::Tx};
use sqlx::Error;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A user who was looked at.
pub struct Looked {
    pub user_id: Uuid,
    /// What to write to, and the first day of what to sum up, if that is due now.
    pub email: Option<String>,
    pub period: Option<Date>,
}

/// Looks at the next users, and moves the marks of those whose summary is due: from then on it is not.
pub async fn take(
    tx: &mut Tx,
    summary: Summary,
    after: Uuid,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Looked>, Error> {
    match summary {
        Summary::Weekly => weekly(tx, after, now, limit).await,
        Summary::Monthly => monthly(tx, after, now, limit).await,
    }
}

/// Due from eight on a Monday, for a day.
async fn weekly(tx: &mut Tx, after: Uuid, now: OffsetDateTime, limit: i64) -> Result<Vec<Looked>, Error> {
    sqlx::query_as!(
        Looked,
        r#"WITH looked AS MATERIALIZED (
               SELECT id, $2::timestamptz AT TIME ZONE timezone AS clock FROM users
               WHERE is_active AND is_verified AND preferences @> '{"notifications": {"weekly_summary": true}}' AND id > $1
               ORDER BY id LIMIT $3
           ), due AS (
               SELECT id, (date_trunc('week', clock) - interval '7 days')::date AS period FROM looked
               WHERE clock >= date_trunc('week', clock) + interval '8 hours'
                 AND clock < date_trunc('week', clock) + interval '32 hours'
           ), marked AS (
               INSERT INTO mail_marks AS m (user_id, kind, mark)
               SELECT id, 'weekly_summary', period::timestamp AT TIME ZONE 'UTC' FROM due ORDER BY id
               ON CONFLICT (user_id, kind) DO UPDATE SET mark = excluded.mark WHERE m.mark < excluded.mark
               RETURNING m.user_id
           )
           SELECT looked.id AS "user_id!", u.email AS "email?", due.period AS "period?"
           FROM looked LEFT JOIN marked ON marked.user_id = looked.id
           LEFT JOIN due ON due.id = marked.user_id LEFT JOIN users u ON u.id = marked.user_id
           ORDER BY looked.id"#,
        after,
        now,
        limit,
    )
    .fetch_all(tx)
    .await
}

/// Due from the first moment of a month, for a week.
async fn monthly(tx: &mut Tx, after: Uuid, now: OffsetDateTime, limit: i64) -> Result<Vec<Looked>, Error> {
    sqlx::query_as!(
        Looked,
        r#"WITH looked AS MATERIALIZED (
               SELECT id, $2::timestamptz AT TIME ZONE timezone AS clock FROM users
               WHERE is_active AND is_verified AND preferences @> '{"notifications": {"monthly_report": true}}' AND id > $1
               ORDER BY id LIMIT $3
           ), due AS (
               SELECT id, (date_trunc('month', clock) - interval '1 month')::date AS period FROM looked
               WHERE clock < date_trunc('month', clock) + interval '7 days'
           ), marked AS (
               INSERT INTO mail_marks AS m (user_id, kind, mark)
               SELECT id, 'monthly_report', period::timestamp AT TIME ZONE 'UTC' FROM due ORDER BY id
               ON CONFLICT (user_id, kind) DO UPDATE SET mark = excluded.mark WHERE m.mark < excluded.mark
               RETURNING m.user_id
           )
           SELECT looked.id AS "user_id!", u.email AS "email?", due.period AS "period?"
           FROM looked LEFT JOIN marked ON marked.user_id = looked.id
           LEFT JOIN due ON due.id = marked.user_id LEFT JOIN users u ON u.id = marked.user_id
           ORDER BY looked.id"#,
        after,
        now,
        limit,
    )
    .fetch_all(tx)
    .await
}

/// Writes mails down together.
pub async fn insert(
    tx: &mut Tx,
    kind: &str,
    ids: &[Uuid],
    users: &[Uuid],
    emails: &[String],
    periods: &[Date],
    now: OffsetDateTime,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO mails (id, kind, email, user_id, about, due_at, created_at)
         SELECT x.id, $1, x.email, x.user_id, jsonb_build_object('period', x.period), $6, $6
         FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::date[]) AS x(id, user_id, email, period)",
        kind,
        ids,
        users,
        emails,
        periods,
        now,
    )
    .execute(tx)
    .await
    .map(drop)
}
