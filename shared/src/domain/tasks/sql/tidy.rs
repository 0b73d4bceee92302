//! Statements that delete what has served its time: each finds its rows by an index.

use crate::platform::db::Tx;
use sqlx::Error;
use time::OffsetDateTime;

/// What is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Sessions,
    Tokens,
    Keys,
    ServiceKeys,
    Mails,
    Sweeps,
    Runs,
    FailedRuns,
    Samples,
    Unsubscribing,
    Alerts,
}

/// All of it.
pub const STEPS: &[Step] = &[
    Step::Sessions,
    Step::Tokens,
    Step::Keys,
    Step::ServiceKeys,
    Step::Mails,
    Step::Sweeps,
    Step::Runs,
    Step::FailedRuns,
    Step::Samples,
    Step::Unsubscribing,
    Step::Alerts,
];

/// Deletes up to `most` rows that were over before then.
pub async fn delete(tx: &mut Tx, step: Step, before: OffsetDateTime, most: i64) -> Result<u64, Error> {
    let query = match step {
        Step::Sessions => sqlx::query!(
            "DELETE FROM sessions WHERE (user_id, id) IN (
                 SELECT user_id, id FROM sessions WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            before,
            most,
        ),
        Step::Tokens => sqlx::query!(
            "DELETE FROM single_use_tokens WHERE (user_id, id) IN (
                 SELECT user_id, id FROM single_use_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            before,
            most,
        ),
        Step::Keys => sqlx::query!(
            "DELETE FROM idempotency_keys WHERE (user_id, route, key) IN (
                 SELECT user_id, route, key FROM idempotency_keys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            before,
            most,
        ),
        Step::ServiceKeys => sqlx::query!(
            "DELETE FROM service_idempotency_keys WHERE (token_id, route, key) IN (
                 SELECT token_id, route, key FROM service_idempotency_keys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)",
            before,
            most,
        ),
        Step::Mails => sqlx::query!(
            "DELETE FROM mails WHERE id IN (SELECT id FROM mails WHERE due_at < $1 ORDER BY due_at LIMIT $2)",
            before,
            most,
        ),
        // What the clock does every minute is most of what runs, and says little.
        Step::Sweeps => sqlx::query!(
            "DELETE FROM task_runs WHERE id IN (
                 SELECT id FROM task_runs
                 WHERE finished_at < $1 AND status = 'succeeded' AND kind IN ('tick', 'sweep', 'watch', 'health_canary')
                 ORDER BY finished_at LIMIT $2)",
            before,
            most,
        ),
        Step::Runs => sqlx::query!(
            "DELETE FROM task_runs WHERE id IN (
                 SELECT id FROM task_runs WHERE finished_at < $1 AND status = 'succeeded' ORDER BY finished_at LIMIT $2)",
            before,
            most,
        ),
        Step::FailedRuns => sqlx::query!(
            "DELETE FROM task_runs WHERE id IN (
                 SELECT id FROM task_runs WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)",
            before,
            most,
        ),
        Step::Samples => sqlx::query!(
            "DELETE FROM queue_samples WHERE (queue, at) IN (
                 SELECT queue, at FROM queue_samples WHERE at < $1 ORDER BY queue, at LIMIT $2)",
            before,
            most,
        ),
        Step::Unsubscribing => sqlx::query!(
            "DELETE FROM unsubscribe_tokens WHERE (user_id, token_hash) IN (
                 SELECT user_id, token_hash FROM unsubscribe_tokens WHERE created_at < $1 ORDER BY created_at LIMIT $2)",
            before,
            most,
        ),
        Step::Alerts => sqlx::query!(
            "DELETE FROM alerts WHERE id IN (
                 SELECT id FROM alerts WHERE last_seen_at < $1 AND resolved_at IS NOT NULL ORDER BY last_seen_at LIMIT $2)",
            before,
            most,
        ),
    };
    query.execute(tx).await.map(|done| done.rows_affected())
}
