//! What a client meets: the gateway's own part, which calling functions does not show.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;
use ship::stack;
use ureq::Agent;

use crate::stage::Stage;

type Check = (&'static str, fn(&Agent, &str) -> Result<Option<String>>);

/// By the output that says where.
const CHECKS: [(&str, &[Check]); 2] = [
    (
        "ApiUrl",
        &[
            ("health answers 200, and each of its parts is well", health),
            ("answers carry the security headers", headers),
            ("an unknown path is answered by us", unknown),
            ("a private route wants a token", private),
        ],
    ),
    ("WsEndpoint", &[("a socket without a ticket is refused at the handshake", socket)]),
];

/// Makes them all and says of each how it went; those that fail.
pub fn faults(stage: &Stage) -> Result<Vec<String>> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .http_status_as_error(false)
        .build()
        .into();
    let mut faults = Vec::new();
    for (output, checks) in CHECKS {
        let base = stack::output(&stage.aws, &stage.stack, output)?.with_context(|| format!("no output {output}"))?;
        for (what, check) in checks {
            match check(&agent, &base).unwrap_or_else(|error| Some(format!("{error:#}"))) {
                None => eprintln!("ok    {what}"),
                Some(fault) => faults.push(format!("{what}: {fault}")),
            }
        }
    }
    Ok(faults)
}

fn health(agent: &Agent, base: &str) -> Result<Option<String>> {
    let mut answer = agent.get(format!("{base}/health")).call()?;
    let body = answer.body_mut().read_to_string()?;
    let well = answer.status() == 200 && serde_json::from_str::<Value>(&body).is_ok();
    Ok((!well).then(|| format!("{}: {body}", answer.status())))
}

fn headers(agent: &Agent, base: &str) -> Result<Option<String>> {
    let answer = agent.get(format!("{base}/health")).call()?;
    let missing: Vec<_> =
        ["strict-transport-security", "x-content-type-options", "content-security-policy", "request-id"]
            .into_iter()
            .filter(|name| !answer.headers().contains_key(*name))
            .collect();
    Ok((!missing.is_empty()).then(|| format!("no {}", missing.join(", "))))
}

fn refused(agent: &Agent, url: &str, expected: u16) -> Result<Option<String>> {
    let mut answer = agent.get(url).call()?;
    let body = answer.body_mut().read_to_string()?;
    let ours = serde_json::from_str::<Value>(&body).is_ok_and(|body| body.get("code").is_some());
    Ok((answer.status() != expected || !ours).then(|| format!("{}: {body}", answer.status())))
}

fn unknown(agent: &Agent, base: &str) -> Result<Option<String>> {
    refused(agent, &format!("{base}/no-such-path"), 404)
}

fn private(agent: &Agent, base: &str) -> Result<Option<String>> {
    refused(agent, &format!("{base}/transactions"), 401)
}

fn socket(agent: &Agent, base: &str) -> Result<Option<String>> {
    let answer = agent
        .get(base)
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .call()?;
    Ok((answer.status() != 401).then(|| format!("{}", answer.status())))
}
