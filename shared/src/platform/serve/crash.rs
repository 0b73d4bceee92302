//! What becomes of an invocation whose handler panics: the process begins anew, and answers for the one before.
//!
//! A release has no tables to unwind by: they would be a quarter of what is read at every cold start. Nothing is caught,
//! so nothing half done is gone on with either. The panicking process is replaced in its place, which Lambda does not
//! see; that closes its connections, and Postgres ends their transactions. The new one answers before it asks for work.

use super::respond;
use crate::platform::{config::Config, problem::Problem};
use lambda_http::http::{Method, Request};
use lambda_runtime::Error;
use lambda_runtime_api_client::{PooledClient, body::Body};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{os::unix::process::CommandExt, panic, process::Command, sync::Mutex};

/// Where the new process finds what was under way.
const INTERRUPTED: &str = "INTERRUPTED";

static UNDER_WAY: Mutex<Option<Invocation>> = Mutex::new(None);

/// An invocation, as far as answering it needs.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Invocation {
    request_id: String,
    kind: Kind,
}

/// Who waits for the answer.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Kind {
    /// A client, for a problem document about this path.
    Route { path: String },
    /// The WebSocket gateway.
    Socket,
    /// A queue, or whoever deploys: a message comes again.
    Work,
}

/// Holds while an invocation is under way.
pub(super) struct UnderWay;

impl UnderWay {
    pub(super) fn of(request_id: &str, kind: Kind) -> Self {
        note(Some(Invocation { request_id: request_id.to_owned(), kind }));
        Self
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        note(None);
    }
}

fn note(invocation: Option<Invocation>) {
    if let Ok(mut under_way) = UNDER_WAY.lock() {
        *under_way = invocation;
    }
}

/// From here on a panic during an invocation ends in a new process. Without one under way it is left to Lambda, which
/// starts the next one at its own pace.
pub fn begin_anew_on_panic() {
    let log = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        log(info);
        let invocation = UNDER_WAY.try_lock().ok().and_then(|mut under_way| under_way.take());
        let Some(text) = invocation.and_then(|invocation| serde_json::to_string(&invocation).ok()) else { return };
        let mut again = Command::new("/proc/self/exe");
        let cause = again.args(std::env::args_os().skip(1)).env(INTERRUPTED, text).exec();
        tracing::error!(%cause, "cannot begin anew");
    }));
}

/// Answers the invocation that a panic interrupted in the process before, if there is one.
pub async fn answer_for_the_one_before(config: &Config) {
    let text = config.optional(INTERRUPTED).unwrap_or_default();
    let Ok(Invocation { request_id, kind }) = serde_json::from_str(&text) else { return };
    tracing::error!(event = "interrupted", request_id, function = config.handler, status = 500, code = "internal");
    if let Err(cause) = post(&request_id, &kind).await {
        tracing::error!(request_id, %cause, "cannot answer for the process before");
    }
}

async fn post(request_id: &str, kind: &Kind) -> Result<(), Error> {
    let (what, answer) = answer(request_id, kind)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/2018-06-01/runtime/invocation/{request_id}/{what}"))
        .body(Body::from(answer.to_string()))?;
    let status = PooledClient::builder().build().call(request).await?.status();
    if status.is_success() { Ok(()) } else { Err(format!("the Runtime API answered {status}").into()) }
}

fn answer(request_id: &str, kind: &Kind) -> Result<(&'static str, Value), Error> {
    Ok(match kind {
        Kind::Route { path } => {
            let problem = Err(Problem::internal("panic"));
            ("response", serde_json::to_value(respond(problem, None, path, request_id))?)
        }
        Kind::Socket => ("response", json!({"statusCode": 500})),
        Kind::Work => ("error", json!({"errorType": "panic", "errorMessage": "The log says where."})),
    })
}
