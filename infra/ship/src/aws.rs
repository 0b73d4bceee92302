//! Requests to AWS, or to the emulator that stands for it: four services and a dozen calls, for which their SDKs would be a
//! thousand files to compile.

use std::{fmt::Write, thread::sleep, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::{Agent, http};

/// Asked again so often when AWS is busy or says nothing.
const TRIES: u32 = 8;

/// Signs a request, which then says who makes it.
pub trait Signer: Send + Sync {
    /// The headers to add.
    fn sign(&self, region: &str, call: &Call, url: &str) -> Result<Vec<(String, String)>>;
}

/// Where AWS is, and as whom it is spoken to.
pub struct Aws {
    region: String,
    /// Of the emulator.
    endpoint: Option<String>,
    agent: Agent,
    signer: Option<Box<dyn Signer>>,
}

/// A request.
pub struct Call<'a> {
    pub service: &'a str,
    pub method: &'a str,
    /// Path and query.
    pub path: String,
    pub content_type: &'static str,
    pub body: String,
    /// How long it may take.
    pub patience: Duration,
    /// Whether it may be made again although it may have been heard: when twice does what once does.
    pub again: bool,
}

pub struct Answer {
    pub status: u16,
    /// What a function that failed is told by.
    pub function_error: Option<String>,
    pub body: String,
}

impl Aws {
    /// The emulator, which takes everybody for everybody.
    #[must_use]
    pub fn local(endpoint: &str) -> Self {
        let region = "us-east-1".to_owned();
        Self { region, endpoint: Some(endpoint.to_owned()), agent: agent(), signer: None }
    }

    #[must_use]
    pub fn signed(region: &str, signer: Box<dyn Signer>) -> Self {
        Self { region: region.to_owned(), endpoint: None, agent: agent(), signer: Some(signer) }
    }

    /// Makes a request, again while AWS is busy.
    pub fn call(&self, call: &Call) -> Result<Answer> {
        let mut wait = Duration::from_millis(200);
        for attempt in 1.. {
            match self.once(call) {
                // A function, or a version just published, is still being made ready; or too many ask.
                Ok(answer) if attempt < TRIES && is_passing(&answer, call) => {}
                Err(error) if attempt < TRIES && call.again => drop(error),
                outcome => return outcome.with_context(|| format!("{} {} {}", call.service, call.method, call.path)),
            }
            sleep(wait);
            wait = (wait * 2).min(Duration::from_secs(8));
        }
        bail!("no attempt was made")
    }

    fn once(&self, call: &Call) -> Result<Answer> {
        let url = match &self.endpoint {
            Some(endpoint) => format!("{endpoint}{}", call.path),
            None => format!("https://{}.{}.amazonaws.com{}", host(call.service), self.region, call.path),
        };
        let mut request = http::Request::builder().method(call.method).uri(&url);
        request = request.header("content-type", call.content_type);
        let headers = match &self.signer {
            Some(signer) => signer.sign(&self.region, call, &url)?,
            // It looks for nothing but the service here.
            None => vec![(
                "authorization".to_owned(),
                format!(
                    "AWS4-HMAC-SHA256 Credential=local/20250101/{}/{}/aws4_request, SignedHeaders=host, Signature=0",
                    self.region, call.service
                ),
            )],
        };
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(call.body.clone())?;
        let request = self.agent.configure_request(request).timeout_global(Some(call.patience)).build();
        let mut answer = self.agent.run(request)?;
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let function_error = header("x-amz-function-error");
        // A function may answer six megabytes.
        let body = answer.body_mut().with_config().limit(8 << 20).read_to_string()?;
        Ok(Answer { status: answer.status().as_u16(), function_error, body })
    }

    /// A call of the older services, which take forms and answer in XML.
    pub fn form(&self, service: &str, version: &str, action: &str, fields: &[(&str, &str)]) -> Result<Answer> {
        let mut body = format!("Action={action}&Version={version}");
        for (name, value) in fields {
            let _ = write!(body, "&{name}={}", escaped(value));
        }
        let answer = self.call(&Call {
            service,
            method: "POST",
            path: "/".to_owned(),
            content_type: "application/x-www-form-urlencoded",
            body,
            patience: Duration::from_secs(30),
            again: true,
        })?;
        Ok(answer)
    }
}

fn agent() -> Agent {
    Agent::config_builder().http_status_as_error(false).build().into()
}

/// Some services are not at the address of their name.
fn host(service: &str) -> &str {
    if service == "monitoring" { "monitoring" } else { service }
}

fn is_passing(answer: &Answer, call: &Call) -> bool {
    match answer.status {
        429 => true,
        // Something is still being done to it; but a version that is called cannot be deleted, however long one waits.
        409 => call.method != "DELETE",
        400 => answer.body.contains("Throttling"),
        500..=599 => call.again,
        _ => false,
    }
}

impl Answer {
    /// What it says, unless it is a refusal.
    pub fn ok(self) -> Result<Self> {
        if self.status >= 300 {
            bail!("AWS answered {}: {}", self.status, self.message());
        }
        Ok(self)
    }

    /// The same, read.
    pub fn json(self) -> Result<Value> {
        let answer = self.ok()?;
        serde_json::from_str(&answer.body).context("AWS's answer is not JSON")
    }

    /// What a refusal says of itself.
    #[must_use]
    pub fn message(&self) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        let named = ["message", "Message", "errorMessage"].iter().find_map(|name| json.get(name)?.as_str());
        let text = named.or_else(|| between(&self.body, "Message").next()).unwrap_or(&self.body);
        text.chars().take(500).collect()
    }
}

/// The texts of all elements of that name.
pub fn between<'a>(xml: &'a str, tag: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    let (begin, end) = (format!("<{tag}>"), format!("</{tag}>"));
    let mut rest = xml;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(&begin)?;
        let (text, after) = after.split_once(&end)?;
        rest = after;
        Some(text)
    })
}

/// For a form, or for a query.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_between_their_tags() {
        let xml = "<a><Name>x</Name><Name>y</Name><Other>z</Other></a>";
        assert_eq!(between(xml, "Name").collect::<Vec<_>>(), ["x", "y"]);
        assert_eq!(between(xml, "None").count(), 0);
    }

    #[test]
    fn what_has_a_meaning_in_a_form_is_escaped() {
        assert_eq!(escaped("arn:aws:a/b c"), "arn%3Aaws%3Aa%2Fb%20c");
        assert_eq!(escaped("$LATEST"), "%24LATEST");
    }
}
