//! A user's calls. What matters of an answer is whether it was done, was refused, or nobody knows.

use std::{thread::sleep, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use crate::random::Random;

/// Longer than any function of those that are called may take.
const PATIENCE: Duration = Duration::from_secs(14);
/// So often an unknown outcome is asked for again.
const TRIES: u32 = 40;

#[derive(Clone)]
pub struct Client {
    base: String,
    agent: Agent,
    token: String,
}

/// What became of a call.
#[derive(Debug)]
pub enum Outcome {
    /// 2xx
    Done(Value),
    /// A 4xx of ours: nothing was done.
    Refused(u16, String),
    /// The connection broke, the function was killed, or something behind it was away.
    Unknown,
}

/// A call, to be made as often as need be.
pub struct Call<'a> {
    pub method: &'a str,
    pub path: String,
    pub body: Option<String>,
    pub kind: &'a str,
    pub key: Option<String>,
}

impl<'a> Call<'a> {
    pub fn json(method: &'a str, path: impl Into<String>, body: &Value) -> Self {
        Self { method, path: path.into(), body: Some(body.to_string()), kind: "application/json", key: None }
    }

    pub fn bare(method: &'a str, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: None, kind: "application/json", key: None }
    }

    pub fn key(self, key: impl Into<String>) -> Self {
        Self { key: Some(key.into()), ..self }
    }
}

impl Client {
    pub fn new(base: &str) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .build()
            .into();
        Self { base: base.to_owned(), agent, token: String::new() }
    }

    /// Logs in and speaks for the user from now on.
    pub fn log_in(&mut self, email: &str, password: &str, random: &mut Random) -> Result<()> {
        let call = Call::json("POST", "/auth/login", &json!({"email": email, "password": password}));
        let Outcome::Done(tokens) = self.insist(&call, random).0 else { bail!("cannot log in") };
        tokens.get("access_token").and_then(Value::as_str).context("no token")?.clone_into(&mut self.token);
        Ok(())
    }

    /// One attempt.
    pub fn once(&self, call: &Call) -> Outcome {
        let Ok(mut answer) = self.send(call) else { return Outcome::Unknown };
        let status = answer.status().as_u16();
        let Ok(text) = answer.body_mut().with_config().limit(100_000_000).read_to_string() else {
            return Outcome::Unknown;
        };
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let code = value.get("code").and_then(Value::as_str).unwrap_or_default();
        match status {
            200..300 => Outcome::Done(value),
            // The first request may still be at it, or this one came too soon: nobody knows yet.
            409 if code == "in_flight" => Outcome::Unknown,
            429 => Outcome::Unknown,
            400..500 if !code.is_empty() => Outcome::Refused(status, code.to_owned()),
            _ => Outcome::Unknown,
        }
    }

    /// Until it is known. `again` says whether anything but the last attempt had an unknown outcome.
    pub fn insist(&self, call: &Call, random: &mut Random) -> (Outcome, bool) {
        for attempt in 0..TRIES {
            match self.once(call) {
                Outcome::Unknown => sleep(Duration::from_millis(50 + random.below(150) + 25 * u64::from(attempt))),
                known => return (known, attempt > 0),
            }
        }
        (Outcome::Unknown, true)
    }

    /// A read that must succeed.
    pub fn get(&self, path: &str, random: &mut Random) -> Result<Value> {
        match self.insist(&Call::bare("GET", path), random).0 {
            Outcome::Done(value) => Ok(value),
            other => bail!("GET {path}: {other:?}"),
        }
    }

    fn send(&self, call: &Call) -> Result<Response<Body>, ureq::Error> {
        let url = format!("{}{}", self.base, call.path);
        let mut request = ureq::http::Request::builder().method(call.method).uri(url);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if let Some(key) = &call.key {
            request = request.header("idempotency-key", key);
        }
        match &call.body {
            Some(body) => self.agent.run(request.header("content-type", call.kind).body(body.as_str())?),
            None => self.agent.run(request.body(())?),
        }
    }
}
