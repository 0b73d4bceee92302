//! `bench nights`: what the jobs that look through everybody cost: the first time, when nothing changed, and when one user did.

use super::data::Data;
use anyhow::{Result, anyhow};
use shared::{
    domain::{anomalies, subscriptions, transactions},
    platform::{clock, db::Db, problem::Problem, queue::Ran},
};
use sqlx::{ConnectOptions, PgConnection};
use std::time::{Duration, Instant};

/// The same question in one statement over everybody, without looking at amounts and without writing anything down: what
/// may recur by an aggregate, with its dates in an array, and the gaps between these.
const FLOOR: &str = "
    WITH charges AS MATERIALIZED (
        SELECT user_id, id, date, amount, currency, coalesce(uuid_hash_extended(merchant_id, 0), merchant_key) AS key
        FROM transactions
        WHERE NOT is_deleted AND amount > 0 AND duplicate_of IS NULL AND date > now()::date - 1126
    ), series AS (
        SELECT array_agg(date ORDER BY date, id) AS dates FROM charges GROUP BY user_id, key, currency
        HAVING count(*) BETWEEN 3 AND 200 AND max(date) - min(date) >= 6 * (count(*) - 1)
        UNION ALL
        SELECT array_agg(date ORDER BY date, id) FROM charges GROUP BY user_id, key, currency, amount
        HAVING count(*) BETWEEN 4 AND 200 AND max(date) - min(date) >= 6 * (count(*) - 1)
    )
    SELECT count(*) FROM series, LATERAL (
        SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap) AS period, array_agg(gap) AS gaps
        FROM (SELECT u.date - lag(u.date) OVER (ORDER BY u.place) AS gap
              FROM unnest(dates) WITH ORDINALITY AS u (date, place)) AS points
    ) AS m, LATERAL (
        SELECT avg((abs(gap - m.period * greatest(round(gap / m.period::numeric), 1)) <= 4)::integer) AS regularity
        FROM unnest(m.gaps) AS gap
    ) AS fit
    WHERE m.period > 5 AND fit.regularity >= 0.8";

pub async fn run(data: &Data) -> Result<()> {
    let mut conn = data.admin().connect().await?;
    let begun = Instant::now();
    let regular: i64 = sqlx::query_scalar(FLOOR).fetch_one(&mut conn).await?;
    let floor = begun.elapsed();
    println!(
        "{:32} {:>9.2} s  {regular} regular series of {} rows",
        "one statement (floor)",
        floor.as_secs_f64(),
        data.rows
    );
    let db = Db::from_options(data.admin());
    for job in [Job::Subscriptions, Job::Anomalies, Job::Duplicates] {
        forget(&mut conn, job).await?;
        let first = job.time(&db).await?;
        let ratio = if job == Job::Subscriptions {
            format!("{:.2} of the floor", first.div_duration_f64(floor))
        } else {
            String::new()
        };
        println!("{:32} {:>9.2} s  {ratio}", format!("{job:?}: everybody, first"), first.as_secs_f64());
        println!("{:32} {:>9.3} s", "  nothing changed", job.time(&db).await?.as_secs_f64());
        let touch = "UPDATE user_seq SET changes = changes + 1, changed_at = now() WHERE user_id = $1";
        sqlx::query(touch).bind(data.user.id).execute(&mut conn).await?;
        println!("{:32} {:>9.3} s", format!("  a user of {} did", data.user.rows), job.time(&db).await?.as_secs_f64());
    }
    let found: i64 = sqlx::query_scalar("SELECT count(*) FROM recurrences").fetch_one(&mut conn).await?;
    println!("{found} subscriptions");
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Job {
    Subscriptions,
    Anomalies,
    Duplicates,
}

impl Job {
    /// Runs it until it is done, as queues do.
    async fn time(self, db: &Db) -> Result<Duration> {
        let begun = Instant::now();
        while self.once(db).await.map_err(|problem| anyhow!("{self:?}: {problem}"))? == Ran::More {}
        Ok(begun.elapsed())
    }

    async fn once(self, db: &Db) -> Result<Ran, Problem> {
        let deadline = Instant::now().checked_add(Duration::from_mins(2)).unwrap_or_else(Instant::now);
        match self {
            Self::Subscriptions => subscriptions::detect(db, clock::now(), deadline).await,
            Self::Anomalies => anomalies::detect(db, async |_| (), clock::now(), deadline).await,
            Self::Duplicates => transactions::find_duplicates(db, async |_| (), clock::now(), deadline).await,
        }
    }
}

/// As before the first night.
async fn forget(conn: &mut PgConnection, job: Job) -> Result<()> {
    let name = format!("{job:?}").to_lowercase();
    sqlx::query("DELETE FROM reviews WHERE job = $1").bind(&name).execute(&mut *conn).await?;
    sqlx::query("DELETE FROM review_jobs WHERE job = $1").bind(&name).execute(&mut *conn).await?;
    if job == Job::Subscriptions {
        sqlx::query("DELETE FROM recurrences").execute(conn).await?;
    }
    Ok(())
}
