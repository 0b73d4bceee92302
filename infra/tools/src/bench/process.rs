//! One bootstrap, driven over the Lambda Runtime API as the service itself would.

use super::{
    cloud::{Cloud, database_secret},
    http::{Connection, Request, answer, send},
};
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

const PATIENCE: Duration = Duration::from_secs(30);
/// How often a process that says nothing is asked whether it still lives.
const GLANCE: Duration = Duration::from_millis(100);
/// `/proc` counts in hundredths of a second on every Linux, whatever the kernel's own tick.
const TICK: Duration = Duration::from_millis(10);

/// What every process of a run has in common.
pub struct Launch<'a> {
    pub bootstrap: PathBuf,
    pub cloud: &'a Cloud,
    /// Where Postgres listens.
    pub postgres: u16,
}

struct Arrived {
    request: Request,
    from: Arc<TcpStream>,
}

/// What came back.
pub struct Answered {
    /// From the first byte of the event to the last of the answer.
    pub took: Duration,
    /// When it was there.
    pub at: Instant,
    /// The reply's body.
    pub body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    status_code: u16,
    body: Option<String>,
}

pub struct Process {
    child: Child,
    arrived: Receiver<Arrived>,
    /// The connection that waits for the next event.
    waiting: Option<Arc<TcpStream>>,
    over: Arc<AtomicBool>,
    at: SocketAddr,
    log: PathBuf,
    invocations: u64,
    pub spawned: Instant,
    /// From its start to its asking for the first event.
    pub ready: Duration,
}

impl Process {
    /// Starts a function and waits until it asks for work. `postgres` is the port it finds the database on.
    pub fn start(launch: &Launch, handler: &str, postgres: u16) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (at, over) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let (found, arrived) = mpsc::channel();
        let ended = over.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let found = found.clone();
                thread::spawn(move || listen(stream, &found));
            }
        });
        let log = std::env::temp_dir().join(format!("tallybook-bench-{}-{handler}.log", std::process::id()));
        let output = File::create(&log).with_context(|| log.display().to_string())?;
        let cloud = launch.cloud.at;
        let mut command = Command::new(&launch.bootstrap);
        command
            .env_clear()
            .env("_HANDLER", handler)
            .env("AWS_LAMBDA_RUNTIME_API", at.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", handler.replace('.', "-"))
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "bench")
            .env("AWS_SECRET_ACCESS_KEY", "bench")
            .env("AWS_ENDPOINT_URL", format!("http://{cloud}"))
            .env("STAGE", "local")
            .env("DB_TLS", "off")
            .env("RUST_LOG", "info")
            .env("KEYS_SECRET", "keys")
            .env("DB_READ_SECRET", database_secret("read", postgres))
            .env("DB_WRITE_SECRET", database_secret("write", postgres))
            .env("RELAY_QUEUE_URL", format!("http://{cloud}/000000000000/relay.fifo"))
            .env("DELIVER_QUEUE_URL", format!("http://{cloud}/000000000000/deliver.fifo"))
            .env("HIGH_QUEUE_URL", format!("http://{cloud}/000000000000/high"))
            .env("DEFAULT_QUEUE_URL", format!("http://{cloud}/000000000000/default"))
            .env("LOW_QUEUE_URL", format!("http://{cloud}/000000000000/low"))
            .env("SCHEDULED_QUEUE_URL", format!("http://{cloud}/000000000000/scheduled"))
            .env("HIGH_DEAD_URL", format!("http://{cloud}/000000000000/high-dead"))
            .env("DEFAULT_DEAD_URL", format!("http://{cloud}/000000000000/default-dead"))
            .env("LOW_DEAD_URL", format!("http://{cloud}/000000000000/low-dead"))
            .env("SCHEDULED_DEAD_URL", format!("http://{cloud}/000000000000/scheduled-dead"))
            .env("RELAY_DEAD_URL", format!("http://{cloud}/000000000000/relay-dead"))
            .env("DELIVER_DEAD_URL", format!("http://{cloud}/000000000000/deliver-dead"))
            .env("UPLOADS_BUCKET", "uploads")
            .env("MAIL_FROM", "bench@example.com")
            .env("APP_URL", "https://app.example.com")
            .env("API_URL", "https://api.example.com/v1")
            .env("LIMITS_TABLE", "limits")
            .env("ALERT_WEBHOOK_SECRET", "webhook")
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let spawned = Instant::now();
        let child = command.spawn().with_context(|| launch.bootstrap.display().to_string())?;
        let ready = Duration::ZERO;
        let mut process = Self { child, arrived, waiting: None, over, at, log, invocations: 0, spawned, ready };
        let first = process.next_call()?;
        process.ready = process.expect_next(first)?.duration_since(spawned);
        Ok(process)
    }

    /// Puts one request through it. Any answer but a 2xx or 3xx is an error: its time would say nothing.
    pub fn invoke(&mut self, event: &[u8]) -> Result<Answered> {
        let answered = self.event(event)?;
        let reply: Reply = serde_json::from_str(&answered.body).context("the answer of a function")?;
        let body = reply.body.unwrap_or_default();
        if !(200..400).contains(&reply.status_code) {
            return self.fail(&format!("answered {}: {body}", reply.status_code));
        }
        Ok(Answered { body, ..answered })
    }

    /// Puts any event through it.
    pub fn event(&mut self, event: &[u8]) -> Result<Answered> {
        self.invocations += 1;
        let id = format!("00000000-0000-4000-8000-{:012}", self.invocations);
        let deadline = shared::platform::clock::epoch().saturating_add(30).saturating_mul(1000).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("lambda-runtime-aws-request-id", id.as_str()),
            ("lambda-runtime-deadline-ms", deadline.as_str()),
            ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:bench"),
            ("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0"),
        ];
        let event = answer("200 OK", &headers, event);
        let waiting = self.waiting.take().context("it has not asked for an event")?;
        let started = Instant::now();
        send(&waiting, &event)?;
        let Arrived { request, from } = self.next_call()?;
        if request.path != format!("/2018-06-01/runtime/invocation/{id}/response") {
            let said = String::from_utf8_lossy(&request.body).into_owned();
            return self.fail(&format!("{} {} instead of an answer: {said}", request.method, request.path));
        }
        send(&from, &answer("202 Accepted", &[("content-type", "application/json")], b"{\"status\":\"OK\"}"))?;
        let next = self.next_call()?;
        self.expect_next(next)?;
        let body = String::from_utf8(request.body).context("the answer of a function")?;
        Ok(Answered { took: request.at.duration_since(started), at: request.at, body })
    }

    fn next_call(&mut self) -> Result<Arrived> {
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if let Ok(arrived) = self.arrived.recv_timeout(GLANCE) {
                return Ok(arrived);
            }
            if let Some(status) = self.child.try_wait()? {
                return self.fail(&format!("ended with {status}"));
            }
        }
        self.fail("said nothing for 30 s")
    }

    fn expect_next(&mut self, arrived: Arrived) -> Result<Instant> {
        let Arrived { request, from } = arrived;
        if request.path != "/2018-06-01/runtime/invocation/next" {
            let said = String::from_utf8_lossy(&request.body).into_owned();
            return self.fail(&format!("{} {}: {said}", request.method, request.path));
        }
        self.waiting = Some(from);
        Ok(request.at)
    }

    fn fail<T>(&self, what: &str) -> Result<T> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines = log.lines().collect::<Vec<_>>();
        let tail = lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n");
        bail!("the bootstrap {what}\nits log ends:\n{tail}")
    }

    /// Processor time so far, its own and the kernel's for it.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name in parentheses may hold spaces: fields are counted after it.
        let (_, fields) = stat.rsplit_once(") ").context("/proc/PID/stat")?;
        let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    /// Resident memory in KiB, the most it ever was.
    pub fn resident(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        let resident = line.trim().trim_end_matches(" kB").parse()?;
        ensure!(resident > 0, "no resident memory: has it ended?");
        Ok(resident)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts, so that it sees the end.
        let _ = TcpStream::connect(self.at);
        let _ = fs::remove_file(&self.log);
    }
}

fn listen(stream: TcpStream, found: &Sender<Arrived>) -> Result<()> {
    let mut connection = Connection::new(stream)?;
    while let Some(request) = connection.read()? {
        found.send(Arrived { request, from: connection.writer.clone() })?;
    }
    Ok(())
}
