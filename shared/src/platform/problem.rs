//! Errors as the client sees them: `application/problem+json` (RFC 9457).

use super::rates::Standing;
use serde::Serialize;
use std::{
    borrow::Cow,
    fmt,
    ops::{Deref, DerefMut},
};

/// One field that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Where: a JSON pointer into the body (`/amount`), or `?name` for a query parameter.
    #[schema(example = "/amount")]
    pub pointer: String,
    /// A stable, machine-readable reason.
    #[schema(example = "too_many_decimals")]
    pub code: Cow<'static, str>,
    /// What to send instead.
    #[schema(example = "Send an amount with at most two decimals.")]
    pub detail: String,
}

/// A refusal or failure. Behind a pointer: whatever may fail has room for one, and moves it at each `?`.
#[derive(Clone, Debug)]
pub struct Problem(Box<Refusal>);

/// What a [`Problem`] says. `cause` is for our log alone and never leaves.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// A stable `snake_case` code.
    pub code: &'static str,
    /// One sentence for a person, saying what to do next.
    pub detail: Cow<'static, str>,
    /// For 422: every bad field.
    pub errors: Vec<FieldError>,
    /// Seconds after which to try again.
    pub retry_after: Option<u32>,
    /// For 429: the limit that was reached.
    pub limit: Option<Standing>,
    /// For 405: the methods that would do.
    pub allow: Option<String>,
    /// What happened inside, for the log.
    pub cause: Option<String>,
    /// Members of this problem alone, such as the preview of a file that was refused.
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// The body that a [`Problem`] becomes.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody<'a> {
    /// Identifies the kind of problem.
    #[serde(rename = "type")]
    #[schema(example = "urn:tallybook:problem:not_found")]
    pub kind: String,
    /// The status's standard phrase.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// One sentence for a person, saying what to do next.
    pub detail: &'a str,
    /// The path that was asked for.
    pub instance: &'a str,
    /// A stable `snake_case` code.
    pub code: &'a str,
    /// Quote this when asking for help.
    pub request_id: &'a str,
    /// For 422: every bad field at once.
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    pub errors: &'a [FieldError],
    /// Members of this problem alone.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub more: &'a serde_json::Map<String, serde_json::Value>,
}

impl Problem {
    /// A problem with nothing but its status, code and sentence.
    pub fn new(status: u16, code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Refusal {
            status,
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            limit: None,
            allow: None,
            cause: None,
            more: serde_json::Map::new(),
        }))
    }

    /// 400: the request could not be read at all.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "malformed", detail)
    }

    /// 401: no valid access token.
    pub fn unauthorized(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(401, code, detail)
    }

    /// 403: a route for administrators.
    #[must_use]
    pub fn forbidden() -> Self {
        Self::new(403, "forbidden", "Only an administrator may do this: ask one, or have yourself made one.")
    }

    /// 403: the service token may not do this.
    #[must_use]
    pub fn missing_scope(scope: &str) -> Self {
        Self::new(
            403,
            "missing_scope",
            format!("This needs a service token with the scope {scope}: ask an administrator."),
        )
    }

    /// 404: absent, or somebody else's; the two are never told apart.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "not_found", "There is nothing here: check the id, or list what you have.")
    }

    /// 409.
    pub fn conflict(code: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(409, code, detail)
    }

    /// 422 with every bad field.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let mut problem = Self::new(422, "validation_failed", "Some fields were refused: see errors.");
        problem.errors = errors;
        problem
    }

    /// 422 for one field.
    pub fn field(pointer: &str, code: &'static str, detail: impl Into<String>) -> Self {
        Self::invalid(vec![FieldError { pointer: pointer.into(), code: code.into(), detail: detail.into() }])
    }

    /// 429.
    #[must_use]
    pub fn too_many(limit: Standing) -> Self {
        let mut problem =
            Self::new(429, "rate_limited", "Too many tries: wait as long as Retry-After says, then try again.");
        problem.retry_after = Some(limit.resets_s);
        problem.limit = Some(limit);
        problem
    }

    /// 503: something we lean on is away; nothing was changed that a retry would double.
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let mut problem = Self::new(503, "unavailable", "The service cannot answer right now: try again shortly.");
        problem.retry_after = Some(2);
        problem.because(cause)
    }

    /// 500: a fault of ours.
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(500, "internal", "This is a fault of ours: report the request id if it stays.").because(cause)
    }

    /// The same, with what happened inside.
    #[must_use]
    pub fn because(mut self, cause: impl fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Every bad field.
    #[must_use]
    pub fn into_errors(self) -> Vec<FieldError> {
        self.0.errors
    }

    /// The standard phrase of this status.
    #[must_use]
    pub fn title(&self) -> &'static str {
        ::http::StatusCode::from_u16(self.status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Error")
    }

    /// The JSON body for the client.
    #[must_use]
    pub fn body(&self, instance: &str, request_id: &str) -> String {
        let body = ProblemBody {
            kind: format!("urn:tallybook:problem:{}", self.code),
            title: self.title(),
            status: self.status,
            detail: &self.detail,
            instance,
            code: self.code,
            request_id,
            errors: &self.errors,
            more: &self.more,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }
}

impl Deref for Problem {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl DerefMut for Problem {
    fn deref_mut(&mut self) -> &mut Refusal {
        &mut self.0
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, self.code)?;
        self.cause.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}
impl std::error::Error for Problem {}

/// The problems any endpoint with a body or a user may answer, for the OpenAPI document.
#[derive(utoipa::IntoResponses)]
pub enum Problems {
    /// The request could not be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody<'static>),
    /// No valid access token, or wrong credentials.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemBody<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody<'static>),
    /// Send another content type.
    #[response(status = 415, content_type = "application/problem+json")]
    MediaType(ProblemBody<'static>),
    /// Some fields were refused; `errors` names every one.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody<'static>),
    /// Too many tries; `Retry-After` says how long to wait.
    #[response(status = 429, content_type = "application/problem+json")]
    RateLimited(ProblemBody<'static>),
    /// Try again shortly; `Retry-After` says when.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody<'static>),
}
