//! A stack of its own, so that nothing of the developer's is touched: Postgres and the emulator as `cargo local up` starts
//! them, the same templates, but with both proxies in every function's way.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    sync::{Arc, Mutex},
    thread::sleep,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    clock::Clock,
    database::Door,
    faults::{Faults, VISIBILITY_S, locked},
    gateway::Gateway,
};
use crate::{
    address::Address,
    aws::Aws,
    build, cloud,
    deploy::{self, Plan},
    doctor, install,
    paths::Paths,
    postgres,
    progress::step,
    random::Random,
    state::{Credentials, State},
    up,
};

pub struct Stack {
    paths: Paths,
    state: Mutex<State>,
    credentials: Credentials,
    database: Address,
    pub aws: Aws,
    pub api: String,
    pub socket: String,
    queues: BTreeMap<String, String>,
    pub faults: Arc<Faults>,
    pub door: Arc<Door>,
    pub gateway: Arc<Gateway>,
    pub clock: Clock,
}

impl Stack {
    pub fn start(main: &Paths, seed: u64) -> Result<Self> {
        doctor::require()?;
        // The zip lies in the checkout.
        let of_checkout = main.lock()?;
        let paths = main.beside("chaos")?;
        let mut state = State::load(&paths);
        let mut credentials = Credentials::load(&paths)?;
        install::sam_python(&paths)?;
        let built = build::build(&paths)?;
        let database = postgres::up_own(&paths, &mut state, &credentials)?;
        credentials.is_new = false;
        up::migrate(&paths, &state, &credentials, &built)?;
        postgres::set_passwords(&paths, &database, &credentials)?;

        // The ports of last time, so that what is deployed already stays right.
        let (at_door, at_gateway) = (listen(state.proxies.first())?, listen(state.proxies.get(1))?);
        let ports = [at_door.local_addr()?.port(), at_gateway.local_addr()?.port()];
        state.proxies = ports.to_vec();
        let endpoint = format!("http://{}", at_gateway.local_addr()?);
        // Nothing is taken over of an earlier run's: an emulator that was killed while it saved comes back with half of it.
        cloud::down(&paths, &mut state)?;
        let saved = paths.state.join("cloud");
        if saved.exists() {
            fs::remove_dir_all(saved)?;
        }
        state.deployed = None;
        let clock = Clock::make(&paths.state)?;
        let mut special = clock.environment().to_vec();
        // Functions are told that AWS is where the proxy listens.
        special.push(("AWS_ENDPOINT_URL", endpoint.clone()));
        let aws = cloud::up_with(&paths, &mut state, &special)?;
        let server = state.cloud.clone().context("no emulator")?;
        let faults = Arc::new(Faults::new(server.process.pid()));
        let door = Door::open(at_door, database.port, faults.clone())?;
        let gateway = Gateway::open(at_gateway, server.port, faults.clone(), Random::of(&[seed, 1]))?;
        let special = BTreeMap::from([
            ("LocalGateway", endpoint.clone()),
            ("DatabasePort", door.port.to_string()),
            ("QueueVisibility", VISIBILITY_S.to_string()),
        ]);
        deploy::deploy(&paths, &mut state, &credentials, &built, &aws, &database, &Plan { special, hold: false })?;
        // It holds these parameters: a deployment of the developer's packs its own.
        fs::remove_file(paths.zip()).ok();
        drop(of_checkout);

        let outputs = state.deployed.as_ref().map(|deployed| deployed.outputs.clone()).unwrap_or_default();
        let direct = |name: &str| {
            let url = outputs.get(name).with_context(|| format!("no output {name}"))?;
            Ok::<_, anyhow::Error>(url.replacen(&endpoint, &aws.url(""), 1))
        };
        let (api, socket) = (direct("ApiUrl")?, direct("WsEndpoint")?.replacen("http", "ws", 1));
        let named = |name: &String| name.strip_suffix("QueueUrl").map(str::to_owned);
        let queues = outputs.iter().filter_map(|(name, url)| Some((named(name)?, url.clone()))).collect();
        Ok(Self {
            paths,
            state: Mutex::new(state),
            credentials,
            database,
            aws,
            api,
            socket,
            queues,
            faults,
            door,
            gateway,
            clock,
        })
    }

    /// What the database answers, to its owner and by its own door.
    pub fn query(&self, sql: &str) -> Result<String> {
        self.database.query(&install::postgres_bin(&self.paths)?, sql)
    }

    /// The rows of a query.
    pub fn rows(&self, sql: &str) -> Result<Vec<Value>> {
        let all = self.query(&format!("SELECT coalesce(json_agg(r), '[]') FROM ({sql}) r"))?;
        Ok(serde_json::from_str(&all)?)
    }

    /// The only value of a query that counts.
    pub fn count(&self, sql: &str) -> Result<i64> {
        let said = self.query(sql)?;
        said.parse().with_context(|| format!("{sql} answered {said}"))
    }

    /// Stops Postgres, in good order or as a crash would, and starts it again after a while.
    pub fn restart_postgres(&self, crash: bool, pause: Duration) -> Result<()> {
        let mut state = locked(&self.state);
        let server = state.postgres.clone().context("no Postgres")?;
        server.process.stop(if crash { Signal::QUIT } else { Signal::INT }, Duration::from_secs(20))?;
        sleep(pause);
        postgres::up_own(&self.paths, &mut state, &self.credentials).map(drop)
    }

    /// The URL of a queue, by its name in the outputs: `High`, `HighDead`.
    pub fn queue(&self, name: &str) -> Result<&str> {
        self.queues.get(name).map(String::as_str).with_context(|| format!("no queue {name}"))
    }

    /// Puts a message on a queue; `group` on one that is FIFO.
    pub fn send(&self, queue: &str, group: Option<&str>, body: &str) -> Result<()> {
        let mut message = json!({"QueueUrl": queue, "MessageBody": body});
        if let (Some(group), Some(fields)) = (group, message.as_object_mut()) {
            fields.insert("MessageGroupId".into(), group.into());
            // No two within five minutes are alike.
            let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
            fields.insert("MessageDeduplicationId".into(), format!("chaos-{now}").into());
        }
        self.aws.sqs("SendMessage", &message).map(drop)
    }

    /// The queues in which messages wait or are worked on, and how many; not the clock's, which brings one a minute.
    pub fn depths(&self) -> Result<Vec<(String, u64)>> {
        let mut depths = Vec::new();
        for (name, url) in self.queues.iter().filter(|(name, _)| !name.ends_with("Dead") && *name != "Scheduled") {
            let names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"];
            let answer = self.aws.sqs("GetQueueAttributes", &json!({"QueueUrl": url, "AttributeNames": names}))?;
            let told = |name: &str| answer.get("Attributes")?.get(name)?.as_str()?.parse::<u64>().ok();
            let depth = names.iter().filter_map(|name| told(name)).sum();
            if depth > 0 {
                depths.push((name.clone(), depth));
            }
        }
        Ok(depths)
    }

    /// Takes all dead letters there are; their texts by queue.
    pub fn dead_letters(&self) -> Result<Vec<(String, String)>> {
        let mut letters = Vec::new();
        for (name, url) in self.queues.iter().filter(|(name, _)| name.ends_with("Dead")) {
            loop {
                let ask = json!({"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 600});
                let answer = self.aws.sqs("ReceiveMessage", &ask)?;
                let found = answer.get("Messages").and_then(Value::as_array).cloned().unwrap_or_default();
                if found.is_empty() {
                    break;
                }
                for letter in found {
                    let text = |field: &str| letter.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
                    letters.push((name.clone(), text("Body")));
                    let delete = json!({"QueueUrl": url, "ReceiptHandle": text("ReceiptHandle")});
                    self.aws.sqs("DeleteMessage", &delete)?;
                }
            }
        }
        Ok(letters)
    }

    pub fn logs(&self) -> &std::path::Path {
        &self.paths.state
    }

    pub fn stop(&self) -> Result<()> {
        let mut state = locked(&self.state);
        step("Stopping", || {
            cloud::down(&self.paths, &mut state)?;
            postgres::down(&self.paths, &mut state)
        })
    }
}

/// The port of last time if it is free, or any.
fn listen(last: Option<&u16>) -> Result<TcpListener> {
    Ok(TcpListener::bind(("127.0.0.1", postgres::port(last.copied())?))?)
}
