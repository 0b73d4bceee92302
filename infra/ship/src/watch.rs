//! The alarms of a stage.

use std::{
    collections::BTreeSet,
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::Result;

use crate::aws::{Aws, between};

const PAUSE: Duration = Duration::from_secs(10);

/// The names of the stage's alarms that ring.
pub fn ringing(aws: &Aws, stage: &str) -> Result<BTreeSet<String>> {
    let prefix = format!("tallybook-{stage}-");
    let mut all = BTreeSet::new();
    let mut next: Option<String> = None;
    loop {
        let mut fields = vec![("AlarmNamePrefix", prefix.as_str()), ("StateValue", "ALARM")];
        fields.extend(next.as_deref().map(|token| ("NextToken", token)));
        let body = aws.form("monitoring", "2010-08-01", "DescribeAlarms", &fields)?.ok()?.body;
        all.extend(between(&body, "AlarmName").map(str::to_owned));
        next = between(&body, "NextToken").next().map(str::to_owned);
        if next.is_none() {
            return Ok(all);
        }
    }
}

/// Looks for this long; the first alarms that ring and did not before.
pub fn first_alarm(
    aws: &Aws,
    stage: &str,
    before: &BTreeSet<String>,
    time: Duration,
    told: &dyn Fn(Duration),
) -> Result<Option<BTreeSet<String>>> {
    let begun = Instant::now();
    loop {
        let news: BTreeSet<_> = ringing(aws, stage)?.difference(before).cloned().collect();
        if !news.is_empty() {
            return Ok(Some(news));
        }
        let left = time.saturating_sub(begun.elapsed());
        if left.is_zero() {
            return Ok(None);
        }
        told(left);
        sleep(PAUSE.min(left));
    }
}
