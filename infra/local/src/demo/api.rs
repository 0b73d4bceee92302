//! The REST API, as far as the demo uses it.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use ureq::{Agent, Body, http::Response};

use super::{cents::Cents, text};

pub struct Api {
    base: String,
    agent: Agent,
    token: String,
}

/// A budget as `GET /budgets` tells it.
#[derive(Clone)]
pub struct Budget {
    pub category: String,
    pub amount: Cents,
    pub spent: Cents,
}

impl Api {
    /// Registers a user and speaks for them.
    pub fn register(base: &str, email: &str, password: &str) -> Result<Self> {
        let agent = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build()
            .into();
        let mut api = Self { base: base.trim_end_matches('/').to_owned(), agent, token: String::new() };
        let user = json!({"email": email, "password": password, "full_name": "Demo"});
        api.token = text(&api.post("/auth/register", &user)?, "access_token")?;
        Ok(api)
    }

    /// Lets one WebSocket in, once.
    pub fn ticket(&self) -> Result<String> {
        text(&self.post("/auth/ws-ticket", &json!({}))?, "ticket")
    }

    pub fn import(&self, statement: &str) -> Result<String> {
        let path = "/transactions/import";
        let sent = self
            .agent
            .post(self.url(path))
            .header("authorization", self.bearer())
            .header("content-type", "text/csv")
            .send(statement);
        text(&read("POST", path, sent)?, "id")
    }

    /// Those of today.
    pub fn budgets(&self) -> Result<Vec<Budget>> {
        let answer = self.get("/budgets")?;
        let listed = answer.get("data").and_then(Value::as_array).context("GET /budgets answered without `data`")?;
        let budget = |found: &Value| {
            Ok(Budget {
                category: text(found, "category")?,
                amount: Cents::parse(&text(found, "amount")?)?,
                spent: Cents::parse(&text(found, "spent")?)?,
            })
        };
        listed.iter().map(budget).collect::<Result<_>>().context("GET /budgets")
    }

    /// How many transactions there are.
    pub fn total(&self) -> Result<u64> {
        let answer = self.get("/transactions?limit=1")?;
        answer.get("total").and_then(Value::as_u64).context("GET /transactions answered without `total`")
    }

    pub fn get(&self, path: &str) -> Result<Value> {
        read("GET", path, self.agent.get(self.url(path)).header("authorization", self.bearer()).call())
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let mut request = self.agent.post(self.url(path)).header("content-type", "application/json");
        if !self.token.is_empty() {
            request = request.header("authorization", self.bearer());
        }
        read("POST", path, request.send(body.to_string()))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

fn read(method: &str, path: &str, answer: Result<Response<Body>, ureq::Error>) -> Result<Value> {
    let mut answer =
        answer.with_context(|| format!("{method} {path} got no answer; `cargo local up` starts the API"))?;
    let status = answer.status();
    let body = answer.body_mut().read_to_string().with_context(|| format!("{method} {path} broke off"))?;
    let value: Value = serde_json::from_str(&body).unwrap_or_default();
    if !status.is_success() {
        bail!(
            "{method} {path} answered {}; `cargo local logs` shows what the functions said",
            problem(status.as_u16(), &value)
        );
    }
    Ok(value)
}

/// `422 code detail (/amount: detail) [request id]`
fn problem(status: u16, value: &Value) -> String {
    let word = |value: &Value, name: &str| text(value, name).unwrap_or_default();
    let mut said = vec![status.to_string(), word(value, "code"), word(value, "detail")];
    for field in value.get("errors").and_then(Value::as_array).into_iter().flatten() {
        said.push(format!("({}: {})", word(field, "pointer"), word(field, "detail")));
    }
    said.extend(text(value, "request_id").map(|id| format!("[request {id}]")));
    said.retain(|part| !part.is_empty());
    said.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    #[test]
    fn a_problem_is_told_with_its_fields() {
        let body = json!({"code": "invalid", "detail": "Two fields.", "request_id": "r1",
            "errors": [{"pointer": "/amount", "code": "zero", "detail": "Send an amount."}]});
        assert_eq!(super::problem(422, &body), "422 invalid Two fields. (/amount: Send an amount.) [request r1]");
        assert_eq!(super::problem(502, &Value::Null), "502");
    }
}
