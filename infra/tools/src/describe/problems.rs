//! Which problems a route answers with, each with an example: made by the code that makes the real ones, where it can be
//! called from here.

use super::examples::ID;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use shared::{
    domain::{imports, ingest, merchants},
    platform::{
        fields::{Fields, Nothing},
        function::{Access, Function},
        problem::Problem,
        rates::Standing,
    },
};

/// The sentences of problems that rules make, by their code.
const SAID: [(&str, &str); 23] = [
    ("already_merged", "This merchant was merged into Netflix already: use that one."),
    ("already_renewed", "It was renewed already: its latest period is not over."),
    ("already_running", "Its task waits or works at this moment: look at its last task."),
    ("already_undone", "This merge was undone already."),
    ("email_taken", "This email has an account: log in, or use another."),
    ("idempotency_key_reused", "This Idempotency-Key came with another body before: use a new key for a new request."),
    ("in_flight", "A request with this Idempotency-Key is still running: wait for its answer, then repeat it."),
    ("invalid_credentials", "Email or password is wrong: check both, or reset the password."),
    ("invalid_idempotency_key", "Send 1 to 255 printable ASCII characters as Idempotency-Key."),
    ("invalid_refresh_token", "This refresh token is not valid any more: log in again."),
    ("invalid_token", "This access token is not valid: refresh it, or log in again."),
    ("merchant_exists", "Netflix goes by one of these names already: see conflicts."),
    ("merge_running", "Transactions are still moving to or from this merchant: try again in a few minutes."),
    ("missing_token", "Send Authorization: Bearer with an access token."),
    ("near_match", "Merchants of nearly this name exist: see candidates, and send ?force=true if it is another one."),
    ("not_anchored", "No sealed tree has this transaction yet: ask again after the next night."),
    ("not_embedded", "This transaction has not been compared with others yet: try again later."),
    ("not_over_yet", "Its only period is not over: renew it after its last day."),
    ("periods_overlap", "These dates overlap several periods of this budget: send dates that touch one at most."),
    ("schedule_exists", "A schedule of this name exists: change it, or choose another name."),
    ("session_ended", "This session has ended: log in again."),
    ("stale", "It has changed since you fetched it: fetch it again, then repeat your change."),
    ("too_many_mappings", "There are 100 mappings already: send the name of one to replace it."),
];

fn said(status: u16, code: &str) -> Result<Problem> {
    let known = SAID.iter().find(|(known, _)| *known == code);
    let (code, detail) = known.with_context(|| format!("describe/problems.rs has no sentence for `{code}`"))?;
    let mut problem = Problem::new(status, code, *detail);
    // Members that these problems alone have.
    let merchant = json!({"id": ID, "canonical_name": "Netflix", "category": "Subscriptions"});
    match *code {
        "already_merged" => drop(problem.more.insert("merchant".into(), merchant)),
        "merchant_exists" => drop(problem.more.insert("conflicts".into(), json!([merchant]))),
        "near_match" => drop(problem.more.insert("candidates".into(), json!([merchant]))),
        _ => {}
    }
    Ok(problem)
}

/// One operation of the document.
pub struct Route<'a> {
    pub function: &'a Function,
    pub path: &'a str,
    pub operation: &'a mut Map<String, Value>,
}

impl Route<'_> {
    /// Leaves out what every route is said to answer and this one cannot, and gives each of the others its examples.
    pub fn tell(&mut self, schemas: &Map<String, Value>) -> Result<()> {
        let mut responses = self.operation.get("responses").and_then(Value::as_object).cloned().unwrap_or_default();
        responses.retain(|status, _| self.can_answer(status));
        for (status, response) in &mut responses {
            let described = response.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
            let content = response.get_mut("content").and_then(|content| content.get_mut("application/problem+json"));
            let Some(content) = content.and_then(Value::as_object_mut) else { continue };
            let examples = self.problems(status.parse()?, &described, schemas)?.into_iter().map(|problem| {
                let body = problem.body(&self.path.replace("{id}", ID), "3ad2f1c8-5c1e-4f6a-9d0b-7e2c4a8b6f10");
                Ok::<_, anyhow::Error>((
                    problem.code.to_owned(),
                    json!({"value": serde_json::from_str::<Value>(&body)?}),
                ))
            });
            content.insert("examples".into(), examples.collect::<Result<Map<_, _>>>()?.into());
        }
        self.operation.insert("responses".into(), responses.into());
        Ok(())
    }

    fn can_answer(&self, status: &str) -> bool {
        match status {
            "413" | "415" => self.operation.contains_key("requestBody"),
            "401" => self.function.access != Access::Public || self.refuses_who_comes().is_some(),
            _ => true,
        }
    }

    /// The code with which a route without a token refuses who comes.
    fn refuses_who_comes(&self) -> Option<&'static str> {
        match self.function.handler {
            "auth.login" => Some("invalid_credentials"),
            "auth.refresh" => Some("invalid_refresh_token"),
            _ => None,
        }
    }

    fn problems(&self, status: u16, described: &str, schemas: &Map<String, Value>) -> Result<Vec<Problem>> {
        let all = |codes: &[&str]| codes.iter().map(|code| said(status, code)).collect::<Result<Vec<_>>>();
        Ok(match (status, self.function.access) {
            (400, _) => vec![self.malformed()?],
            (401, Access::User | Access::Admin) => all(&["missing_token", "invalid_token", "session_ended"])?,
            (401, Access::Service(_)) => all(&["missing_token", "invalid_token"])?,
            (401, Access::Public) => all(self.refuses_who_comes().as_slice())?,
            (403, Access::Service(scope)) => vec![Problem::missing_scope(scope)],
            (403, _) => vec![Problem::forbidden()],
            (404, _) => vec![Problem::not_found()],
            (409, _) => all(&codes(described))?,
            (412, _) => all(&["stale"])?,
            (413 | 415, _) => vec![self.wrong_body(status)],
            (422, _) => self.refused(schemas)?,
            (429, access) => {
                let policy = if access == Access::Public { "tries" } else { "requests" };
                vec![Problem::too_many(Standing { policy, most: 0, window_s: 60, left: 0, resets_s: 60 })]
            }
            _ => vec![Problem::unavailable("away")],
        })
    }

    fn takes_json(&self) -> bool {
        let content = self.operation.get("requestBody").and_then(|body| body.get("content"));
        content.is_some_and(|content| content.get("application/json").is_some())
    }

    fn malformed(&self) -> Result<Problem> {
        let read = if self.takes_json() { Fields::from_json(b"{") } else { Fields::from_query("q=%00") };
        read.err().context("what is malformed was read")
    }

    fn wrong_body(&self, status: u16) -> Problem {
        let limit = match self.function.handler {
            "transactions.import" => imports::BODY_LIMIT,
            "merchants.import" => merchants::BODY_LIMIT,
            "ingest.transactions" | "ingest.anomalies" | "ingest.anchors" => ingest::BODY_LIMIT,
            "ingest.embeddings" => ingest::VECTORS_LIMIT,
            _ => 64 * 1024,
        };
        match (status, self.takes_json()) {
            (413, _) => Problem::new(413, "too_large", format!("The body may have at most {limit} bytes.")),
            (_, true) => Problem::new(415, "unsupported_media_type", "Send the body as application/json."),
            (_, false) => {
                Problem::new(415, "unsupported_media_type", "Send the file as text/csv or application/octet-stream.")
            }
        }
    }

    /// An empty body where one needs fields, else a parameter that there is not.
    fn refused(&self, schemas: &Map<String, Value>) -> Result<Vec<Problem>> {
        let schema = self.operation.get("requestBody").and_then(|body| body.get("content")?.get("application/json"));
        let name = schema.and_then(|content| content.get("schema")?.get("$ref")?.as_str());
        let schema = name.and_then(|name| schemas.get(name.trim_start_matches("#/components/schemas/")));
        let needed = schema.and_then(|schema| schema.get("required")?.as_array()).into_iter().flatten();
        let mut needed = needed.filter_map(Value::as_str).peekable();
        let mut fields =
            if needed.peek().is_some() { Fields::from_json(b"{}") } else { Fields::from_query("colour=red") }
                .map_err(anyhow::Error::new)?;
        for name in needed {
            let _ = fields.required::<bool>(name);
        }
        let mut problems = vec![fields.read::<Nothing>().err().context("what is wrong was read")?];
        let parameters = self.operation.get("parameters").and_then(Value::as_array).into_iter().flatten();
        if parameters.filter_map(|one| one.get("name")).any(|name| name == "Idempotency-Key") {
            for code in ["invalid_idempotency_key", "idempotency_key_reused"] {
                problems.push(said(422, code)?);
            }
        }
        Ok(problems)
    }
}

/// The codes in a description such as "`not_over_yet`: its period is not over; `in_flight`: one is still running".
fn codes(described: &str) -> Vec<&str> {
    let marked = described
        .split(';')
        .filter_map(|part| part.trim_start_matches([' ']).trim_start_matches("or ").strip_prefix('`'));
    marked.filter_map(|part| part.split_once('`')).map(|(code, _)| code).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_code_of_a_description_is_told() {
        let described = "`too_many_mappings`; or `in_flight`: see `Retry-After`; `stale`, with `merchant`";
        assert_eq!(super::codes(described), ["too_many_mappings", "in_flight", "stale"]);
        assert!(super::codes("Absent, or somebody else's").is_empty());
    }
}
