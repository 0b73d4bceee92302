//! A process whose handler panics: this test's own executable, started again as a function that a Runtime API asks.

use crate::{support::Fresh, tx::until_nothing_is_open};
use serde_json::{Value, json};
use shared::platform::{
    config::{Config, ConfigError},
    db::{Db, Tx},
    function::{Access, Env, Grant, Port},
    http::{Call, Reply},
    problem::Problem,
    rates::Class,
    serve::{self, Message},
    telemetry,
};
use sqlx::ConnectOptions;
use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

/// What a log must not say.
const PRIVATE: &str = "4111 1111 1111 1111";

/// A function that counts in Postgres, and panics where it is told to, with the row still locked.
struct Counter(Db);

impl Port for Counter {
    fn grants() -> Vec<Grant> {
        Vec::new()
    }

    fn open(env: &Arc<Env>) -> Result<Self, ConfigError> {
        Ok(Self(Db::from_options(env.config.require("COUNTER_URL")?.parse().unwrap())))
    }
}

impl Counter {
    async fn count(&self, what: &str) -> Result<(), Problem> {
        self.0
            .tx(async |tx: &mut Tx| {
                sqlx::query("UPDATE user_seq SET changes = changes + 1").execute(&mut *tx).await?;
                assert!(!what.contains("poison"), "{PRIVATE}");
                if what.contains("refused") { Err(Problem::not_found()) } else { Ok(()) }
            })
            .await
    }
}

async fn request(counter: &Counter, call: Call) -> Result<Reply, Problem> {
    counter.count(&call.path).await.map(|()| Reply::no_content())
}

async fn message(counter: &Counter, message: Message) -> Result<(), Problem> {
    counter.count(&message.body).await
}

/// As `bootstrap` begins.
#[tokio::main(flavor = "current_thread")]
async fn function(config: Config) {
    telemetry::init();
    serve::begin_anew_on_panic();
    serve::answer_for_the_one_before(&config).await;
    let is_queue = config.handler == "queue";
    let env = Env::new(config);
    if is_queue {
        serve::queue::<Counter, _>(env, message).await.unwrap();
    } else {
        serve::http::<Counter, _>(env, Access::Public, Class::Read, request).await.unwrap();
    }
}

/// What was posted: the path behind the invocation's, and the body.
type Answer = (String, Value);

struct Lambda {
    process: Child,
    events: Sender<Value>,
    answers: Receiver<Answer>,
}

impl Lambda {
    /// Starts the test that calls this as a function.
    fn start(test: &str, handler: &str, fresh: &Fresh) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = listener.local_addr().unwrap().to_string();
        let ((events, next), (answered, answers)) = (channel(), channel());
        let next = Arc::new(Mutex::new((next, 0)));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (next, answered) = (next.clone(), answered.clone());
                thread::spawn(move || converse(&stream.unwrap(), &next, &answered));
            }
        });
        let url = fresh.options("tallybook_write").to_url_lossy().to_string();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--nocapture"])
            .env_clear()
            .envs([("STAGE", "local"), ("_HANDLER", handler), ("AWS_LAMBDA_RUNTIME_API", &api)])
            .envs([("COUNTER_URL", &*url), ("AWS_LAMBDA_FUNCTION_NAME", "counter")])
            .envs([("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"), ("AWS_LAMBDA_FUNCTION_VERSION", "1")])
            .envs([("AWS_LAMBDA_LOG_STREAM_NAME", "log"), ("AWS_LAMBDA_LOG_GROUP_NAME", "log")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process, events, answers }
    }

    fn ask(&self, event: Value) -> Answer {
        self.events.send(event).unwrap();
        self.answers.recv_timeout(Duration::from_secs(20)).expect("no answer")
    }

    /// Ends it. With what it logged.
    fn end(mut self) -> Vec<Value> {
        assert_eq!(self.process.try_wait().unwrap(), None, "for Lambda it was one process all the time");
        self.process.kill().unwrap();
        let mut log = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut log).unwrap();
        self.process.wait().unwrap();
        assert!(!log.contains(PRIVATE), "{log}");
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// The Runtime API's side of a connection: events are numbered, and each is asked for once.
fn converse(stream: &TcpStream, next: &Mutex<(Receiver<Value>, u32)>, answered: &Sender<Answer>) {
    let (mut read, mut write) = (BufReader::new(stream), stream);
    let mut lines = VecDeque::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if !line.trim().is_empty() {
            lines.push_back(line.trim().to_ascii_lowercase());
            continue;
        }
        let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        read.read_exact(&mut body).unwrap();
        let path = lines[0].split(' ').nth(1).unwrap().replace("/2018-06-01/runtime/invocation/", "");
        lines.clear();
        let answer = if path == "next" {
            let mut next = next.lock().unwrap();
            let Ok(event) = next.0.recv() else { return };
            next.1 += 1;
            let (id, event) = (next.1, event.to_string());
            let head = "HTTP/1.1 200 OK\r\nlambda-runtime-deadline-ms: 9999999999999\r\nlambda-runtime-aws-request-id";
            format!("{head}: {id}\r\ncontent-length: {}\r\n\r\n{event}", event.len())
        } else {
            answered.send((path, serde_json::from_slice(&body).unwrap_or_default())).unwrap();
            "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".into()
        };
        write.write_all(answer.as_bytes()).unwrap();
    }
}

/// Whether this is the process that was started to be a function; then it is one until it is ended.
fn is_function() -> bool {
    let config = Config::from_env().ok().filter(|config| config.optional("COUNTER_URL").is_some());
    config.map(function).is_some()
}

async fn counted(fresh: &Fresh) -> i64 {
    sqlx::query_scalar("SELECT changes FROM user_seq").fetch_one(&mut fresh.admin().await).await.unwrap()
}

#[test]
fn must_hold_36_a_request_that_panics_is_answered_and_leaves_nothing_open() {
    if !is_function() {
        requests();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn requests() {
    let fresh = Fresh::new().await;
    fresh.user().await;
    let test = "crash::must_hold_36_a_request_that_panics_is_answered_and_leaves_nothing_open";
    let lambda = Lambda::start(test, "http", &fresh);
    let get = |path: &str| {
        let http = json!({"method": "GET", "path": path, "sourceIp": "192.0.2.1"});
        json!({"rawPath": format!("/v1{path}"), "requestContext": {"stage": "v1", "http": http}})
    };
    for id in [1, 3] {
        let (to, answer) = lambda.ask(get("/poison"));
        assert_eq!((to, &answer["statusCode"]), (format!("{id}/response"), &json!(500)));
        assert_eq!(answer["headers"]["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!((&problem["code"], &problem["instance"]), (&json!("internal"), &json!("/poison")), "{problem}");
        assert_eq!(problem["request_id"], id.to_string());
        until_nothing_is_open(&fresh).await;
        let (to, answer) = lambda.ask(get("/things"));
        assert_eq!((to, &answer["statusCode"]), (format!("{}/response", id + 1), &json!(204)));
    }
    assert_eq!(counted(&fresh).await, 2);
    let log = lambda.end();
    let of = |key: &str, value: &str| log.iter().filter(|line| line[key] == *value).collect::<Vec<_>>();
    let panics = of("message", "panic");
    assert_eq!(panics.len(), 2, "{log:?}");
    assert!(panics[0]["place"].as_str().unwrap().contains("crash.rs"), "{panics:?}");
    let interrupted = of("event", "interrupted");
    assert_eq!((&interrupted[0]["request_id"], &interrupted[0]["status"]), (&json!("1"), &json!(500)));
    assert!(of("event", "request").iter().all(|line| line["cold"] == true), "each in a new process: {log:?}");
}

#[test]
fn must_hold_35_of_ten_messages_those_that_panic_or_fail_come_again() {
    if !is_function() {
        messages();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn messages() {
    let fresh = Fresh::new().await;
    fresh.user().await;
    let test = "crash::must_hold_35_of_ten_messages_those_that_panic_or_fail_come_again";
    let lambda = Lambda::start(test, "queue", &fresh);
    for n in 1..=10 {
        let body = ["{}", "poison", "refused"][usize::from(n == 4) + 2 * usize::from(n == 7)];
        let record = json!({"messageId": n.to_string(), "body": body, "attributes": {}, "messageAttributes": {}});
        let (to, answer) = lambda.ask(json!({"Records": [record]}));
        if body == "poison" {
            assert_eq!((to.as_str(), &answer["errorType"]), ("4/error", &json!("panic")));
            continue;
        }
        let again = if body == "refused" { json!([{"itemIdentifier": "7"}]) } else { json!([]) };
        assert_eq!((to, answer), (format!("{n}/response"), json!({"batchItemFailures": again})));
    }
    assert_eq!(counted(&fresh).await, 8);
    lambda.end();
}
