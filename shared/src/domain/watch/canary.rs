//! Whether the API works for who asks it from outside: its own `/health`, with the permissions of its own functions.

use super::{Finding, Kind, Noted, Targets, note, sql};
use crate::platform::{
    db::{Db, Tx},
    lookout::Lookout,
    problem::Problem,
};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use time::{Duration, OffsetDateTime};

const NOTE: &str = "health_canary";
/// Failures in a row that are no accident.
const FAILURES: u32 = 3;

#[derive(Deserialize)]
struct Health {
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    ok: bool,
}

/// What does not answer, by an answer of `/health`; none of ours is the API's own fault.
fn failing(answer: &Result<Vec<u8>, Problem>) -> Vec<String> {
    let health = answer.as_ref().ok().and_then(|body| serde_json::from_slice::<Health>(body).ok());
    match health {
        Some(health) => health.dependencies.into_iter().filter(|one| !one.ok).map(|one| one.name).collect(),
        None => vec!["api".into()],
    }
}

/// Asks, and takes note.
pub async fn check(
    db: &Db,
    lookout: &Lookout,
    targets: &Targets,
    now: OffsetDateTime,
) -> Result<(Vec<String>, Noted), Problem> {
    let failing = failing(&lookout.outside.get(&format!("{}/health", lookout.api)).await);
    let noted = db.tx(async |tx: &mut Tx| take_note(tx, &failing, targets, now).await).await?;
    Ok((failing, noted))
}

/// Counts failures in a row; the third begins an alert, and the first success ends it.
pub async fn take_note(
    tx: &mut Tx,
    failing: &[String],
    targets: &Targets,
    now: OffsetDateTime,
) -> Result<Noted, Problem> {
    let before: BTreeMap<String, u32> = serde_json::from_value(sql::noted(tx, NOTE).await?).unwrap_or_default();
    let counted = |name: &String| (name.clone(), before.get(name).copied().unwrap_or(0).saturating_add(1));
    let counts: BTreeMap<_, _> = failing.iter().map(counted).collect();
    sql::note(tx, NOTE, &json!(counts)).await?;
    let found: Vec<_> = counts
        .into_iter()
        .filter(|(_, count)| *count >= FAILURES)
        .map(|(subject, count)| {
            let detail = format!("It did not answer {count} times in a row.");
            Finding { kind: Kind::Unhealthy, subject, detail }
        })
        .collect();
    note(tx, (&[Kind::Unhealthy], &found, Duration::ZERO), targets, now).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_none_of_ours_is_the_apis_own_failure() {
        let said = |body: &str| failing(&Ok(body.as_bytes().to_vec()));
        assert!(said(r#"{"status":"ok","dependencies":[{"name":"database","ok":true,"latency_ms":1}]}"#).is_empty());
        let one =
            r#"{"status":"unavailable","dependencies":[{"name":"database","ok":true},{"name":"keys","ok":false}]}"#;
        assert_eq!(said(one), ["keys"]);
        assert_eq!(said("<html>Bad gateway</html>"), ["api"]);
        assert_eq!(failing(&Err(Problem::unavailable("timed out"))), ["api"]);
    }
}
