//! A release, all that can happen to it, and the way back, while users go on: on a stack of its own. No request may fail.

mod traffic;

use std::{
    collections::BTreeMap,
    fs,
    thread::sleep,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use ship::{
    aws::{Aws as Lambda, Call},
    lambda,
    release::{self, Standing},
    smoke::{self, Events},
    stack, watch,
};

use self::traffic::{Tally, Traffic, User};
use crate::{
    address::Address,
    aws::Aws,
    backup,
    build::{self, Built},
    cloud,
    demo::api::Api,
    deploy::{self, Plan, STACK},
    doctor, install,
    paths::{Paths, fingerprint},
    postgres,
    progress::{say, seconds},
    state::{Credentials, State},
    up,
};

#[derive(clap::Args)]
pub struct Options {
    /// Leave Postgres and the emulator running, to look at what is there
    #[arg(long)]
    keep: bool,
}

/// What Secrets Manager asks of a rotation, one after the other.
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const ALARM: &str = "tallybook-local-relay-old";

struct Stack {
    paths: Paths,
    state: State,
    credentials: Credentials,
    built: Built,
    database: Address,
    aws: Aws,
    lambda: Lambda,
    events: Events,
}

pub fn run(main: &Paths, options: &Options) -> Result<()> {
    let begun = Instant::now();
    let mut stack = Stack::start(main)?;
    let result = rehearse(&mut stack);
    if options.keep {
        eprintln!("Left running, with its logs in {}", stack.paths.state.display());
    } else {
        stack.stop()?;
    }
    result?;
    say(format_args!("Rehearsed in {}", seconds(begun.elapsed())));
    Ok(())
}

fn rehearse(stack: &mut Stack) -> Result<()> {
    stack.deploy("one", false)?;
    let outputs = stack.state.deployed.as_ref().map(|deployed| deployed.outputs.clone()).unwrap_or_default();
    let of = |name: &str| outputs.get(name).cloned().with_context(|| format!("no output {name}"));
    let (api, socket) = (of("ApiUrl")?, of("WsEndpoint")?.replacen("http:", "ws:", 1));
    let stamp = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let user = Api::register(&api, &format!("rehearsal-{stamp}@example.com"), "correct horse battery")?;

    let traffic = Traffic::default();
    let phase = |what: &str| {
        traffic.phase(what);
        eprintln!("  {what}");
    };
    phase("release one serves");
    let user = User::start(user, &socket, &traffic)?;
    sleep(Duration::from_secs(3));

    phase("a task comes that only a later release knows");
    let low = of("LowQueueUrl")?;
    let unknown = json!({"v": 1, "id": "01890000-0000-7000-8000-000000000001", "kind": "of_tomorrow"}).to_string();
    stack.aws.sqs("SendMessage", &json!({"QueueUrl": low, "MessageBody": unknown}))?;

    phase("a column is added, and an index is built");
    stack.owner("SET lock_timeout = '3s'; ALTER TABLE transactions ADD COLUMN rehearsal text")?;
    stack.owner("CREATE INDEX CONCURRENTLY transactions_rehearsal ON transactions (user_id, rehearsal)")?;

    phase("release two is deployed beside release one");
    stack.deploy("two", true)?;
    stack.migrated()?;
    phase("release two is tried");
    let (before, published) = stack.publish()?;
    let faults = smoke::faults(&stack.lambda, &stack.events, &published);
    ensure!(faults.is_empty(), "release two fails:\n{}", faults.join("\n"));
    phase("all are sent to release two");
    let moves = release::forward(&before, &published, &|handler| stack.events.is_worker(handler));
    release::go(&stack.lambda, &moves)?;
    stack.all_called("two")?;
    sleep(Duration::from_secs(5));

    phase("signing keys and database passwords are rotated");
    for (function, secret) in
        [("rotate-keys", "KeysSecret"), ("rotate-database", "DbReadSecret"), ("rotate-database", "DbWriteSecret")]
    {
        stack.rotate(function, secret)?;
    }
    sleep(Duration::from_secs(5));

    phase("release three fails when it is tried");
    stack.deploy("three", true)?;
    stack.fails_when_tried()?;

    phase("an alarm rings after release four, and all go back");
    stack.deploy("four", true)?;
    stack.alarm_sends_back()?;

    phase("release two is taken back");
    let (name, moves, _) = release::backward(&stack.standing()?, None, &|handler| stack.events.is_worker(handler))?;
    ensure!(name == "one", "before two came {name}");
    release::go(&stack.lambda, &moves)?;
    stack.all_called("one")?;
    sleep(Duration::from_secs(5));

    phase("the users end");
    let (total, heard) = user.end(&traffic)?;
    let (tallies, written) = traffic.end();
    report(&tallies)?;
    ensure!(total == written, "{written} transactions were answered 201, and {total} are there");
    ensure!(heard >= written, "{written} transactions were stored, and frame {heard} is the last that came");
    stack.unknown_task_waits(&low, &of("LowDeadQueueUrl")?)?;
    stack.restored()
}

/// Every phase with its requests; an error when one failed.
fn report(tallies: &[(String, Tally)]) -> Result<()> {
    let mut failed = Vec::new();
    for (phase, tally) in tallies {
        say(format_args!("{:>6} requests, {} failed  {phase}", tally.requests, tally.failed.len()));
        failed.extend(tally.failed.iter().map(|error| format!("{phase}: {error}")));
    }
    ensure!(failed.is_empty(), "{} requests failed:\n{}", failed.len(), failed.join("\n"));
    Ok(())
}

impl Stack {
    fn start(main: &Paths) -> Result<Self> {
        doctor::require()?;
        let _of_checkout = main.lock()?;
        let paths = main.beside("rehearse")?;
        let mut state = State::load(&paths);
        // From nothing: what an earlier rehearsal left is no release that serves.
        cloud::down(&paths, &mut state)?;
        postgres::down(&paths, &mut state)?;
        for old in [paths.state.join("cloud"), paths.cluster.clone()] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
        }
        state.deployed = None;
        let mut credentials = Credentials::load(&paths)?;
        install::sam_python(&paths)?;
        let built = build::build(&paths)?;
        let database = postgres::up_own(&paths, &mut state, &credentials)?;
        credentials.is_new = false;
        up::migrate(&paths, &state, &credentials, &built)?;
        postgres::set_passwords(&paths, &database, &credentials)?;
        let aws = cloud::up(&paths, &mut state)?;
        let (lambda, events) = (Lambda::local(&aws.url("")), Events::read(&paths.root)?);
        Ok(Self { paths, state, credentials, built, database, aws, lambda, events })
    }

    fn stop(&mut self) -> Result<()> {
        cloud::down(&self.paths, &mut self.state)?;
        postgres::down(&self.paths, &mut self.state)?;
        // It holds this stack's parameters: a deployment of the developer's packs its own.
        fs::remove_file(self.paths.zip()).ok();
        Ok(())
    }

    fn deploy(&mut self, name: &str, hold: bool) -> Result<()> {
        let plan = Plan { special: BTreeMap::from([("Release", name.to_owned())]), hold };
        let Self { paths, state, credentials, built, aws, database, .. } = self;
        deploy::deploy(paths, state, credentials, built, aws, database, &plan).map(drop)
    }

    /// As the owner of the schema, as a migration works.
    fn owner(&self, sql: &str) -> Result<()> {
        let bin = install::postgres_bin(&self.paths)?;
        let owner = Address {
            user: "tallybook_migrate".to_owned(),
            password: self.credentials.migrate.clone(),
            ..self.database.clone()
        };
        owner.query(&bin, sql).map(drop)
    }

    fn standing(&self) -> Result<Vec<Standing>> {
        release::standing(&self.lambda, &stack::functions(&self.lambda, STACK)?)
    }

    fn publish(&self) -> Result<(Vec<Standing>, Vec<release::Published>)> {
        let before = self.standing()?;
        let names: Vec<_> = before.iter().map(|one| one.name.clone()).collect();
        let published = release::publish(&self.lambda, &names)?;
        Ok((before, published))
    }

    fn all_called(&self, name: &str) -> Result<()> {
        let all = self.standing()?;
        let called = release::called(&all);
        ensure!(called.len() == 1 && called.contains_key(name), "{called:?} are called, not {name} alone");
        Ok(())
    }

    /// By the function that does it on AWS: it makes the roles' passwords and owns what it found.
    fn migrated(&self) -> Result<()> {
        let patience = Duration::from_mins(2);
        let answer = lambda::invoke(&self.lambda, &format!("{STACK}-tasks-migrate"), "$LATEST", "{}", patience)?;
        ensure!(answer.function_error.is_none(), "tasks.migrate: {}", answer.message());
        let said = answer.json()?;
        ensure!(said.get("done") == Some(&json!(true)), "tasks.migrate said {said}");
        Ok(())
    }

    /// The steps of a rotation, which the emulator's Secrets Manager does not ask for by itself.
    fn rotate(&self, function: &str, output: &str) -> Result<()> {
        let outputs = self.state.deployed.as_ref().map(|deployed| &deployed.outputs).context("nothing is deployed")?;
        let secret = outputs.get(output).with_context(|| format!("no {output}"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        let version = fingerprint(format!("{output} {now}").as_bytes()).repeat(2);
        for step in STEPS {
            let asked = json!({"Step": step, "SecretId": secret, "ClientRequestToken": version}).to_string();
            let name = format!("{STACK}-tasks-{function}");
            let answer = lambda::invoke(&self.lambda, &name, "$LATEST", &asked, Duration::from_mins(1))?;
            ensure!(answer.function_error.is_none(), "{function}, {step}: {}", answer.message());
        }
        Ok(())
    }

    /// One function of the release cannot start. Nobody is sent to any, and its versions go.
    fn fails_when_tried(&self) -> Result<()> {
        let broken = format!("{STACK}-auth-login");
        let answer = self.lambda.call(&Call {
            service: "lambda",
            method: "PUT",
            path: format!("/2015-03-31/functions/{broken}/configuration"),
            content_type: "application/json",
            body: json!({"Environment": {"Variables": {"RELEASE": "three", "STAGE": "local"}}}).to_string(),
            patience: Duration::from_secs(30),
            again: true,
        })?;
        answer.ok()?;
        let (before, published) = self.publish()?;
        let faults = smoke::faults(&self.lambda, &self.events, &published);
        ensure!(faults.len() == 1, "one function cannot start, and these are faults:\n{}", faults.join("\n"));
        ensure!(faults.iter().all(|fault| fault.starts_with(&broken)), "not {broken} is at fault, but {faults:?}");
        release::discard(&self.lambda, &published)?;
        let after = self.standing()?;
        ensure!(after == before, "a release that failed left something behind");
        self.all_called("two")
    }

    fn alarm_sends_back(&self) -> Result<()> {
        let (before, published) = self.publish()?;
        let quiet = watch::ringing(&self.lambda, "local")?;
        let moves = release::forward(&before, &published, &|handler| self.events.is_worker(handler));
        release::go(&self.lambda, &moves)?;
        self.all_called("four")?;
        self.ring("ALARM")?;
        let heard = watch::first_alarm(&self.lambda, "local", &quiet, Duration::from_secs(30), &|_| {})?;
        self.ring("OK")?;
        ensure!(heard.is_some_and(|alarms| alarms.contains(ALARM)), "nobody heard the alarm");
        release::take_back(&self.lambda, &moves)?;
        self.all_called("two")
    }

    fn ring(&self, state: &str) -> Result<()> {
        let fields = [("AlarmName", ALARM), ("StateValue", state), ("StateReason", "a rehearsal")];
        self.lambda.form("monitoring", "2010-08-01", "SetAlarmState", &fields)?.ok().map(drop)
    }

    /// It was put back, for the release that will know it.
    fn unknown_task_waits(&self, queue: &str, dead: &str) -> Result<()> {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ];
        let depth = |queue: &str| -> Result<u64> {
            let answer = self.aws.sqs("GetQueueAttributes", &json!({"QueueUrl": queue, "AttributeNames": names}))?;
            let told = |name: &&str| answer.get("Attributes")?.get(*name)?.as_str()?.parse::<u64>().ok();
            Ok(names.iter().filter_map(told).sum())
        };
        let (waits, buried) = (depth(queue)?, depth(dead)?);
        ensure!(waits == 1 && buried == 0, "of the task of tomorrow {waits} wait and {buried} are buried");
        Ok(())
    }

    /// A dump of what is there, in a new cluster, with the application on it.
    fn restored(&mut self) -> Result<()> {
        eprintln!("  the database is backed up, and restored into a new cluster");
        self.state.save(&self.paths)?;
        let file = self.paths.state.join("backup");
        backup::backup(&self.paths, &file)?;
        postgres::down(&self.paths, &mut self.state)?;
        fs::remove_dir_all(&self.paths.cluster)?;
        let address = postgres::up_own(&self.paths, &mut self.state, &self.credentials)?;
        backup::into(&self.paths, &address, &file, &backup::figures_of(&file)?)?;
        postgres::set_passwords(&self.paths, &address, &self.credentials)?;
        ensure!(address.port == self.database.port, "the new cluster is at another port");
        // A dump holds no roles, and the secrets name those that the rotation made: the next one makes them again.
        for secret in ["DbReadSecret", "DbWriteSecret"] {
            self.rotate("rotate-database", secret)?;
        }
        let outputs = self.state.deployed.as_ref().map(|deployed| &deployed.outputs).context("nothing is deployed")?;
        let api = outputs.get("ApiUrl").context("no ApiUrl")?;
        let until = Instant::now() + Duration::from_secs(30);
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
        loop {
            match Api::register(api, &format!("restored-{stamp}@example.com"), "correct horse battery") {
                Ok(user) => {
                    user.post(
                        "/transactions",
                        &json!({"amount": "1.00", "date": "2026-01-15", "merchant_raw": "AFTER"}),
                    )?;
                    ensure!(user.total()? == 1, "what was written after the restore is not there");
                    return Ok(());
                }
                Err(error) if Instant::now() > until => {
                    bail!("the application does not run on what was restored: {error:#}")
                }
                Err(_) => sleep(Duration::from_millis(500)),
            }
        }
    }
}
