//! An HTTP call as a handler sees it, and the reply it gives.

use super::{
    fields::{Fields, Read},
    problem::Problem,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use serde::Serialize;
use std::collections::HashMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// Bodies over this are refused before parsing; the import route allows more.
const JSON_LIMIT: usize = 64 * 1024;

/// One call.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: String,
    /// The path below the stage.
    pub path: String,
    /// Stands on every answer and in every log line.
    pub request_id: String,
    /// The caller's address, from the gateway and never from a header.
    pub source_ip: String,
    /// When the call arrived.
    pub now: OffsetDateTime,
    /// The claims of the access token, once checked.
    pub claims: Option<super::gate::Claims>,
    /// Whether the route is for administrators alone; who is one is looked up with the session.
    pub admin: bool,
    /// The scope that the route asks of a service token; which ones it has is looked up with it.
    pub scope: Option<&'static str>,
    /// The SHA-256 of the service token it came with.
    pub service: Option<[u8; 32]>,
    params: HashMap<String, String>,
    query: String,
    headers: ::http::HeaderMap,
    body: Vec<u8>,
}

/// The path below the stage.
pub(super) fn path(event: &ApiGatewayV2httpRequest) -> String {
    let whole = event.raw_path.as_deref().unwrap_or_default();
    let stage = event.request_context.stage.as_deref().unwrap_or_default();
    whole.strip_prefix('/').and_then(|path| path.strip_prefix(stage)).unwrap_or(whole).to_owned()
}

impl Call {
    /// Reads the gateway's event.
    pub fn from_event(
        event: ApiGatewayV2httpRequest,
        request_id: String,
        now: OffsetDateTime,
    ) -> Result<Self, Problem> {
        let path = path(&event);
        let http = event.request_context.http;
        let text = event.body.unwrap_or_default();
        let body = if event.is_base64_encoded {
            STANDARD.decode(text).map_err(|_| Problem::malformed("The body is not valid base64."))?
        } else {
            text.into_bytes()
        };
        Ok(Self {
            method: http.method.to_string(),
            path,
            request_id,
            source_ip: http.source_ip.unwrap_or_default(),
            now,
            claims: None,
            admin: false,
            scope: None,
            service: None,
            params: event.path_parameters,
            query: event.raw_query_string.unwrap_or_default(),
            headers: event.headers,
            body,
        })
    }

    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Whether a header came at all, text or not.
    #[must_use]
    pub fn has_header(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// A part of the path.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// The id in the path. One that is no UUID cannot exist: 404, as for any other absent one.
    pub fn id(&self) -> Result<Uuid, Problem> {
        self.param("id").and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(Problem::not_found)
    }

    /// The query string as `T`; every unknown or bad parameter is refused, all at once.
    pub fn query<T: Read>(&self) -> Result<T, Problem> {
        Fields::from_query(&self.query)?.read()
    }

    /// The JSON body as `T`; every unknown or bad field is refused, all at once.
    pub fn json<T: Read>(&self) -> Result<T, Problem> {
        self.json_within(JSON_LIMIT)
    }

    /// [`Call::json`], of a route that takes more.
    pub fn json_within<T: Read>(&self, limit: usize) -> Result<T, Problem> {
        let kind = self.header("content-type").unwrap_or_default();
        if kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
            Fields::from_json(self.bytes(limit)?)?.read()
        } else {
            Err(Problem::new(415, "unsupported_media_type", "Send the body as application/json."))
        }
    }

    /// An uploaded file: `text/csv` in UTF-8, or `application/octet-stream`.
    pub fn file(&self, limit: usize) -> Result<&[u8], Problem> {
        let kind = self.header("content-type").unwrap_or_default();
        let bytes = self.bytes(limit)?;
        match kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/octet-stream" => Ok(bytes),
            "text/csv" if std::str::from_utf8(bytes).is_ok() => Ok(bytes),
            "text/csv" => Err(Problem::malformed(
                "text/csv must be UTF-8: send the file as application/octet-stream if it is in another encoding.",
            )),
            _ => Err(Problem::new(
                415,
                "unsupported_media_type",
                "Send the file as text/csv or application/octet-stream.",
            )),
        }
    }

    /// Refuses a change of what has another ETag than the caller's `If-Match` names, if there is one.
    pub fn check_match(&self, etag: &str) -> Result<(), Problem> {
        if !self.has_header("if-match") {
            return Ok(());
        }
        let named = self.header("if-match").unwrap_or_default();
        if named.trim() == "*" || named.split(',').any(|one| one.trim() == etag) {
            return Ok(());
        }
        Err(Problem::new(412, "stale", "It has changed since you fetched it: fetch it again, then repeat your change."))
    }

    /// Everything that was asked for: equal calls have equal content.
    #[must_use]
    pub fn content(&self) -> Vec<u8> {
        [self.path.as_bytes(), b"?", self.query.as_bytes(), b"\0", &self.body].concat()
    }

    /// The raw body, at most `limit` bytes of it.
    pub fn bytes(&self, limit: usize) -> Result<&[u8], Problem> {
        if self.body.len() > limit { Err(too_large(limit)) } else { Ok(&self.body) }
    }

    /// The claims of a route that only users reach.
    pub fn claims(&self) -> Result<&super::gate::Claims, Problem> {
        self.claims.as_ref().ok_or_else(|| Problem::internal("a public route asked for its user"))
    }
}

fn too_large(limit: usize) -> Problem {
    Problem::new(413, "too_large", format!("The body may have at most {limit} bytes."))
}

const REPLAYED: &str = "idempotent-replayed";

/// What a handler answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Its content type.
    pub content_type: &'static str,
    /// Its body.
    pub body: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
}

impl Reply {
    /// JSON with a status.
    pub fn json(status: u16, body: &impl Serialize) -> Result<Self, Problem> {
        let body = serde_json::to_string(body).map_err(Problem::internal)?;
        Ok(Self { status, content_type: "application/json", body, headers: Vec::new() })
    }

    /// 200 with JSON.
    pub fn ok(body: &impl Serialize) -> Result<Self, Problem> {
        Self::json(200, body)
    }

    /// 202 without a word: what follows is told elsewhere, if at all.
    #[must_use]
    pub fn accepted() -> Self {
        Self { status: 202, ..Self::no_content() }
    }

    /// 204.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: 204, content_type: "", body: String::new(), headers: Vec::new() }
    }

    /// A page or document of ours.
    #[must_use]
    pub fn document(content_type: &'static str, body: String) -> Self {
        Self { status: 200, content_type, body, headers: Vec::new() }
    }

    /// A file of ours that is compressed already.
    #[must_use]
    pub fn compressed(content_type: &'static str, gzip: &[u8]) -> Self {
        Self::document(content_type, STANDARD.encode(gzip)).with("content-encoding", "gzip")
    }

    /// Whether the body is base64, which stands for bytes that are no text.
    #[must_use]
    pub fn is_base64(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == "content-encoding")
    }

    /// The mark of an answer that was given before to the same request.
    #[must_use]
    pub fn as_replay(self) -> Self {
        self.with(REPLAYED, "true")
    }

    /// Whether it was given before.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.headers.iter().any(|(name, _)| *name == REPLAYED)
    }

    /// With the address of what was made: the `id` of the body, below `collection`. Read from the body, so that a replay
    /// says it, too.
    #[must_use]
    pub fn located(self, collection: &str) -> Self {
        let id = serde_json::from_str(&self.body)
            .ok()
            .and_then(|body: serde_json::Value| Some(body.get("id")?.as_str()?.to_owned()));
        match id {
            Some(id) => self.with("location", format!("{collection}/{id}")),
            None => self,
        }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn must_hold_11_a_caller_has_the_address_that_the_gateway_saw_whatever_headers_say() {
        let mut event = ApiGatewayV2httpRequest::default();
        event.request_context.http.source_ip = Some("192.0.2.1".into());
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"] {
            event.headers.insert(name, "203.0.113.9".parse().unwrap());
        }
        let call = Call::from_event(event, "request".into(), OffsetDateTime::UNIX_EPOCH).unwrap();
        assert_eq!(call.source_ip, "192.0.2.1");
    }
}
