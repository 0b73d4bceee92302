//! Serving events: what stands around every handler.

mod crash;
mod invoke;

pub use super::gate::{Claims, check_access};
use super::{
    clock,
    front::Front,
    function::{Access, Env, Local, Port},
    gate::Gate,
    http::{Call, Reply, path},
    problem::Problem,
    queue::FIRST_SENT,
    rates::{Class, Standing},
    telemetry,
};
use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsEvent, SqsMessage};
use lambda_http::aws_lambda_events::{
    apigw::{ApiGatewayProxyResponse, ApiGatewayV2httpRequest, ApiGatewayWebsocketProxyRequest},
    encodings::Body,
};
use lambda_runtime::{Error, LambdaEvent, Runtime, service_fn};
use serde::{Serialize, Serializer};
use std::{rc::Rc, sync::Arc, time::Instant};
use time::OffsetDateTime;
use uuid::Uuid;

use crash::{Kind, UnderWay};
pub use crash::{answer_for_the_one_before, begin_anew_on_panic};
pub use invoke::{Invoked, invoke};

fn note(
    event: &str,
    request_id: &str,
    user_id: Option<Uuid>,
    env: &Env,
    started: Instant,
    problem: Option<&Problem>,
    status: u16,
) {
    let function = env.config.handler.as_str();
    let user_id = user_id.map(tracing::field::display);
    let took = started.elapsed();
    let ms = took.as_micros().div_ceil(100);
    let ms = format!("{}.{}", ms / 10, ms % 10);
    let (cold, code) = (telemetry::cold(), problem.map(|problem| problem.code));
    let mb = telemetry::memory(took);
    let cause = problem.and_then(|problem| problem.cause.as_deref());
    if status >= 500 {
        tracing::error!(event, request_id, user_id, function, cold, ms, mb, status, code, cause);
    } else {
        tracing::info!(event, request_id, user_id, function, cold, ms, mb, status, code, cause);
    }
}

/// A handler together with its dependencies. Behind a pointer, so that what stands around it, the whole runtime with it, is
/// compiled once and not once for every function.
type Handler<T, R> = Box<dyn Fn(T) -> Local<Result<R, Problem>>>;

fn handler<D, H, T, R>(env: &Arc<Env>, handle: H) -> Result<Handler<T, R>, Error>
where
    D: Port + 'static,
    H: AsyncFn(&D, T) -> Result<R, Problem> + Copy + 'static,
    T: 'static,
{
    let deps = Rc::new(D::open(env)?);
    Ok(Box::new(move |event| {
        let deps = deps.clone();
        Box::pin(async move { handle(&deps, event).await })
    }))
}

/// Serves an HTTP route.
pub async fn http<D, H>(env: Arc<Env>, access: Access, class: Class, handle: H) -> Result<(), Error>
where
    D: Port + 'static,
    H: AsyncFn(&D, Call) -> Result<Reply, Problem> + Copy + 'static,
{
    let handle = handler::<D, _, _, _>(&env, handle)?;
    let gate = Gate::open(&env, access, class)?;
    serve_http(env, gate, handle).await
}

// Not `lambda_runtime::run`, which adds a span to each invocation: the log line says all that it would.
async fn serve_http(env: Arc<Env>, gate: Gate, handle: Handler<Call, Reply>) -> Result<(), Error> {
    let front = Front::open(&env.config)?;
    let (env, gate, handle, front) = (&env, &gate, &handle, &front);
    Runtime::new(service_fn(move |event: LambdaEvent<ApiGatewayV2httpRequest>| async move {
        let started = Instant::now();
        let request_id = event.context.request_id.clone();
        let path = path(&event.payload);
        let (mut user_id, mut standing) = (None, None);
        let _under_way = UnderWay::of(&request_id, Kind::Route { path: path.clone() });
        let answer = async {
            let mut call = Call::from_event(event.payload, request_id.clone(), clock::now())?;
            front.admit(&mut call)?;
            let place = gate.admit(&mut call).await?;
            user_id = call.claims.as_ref().map(|claims| claims.user_id);
            let (counted, answer) = gate.pass(place, handle(call)).await;
            standing = counted;
            answer
        }
        .await;
        let status = answer.as_ref().map_or_else(|problem| problem.status, |reply| reply.status);
        note("request", &request_id, user_id, env, started, answer.as_ref().err(), status);
        Ok::<_, Error>(respond(answer, standing.as_ref(), &path, &request_id))
    }))
    .run()
    .await
}

/// Headers that every answer carries; what is private must not be kept by anybody on the way.
const HEADERS: [(&str, &str); 5] = [
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("cache-control", "no-store"),
];

/// And those of what a browser shows: nothing of ours asks for any of it.
const OF_PAGES: [(&str, &str); 2] = [
    ("permissions-policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cross-origin-opener-policy", "same-origin"),
];

fn respond(answer: Result<Reply, Problem>, standing: Option<&Standing>, path: &str, request_id: &str) -> Response {
    let reply = answer.unwrap_or_else(|problem| {
        let mut headers = Vec::new();
        if problem.status == 401 {
            headers.push(("www-authenticate", "Bearer".to_owned()));
        }
        headers.extend(problem.retry_after.map(|seconds| ("retry-after", seconds.to_string())));
        headers.extend(problem.limit.iter().flat_map(Standing::headers));
        headers.extend(problem.allow.clone().map(|methods| ("allow", methods)));
        Reply {
            status: problem.status,
            content_type: "application/problem+json",
            body: problem.body(path, request_id),
            headers,
        }
    });
    let counted: Vec<_> = standing.into_iter().flat_map(Standing::headers).collect();
    let is_base64_encoded = reply.is_base64();
    let named = [("request-id", request_id.to_owned()), ("content-type", reply.content_type.to_owned())];
    let is_page = reply.content_type.starts_with("text/html");
    let of_pages = OF_PAGES.into_iter().filter(|_| is_page);
    let fixed = HEADERS.into_iter().chain(of_pages).map(|(name, value)| (name, value.to_owned()));
    // What the reply says itself stands last, and counts: of two limits the one that was reached.
    let all = fixed.chain(named).chain(counted).chain(reply.headers);
    let headers = Headers(all.filter(|(_, value)| !value.is_empty() && is_field(value)).collect());
    Response { status_code: reply.status, headers, is_base64_encoded, body: Some(reply.body).filter(|b| !b.is_empty()) }
}

/// Whether a text may be the value of a header: no line ends in it.
fn is_field(value: &str) -> bool {
    value.bytes().all(|byte| byte == b'\t' || (byte >= b' ' && byte != 0x7f))
}

/// The gateway's form of an answer, with what it needs and no more: the crate's own says every header twice.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    status_code: u16,
    headers: Headers,
    is_base64_encoded: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// Headers, of which the last of a name counts.
struct Headers(Vec<(&'static str, String)>);

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let later = |n: usize, name: &str| self.0.iter().skip(n.saturating_add(1)).any(|(other, _)| *other == name);
        let last = self.0.iter().enumerate().filter(|(n, (name, _))| !later(*n, name));
        serializer.collect_map(last.map(|(_, (name, value))| (name, value)))
    }
}

const MISROUTED: &str = r#"{"type":"error","data":{"code":"bad_frame","detail":"There is no such type."}}"#;

/// One event of the WebSocket API.
#[derive(Clone, Debug)]
pub struct SocketCall {
    /// The gateway's id of the connection.
    pub connection_id: String,
    /// The ticket, if it came with one.
    pub ticket: Option<String>,
    /// The access token, if it came with one.
    pub token: Option<String>,
    /// The frame; `None` for a binary one.
    pub frame: Option<String>,
    /// How the connection ended, if it did: the code of its close frame, and the gateway's word for it.
    pub ended: Option<(Option<i64>, Option<String>)>,
    /// When.
    pub now: OffsetDateTime,
}

/// Serves a route of the WebSocket API. What the handler returns goes back to the client as the route's response.
pub async fn socket<D, H>(env: Arc<Env>, route: &'static str, handle: H) -> Result<(), Error>
where
    D: Port + 'static,
    H: AsyncFn(&D, SocketCall) -> Result<Option<String>, Problem> + Copy + 'static,
{
    let handle = handler::<D, _, _, _>(&env, handle)?;
    serve_socket(env, route, handle).await
}

async fn serve_socket(
    env: Arc<Env>,
    route: &'static str,
    handle: Handler<SocketCall, Option<String>>,
) -> Result<(), Error> {
    let (env, handle) = (&env, &handle);
    Runtime::new(service_fn(move |event: LambdaEvent<ApiGatewayWebsocketProxyRequest>| async move {
        let started = Instant::now();
        let request_id = event.context.request_id.clone();
        let _under_way = UnderWay::of(&request_id, Kind::Socket);
        let payload = event.payload;
        let context = payload.request_context;
        let first = |name: &str| payload.query_string_parameters.first(name).map(ToOwned::to_owned);
        let call = SocketCall {
            connection_id: context.connection_id.unwrap_or_default(),
            ticket: first("ticket"),
            token: first("token"),
            frame: if payload.is_base64_encoded { None } else { payload.body },
            ended: (route == "$disconnect").then_some((context.disconnect_status_code, context.disconnect_reason)),
            now: clock::now(),
        };
        // A client may name any route in its frame, `$disconnect` too: only the gateway's own word for what happened counts.
        let expected = match route {
            "$connect" => "CONNECT",
            "$disconnect" => "DISCONNECT",
            _ => "MESSAGE",
        };
        let answer = if context.event_type.as_deref() == Some(expected) {
            handle(call).await
        } else {
            Ok(Some(MISROUTED.to_owned()))
        };
        let status = answer.as_ref().err().map_or(200, |problem| problem.status);
        note("socket", &request_id, None, env, started, answer.as_ref().err(), status);
        let mut response = ApiGatewayProxyResponse::default();
        response.status_code = i64::from(status);
        response.body = answer.ok().flatten().map(Body::Text);
        Ok::<_, Error>(response)
    }))
    .run()
    .await
}

/// One message of a queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// What was sent.
    pub body: String,
    /// SQS's id.
    pub id: String,
    /// How often it has been received, this time included.
    pub receives: u32,
    /// What SQS knows this receipt by.
    pub receipt: String,
    /// When it was sent.
    pub sent_at: OffsetDateTime,
    /// When it was first put back because nobody knew what to do with it.
    pub first_sent_at: Option<OffsetDateTime>,
    /// When this invocation will be ended.
    pub deadline: Instant,
}

/// Serves a queue. A message comes alone, because one that panics ends the process: its neighbours would come again with
/// it, up to the dead letters. One that fails comes again.
pub async fn queue<D, H>(env: Arc<Env>, handle: H) -> Result<(), Error>
where
    D: Port + 'static,
    H: AsyncFn(&D, Message) -> Result<(), Problem> + Copy + 'static,
{
    let handle = handler::<D, _, _, _>(&env, handle)?;
    serve_queue(env, handle).await
}

fn message(record: SqsMessage, deadline: Instant) -> Message {
    let instant = |millis: &str| {
        let nanos = millis.parse::<i128>().ok()?.checked_mul(1_000_000)?;
        OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
    };
    let attribute = |name: &str| record.attributes.get(name).map(String::as_str);
    let first = record.message_attributes.get(FIRST_SENT).and_then(|first| first.string_value.as_deref());
    Message {
        receives: attribute("ApproximateReceiveCount").and_then(|n| n.parse().ok()).unwrap_or(1),
        sent_at: attribute("SentTimestamp").and_then(instant).unwrap_or_else(clock::now),
        first_sent_at: first.and_then(instant),
        receipt: record.receipt_handle.unwrap_or_default(),
        id: record.message_id.unwrap_or_default(),
        body: record.body.unwrap_or_default(),
        deadline,
    }
}

async fn serve_queue(env: Arc<Env>, handle: Handler<Message, ()>) -> Result<(), Error> {
    let (env, handle) = (&env, &handle);
    Runtime::new(service_fn(move |event: LambdaEvent<SqsEvent>| async move {
        let left = event.context.deadline().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let left = left.saturating_sub(std::time::Duration::from_secs(u64::try_from(clock::epoch()).unwrap_or(0)));
        let _under_way = UnderWay::of(&event.context.request_id, Kind::Work);
        Ok::<_, Error>(batch(env, handle, event.payload, Instant::now() + left).await)
    }))
    .run()
    .await
}

/// Handles each message by itself, and names those that are to come again.
async fn batch(env: &Env, handle: &Handler<Message, ()>, event: SqsEvent, deadline: Instant) -> SqsBatchResponse {
    let mut response = SqsBatchResponse::default();
    for record in event.records {
        let started = Instant::now();
        let id = record.message_id.clone().unwrap_or_default();
        let done = handle(message(record, deadline)).await;
        let status = done.as_ref().err().map_or(200, |problem| problem.status);
        note("message", &id, None, env, started, done.as_ref().err(), status);
        if done.is_err() {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier = id;
            response.batch_item_failures.push(failure);
        }
    }
    response
}

/// A row of a feature's table of functions.
#[macro_export]
macro_rules! function {
    (@row $feature:literal, $module:ident, $trigger:expr, $access:expr, $memory:literal, $timeout:literal, $grants:expr, $run:expr) => {
        $crate::platform::function::Function {
            handler: concat!($feature, ".", stringify!($module)),
            trigger: $trigger,
            access: $access,
            memory: $memory,
            timeout: $timeout,
            grants: $grants,
            run: $run,
        }
    };
    ($feature:literal: $module:ident, HTTP $method:literal $path:literal, $access:ident $($scope:literal)?, $memory:literal MB, $timeout:literal s, heavy) => {
        $crate::function!(@http $feature, $module, $method, $path, $crate::platform::function::Access::$access $(($scope))?, $memory, $timeout,
            $crate::platform::rates::Class::Heavy)
    };
    ($feature:literal: $module:ident, HTTP $method:literal $path:literal, $access:ident $($scope:literal)?, $memory:literal MB, $timeout:literal s) => {
        $crate::function!(@http $feature, $module, $method, $path, $crate::platform::function::Access::$access $(($scope))?, $memory, $timeout,
            $crate::platform::rates::Class::of($method))
    };
    (@http $feature:literal, $module:ident, $method:literal, $path:literal, $access:expr, $memory:literal, $timeout:literal, $class:expr) => {
        $crate::function!(@row $feature, $module,
            $crate::platform::function::Trigger::Http { method: $method, path: $path },
            $access, $memory, $timeout,
            || $crate::platform::serve::grants_of::<$module::Deps>($access),
            |env| Box::pin($crate::platform::serve::http::<$module::Deps, _>(env, $access, $class, $module::handle)))
    };
    ($feature:literal: $module:ident, DEFAULT, $memory:literal MB, $timeout:literal s) => {
        $crate::function!(@row $feature, $module, $crate::platform::function::Trigger::Default,
            $crate::platform::function::Access::Public, $memory, $timeout,
            <$module::Deps as $crate::platform::function::Port>::grants,
            |env| Box::pin($crate::platform::serve::http::<$module::Deps, _>(
                env, $crate::platform::function::Access::Public, $crate::platform::rates::Class::Read, $module::handle)))
    };
    ($feature:literal: $module:ident, SOCKET $route:literal, $memory:literal MB, $timeout:literal s) => {
        $crate::function!(@row $feature, $module, $crate::platform::function::Trigger::Socket { route: $route },
            $crate::platform::function::Access::Public, $memory, $timeout,
            <$module::Deps as $crate::platform::function::Port>::grants,
            |env| Box::pin($crate::platform::serve::socket::<$module::Deps, _>(env, $route, $module::handle)))
    };
    ($feature:literal: $module:ident, QUEUE $queue:literal, concurrency $max:literal, $memory:literal MB, $timeout:literal s) => {
        $crate::function!(@row $feature, $module,
            $crate::platform::function::Trigger::Queue { queue: $queue, max_concurrency: $max },
            $crate::platform::function::Access::Public, $memory, $timeout,
            <$module::Deps as $crate::platform::function::Port>::grants,
            |env| Box::pin($crate::platform::serve::queue::<$module::Deps, _>(env, $module::handle)))
    };
    ($feature:literal: $module:ident, INVOKE, $memory:literal MB, $timeout:literal s) => {
        $crate::function!(@row $feature, $module, $crate::platform::function::Trigger::Invoke,
            $crate::platform::function::Access::Public, $memory, $timeout,
            <$module::Deps as $crate::platform::function::Port>::grants,
            |env| Box::pin($crate::platform::serve::invoke::<$module::Deps, _>(env, $module::handle)))
    };
}

/// The grants of a route: its dependencies', and those of the gate before it.
#[must_use]
pub fn grants_of<D: Port>(access: Access) -> Vec<super::function::Grant> {
    let mut grants = D::grants();
    grants.extend(Gate::grants(access));
    grants.sort_unstable();
    grants.dedup();
    grants
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn an_answer_has_each_header_once_and_none_with_a_line_end() {
        let standing = |left| Standing { policy: "read", most: 600, window_s: 60, left, resets_s: 9 };
        let reply = Reply::document("text/plain", "a \"b\"\n".into())
            .with("ratelimit", "of the reply")
            .with("location", "/x\r\nset-cookie: a=b");
        let said = |reply| -> Value { serde_json::to_value(respond(reply, Some(&standing(3)), "/p", "id")).unwrap() };
        let answer = said(Ok(reply));
        assert_eq!((&answer["statusCode"], &answer["body"]), (&json!(200), &json!("a \"b\"\n")));
        assert_eq!(answer["isBase64Encoded"], false);
        let headers = answer["headers"].as_object().unwrap();
        assert_eq!(headers["ratelimit"], "of the reply");
        assert_eq!((&headers["request-id"], &headers["content-type"]), (&json!("id"), &json!("text/plain")));
        assert!(!headers.contains_key("location"), "{headers:?}");
        assert!(HEADERS.iter().all(|(name, value)| headers[*name] == *value));
        let text = serde_json::to_string(&respond(Err(Problem::too_many(standing(0))), Some(&standing(3)), "/p", "id"));
        assert_eq!(text.as_deref().unwrap().matches("\"ratelimit\":").count(), 1);
        let refused = said(Err(Problem::too_many(standing(0))));
        assert_eq!(refused["headers"]["ratelimit"], "\"read\";r=0;t=9");
        assert_eq!(said(Ok(Reply::no_content())).get("body"), None);
    }
}
