//! How full queues are, and how many sockets are open.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{aws::Aws, environment::Environment};

/// As they are worked on: what a user waits for first.
const QUEUES: [&str; 6] = ["relay", "deliver", "high", "default", "low", "scheduled"];

pub struct Queue {
    name: &'static str,
    waiting: u64,
    in_flight: u64,
    delayed: u64,
    dead: u64,
}

pub fn look(aws: &Aws, environment: &Environment) -> Result<Vec<Queue>> {
    let counts = |name: &str| -> Result<[u64; 3]> {
        let url = environment.get(name).with_context(|| format!("no {name}"))?;
        let said = aws.sqs("GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": ["All"]}))?;
        Ok([
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ]
        .map(|attribute| number(&said, attribute)))
    };
    let queue = |name: &'static str| {
        let [waiting, in_flight, delayed] = counts(&format!("{}_QUEUE_URL", name.to_uppercase()))?;
        let [dead, ..] = counts(&format!("{}_DEAD_QUEUE_URL", name.to_uppercase()))?;
        Ok(Queue { name, waiting, in_flight, delayed, dead })
    };
    QUEUES.into_iter().map(queue).collect()
}

/// The emulator says numbers as text, as AWS does.
fn number(said: &Value, attribute: &str) -> u64 {
    let value = said.get("Attributes").and_then(|all| all.get(attribute)).and_then(Value::as_str);
    value.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// `ages` are those of the oldest work that was noted, in seconds, by queue: SQS tells them to CloudWatch alone.
pub fn write(queues: &[Queue], ages: &BTreeMap<String, u64>, out: &mut String) -> fmt::Result {
    let (waiting, flight) = ("waiting", "in flight");
    writeln!(out, "\n{:<11} {waiting:>8} {flight:>10} {:>8} {:>6} {:>9}", "queue", "put off", "dead", "oldest")?;
    for Queue { name, waiting, in_flight, delayed, dead } in queues {
        let oldest = ages.get(*name).map_or_else(|| "-".to_owned(), |age| format!("{age} s"));
        writeln!(out, "{name:<11} {waiting:>8} {in_flight:>10} {delayed:>8} {dead:>6} {oldest:>9}")?;
    }
    Ok(())
}

/// Each open connection has two items.
pub fn sockets(aws: &Aws, environment: &Environment) -> Result<u64> {
    let table = environment.get("CONNECTIONS_TABLE").context("no CONNECTIONS_TABLE")?;
    let said = aws.dynamodb("Scan", &json!({"TableName": table, "Select": "COUNT"}))?;
    Ok(said.get("Count").and_then(Value::as_u64).unwrap_or_default() / 2)
}
