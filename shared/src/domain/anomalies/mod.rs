//! Transactions that are unusual for their user: found by our own look at amounts, or named by another team's program.

mod detect;
mod sql;

use super::{events::Turn, money::Money, pages::iso};
use crate::platform::{db::Tx, problem::Problem};
pub use detect::{REASON, detect};
use serde::Serialize;
use std::collections::HashMap;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// From this score on a transaction counts as unusual.
pub const UNUSUAL: f64 = 0.5;
/// A score that rose by less is not told again.
const RISE: f64 = 0.2;
/// What is older than this is no news.
const NEWS: Duration = Duration::days(14);
/// Alerts that one call may send a user: a statement of years may have many.
const MOST_ALERTS: usize = 10;

/// How unusual a transaction is, and why.
#[derive(Clone, Debug)]
pub struct Scored {
    /// The transaction.
    pub id: Uuid,
    /// From 0 to 1; none takes an earlier score away.
    pub score: Option<f64>,
    /// A code.
    pub reason: Option<String>,
    /// The reason in words.
    pub detail: String,
}

/// What became of scores.
pub struct Recorded {
    /// The transactions that there are, whether or not their score was another before.
    pub known: Vec<Uuid>,
    /// How many alerts are on their way.
    pub alerts: usize,
}

/// A frame `anomaly_alert`.
#[derive(Serialize)]
struct Alert<'a> {
    transaction_id: Uuid,
    score: f64,
    reason: &'a str,
    detail: &'a str,
    amount: Money,
    currency: &'a str,
    #[serde(with = "iso")]
    date: Date,
    merchant: &'a str,
    category: &'a str,
}

/// Writes scores down in the user's turn, and tells the user's open apps of recent transactions that have become unusual, if
/// the user wants to know. The same again is harmless.
pub async fn record(
    tx: &mut Tx,
    turn: &mut Turn,
    user_id: Uuid,
    scored: &[Scored],
    now: OffsetDateTime,
) -> Result<Recorded, Problem> {
    let told = sql::record(tx, user_id, scored, turn.changed_seq, now, (UNUSUAL, RISE)).await?;
    let known = told.iter().map(|row| row.id).collect();
    let by_id: HashMap<Uuid, &Scored> = scored.iter().map(|one| (one.id, one)).collect();
    let news = told.iter().filter_map(|row| {
        let scored = by_id.get(&row.id)?;
        let (score, since) = (scored.score.filter(|score| *score >= UNUSUAL)?, row.today.saturating_sub(NEWS));
        (row.rose && row.wanted && row.date >= since).then_some((row, *scored, score))
    });
    let mut news: Vec<_> = news.collect();
    news.sort_by(|(_, _, one), (_, _, other)| other.total_cmp(one));
    news.truncate(MOST_ALERTS);
    for (row, scored, score) in &news {
        let alert = Alert {
            transaction_id: row.id,
            score: *score,
            reason: scored.reason.as_deref().unwrap_or_default(),
            detail: &scored.detail,
            amount: Money::of(row.amount),
            currency: &row.currency,
            date: row.date,
            merchant: &row.merchant,
            category: &row.category,
        };
        turn.push("anomaly_alert", &alert)?;
    }
    Ok(Recorded { known, alerts: news.len() })
}
