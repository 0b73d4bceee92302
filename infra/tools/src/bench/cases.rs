//! What is asked of the functions.

mod coverage;
mod ingest;
mod portfolio;
mod reads;
mod writes;

use super::data::User;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use shared::platform::function::{Grant, Trigger};
use uuid::Uuid;

/// What an answer has to hold: a fast wrong one is no figure.
pub enum Holds {
    /// So many rows, or one at least.
    Rows(usize),
    Some,
    /// A member of this name.
    Member(&'static str),
    /// More than the heading of a file.
    Lines,
    /// Nothing: its status says it all.
    Nothing,
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The user, in the session that stays.
    User,
    /// The user, each time in another session.
    EachSession,
    /// Another team's program.
    Program,
}

/// A kind of request.
pub struct Case {
    pub title: &'static str,
    pub handler: &'static str,
    pub query: String,
    /// The ids in the path, one request after the other.
    pub ids: Vec<Uuid>,
    /// The body of request number `n`.
    pub body: Option<Box<dyn Fn(usize) -> String>>,
    /// What its main statement contains; a read's is the last one unless it says otherwise.
    pub main: &'static str,
    pub holds: Holds,
    /// How often it is measured.
    pub rounds: usize,
    pub caller: Caller,
    /// Whether the project promises its processor time; the others are shown beside.
    pub promised: bool,
    /// Whether a long history may cost no more than twice what a short one does.
    pub first_page: bool,
    /// Whether what it writes is news to nobody.
    pub unheard: bool,
}

impl Case {
    fn of(title: &'static str, handler: &'static str) -> Self {
        Self {
            title,
            handler,
            query: String::new(),
            ids: Vec::new(),
            body: None,
            main: "",
            holds: Holds::Some,
            rounds: 200,
            caller: Caller::User,
            promised: false,
            first_page: false,
            unheard: false,
        }
    }

    fn asking(self, query: impl Into<String>) -> Self {
        Self { query: query.into(), ..self }
    }

    fn at(self, ids: &[Uuid]) -> Self {
        Self { ids: ids.to_vec(), ..self }
    }

    fn sending(self, body: impl Fn(usize) -> Value + 'static) -> Self {
        Self { body: Some(Box::new(move |n| body(n).to_string())), ..self }
    }

    fn answering(self, holds: Holds) -> Self {
        Self { holds, ..self }
    }

    /// Whether its function may write.
    pub fn writes(&self) -> bool {
        bootstrap::function(self.handler).is_some_and(|function| (function.grants)().contains(&Grant::DbWrite))
    }

    /// Whether each request kicks the relay.
    pub fn kicks(&self) -> bool {
        !self.unheard
            && bootstrap::function(self.handler).is_some_and(|function| (function.grants)().contains(&Grant::Relay))
    }

    /// The gateway's event for request number `n`.
    pub fn event(&self, token: &str, n: usize) -> Result<Vec<u8>> {
        let function = bootstrap::function(self.handler).with_context(|| format!("no function {}", self.handler))?;
        let Trigger::Http { method, path: route } = function.trigger else {
            anyhow::bail!("{} has no route", self.handler)
        };
        let id = self.ids.get(n % self.ids.len().max(1)).map(Uuid::to_string);
        ensure!(id.is_some() || !route.contains("{id}"), "{} has no id to ask for", self.title);
        let path = format!("/v1{}", route.replace("{id}", id.as_deref().unwrap_or_default()));
        let csv = self.handler == "merchants.import";
        let event: Value = json!({
            "version": "2.0",
            "routeKey": format!("{method} {route}"),
            "rawPath": path,
            "rawQueryString": self.query,
            "headers": {
                "accept": "*/*",
                "authorization": format!("Bearer {token}"),
                "content-type": if csv { "text/csv" } else { "application/json" },
                "host": "api.example.com",
                "user-agent": "bench",
                "x-forwarded-for": "192.0.2.1",
                "x-forwarded-port": "443",
                "x-forwarded-proto": "https",
            },
            "pathParameters": id.map(|id| json!({"id": id})),
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "bench",
                "domainName": "api.example.com",
                "domainPrefix": "api",
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": "bench",
                },
                "requestId": "bench",
                "routeKey": format!("{method} {route}"),
                "stage": "v1",
                "time": "01/Jan/2026:00:00:00 +0000",
                "timeEpoch": 1_767_225_600_000_i64,
            },
            "body": self.body.as_ref().map(|body| body(n)),
            "isBase64Encoded": false,
        });
        Ok(event.to_string().into_bytes())
    }

    pub fn check(&self, body: &str) -> Result<()> {
        let answer: Value = serde_json::from_str(body).unwrap_or_default();
        let rows = answer.get("data").and_then(Value::as_array).map_or(0, Vec::len);
        let right = match self.holds {
            Holds::Rows(wanted) => rows == wanted,
            Holds::Some => rows > 0,
            Holds::Member(name) => answer.get(name).is_some_and(|member| !member.is_null()),
            Holds::Lines => body.lines().count() > 1,
            Holds::Nothing => true,
        };
        let begin = || body.chars().take(300).collect::<String>();
        ensure!(right, "{} answered without what it was asked for: {}", self.title.trim(), begin());
        Ok(())
    }
}

/// The list of 50 that the start is measured by.
pub fn list() -> Case {
    let list = Case::of("list of 50", "transactions.list").asking("limit=50").answering(Holds::Rows(50));
    Case { rounds: 1000, promised: true, first_page: true, ..list }
}

/// An export of all that a user has.
pub fn everything(format: &str) -> Case {
    Case::of("export of everything", "transactions.export").asking(format!("format={format}"))
}

/// All of them, in an order in which each finds what it changes.
/// `tokens` refresh the sessions.
pub fn all(user: &User, tokens: Vec<String>) -> Vec<Case> {
    let mut cases = reads::of(user);
    cases.extend(portfolio::of(user));
    cases.extend(ingest::of(user));
    cases.extend(writes::of(user, tokens));
    cases
}
