//! What breaks while users write: kills at named points and at random, a database that goes away, queues that repeat
//! themselves. Afterwards nothing may be lost, doubled or left behind. `docs/chaos.md` tells it to people.

mod client;
mod clock;
mod database;
mod faults;
mod gateway;
mod http;
mod ledger;
mod listener;
mod plan;
mod stack;
mod verdict;
mod victims;
mod writer;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle, sleep},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::json;
use time::OffsetDateTime;

use self::{
    client::{Call, Client, Outcome},
    faults::{Armed, Class, Deed, Point},
    ledger::Ledger,
    listener::{Heard, Listener},
    plan::Director,
    stack::Stack,
    verdict::{Known, Verdict},
    writer::{Shared, Writer},
};
use crate::{
    paths::Paths,
    progress::{say, seconds, step},
    random::Random,
};

#[derive(clap::Args)]
pub struct Options {
    /// The same seed breaks the same things in the same order
    #[arg(long)]
    seed: Option<u64>,
    /// Writes whose outcome must be known before it ends
    #[arg(long, default_value_t = 2_000)]
    writes: u64,
    /// Processes to kill meanwhile
    #[arg(long, default_value_t = 100)]
    kills: u64,
    #[arg(long, default_value_t = 4)]
    users: u64,
    /// Seconds that a frozen process stands still
    #[arg(long, default_value_t = 8)]
    freeze: u64,
    /// Leave Postgres and the emulator running, to look at what is there
    #[arg(long)]
    keep: bool,
}

/// Writers of each user, at the same time.
const WRITERS: u64 = 2;

pub fn run(paths: &Paths, options: &Options) -> Result<()> {
    ensure!(cfg!(target_os = "linux"), "who is behind a connection is read from Linux's /proc: run it there");
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let seed = options.seed.unwrap_or_else(|| u64::from(now.subsec_nanos()));
    eprintln!("Seed {seed}");
    let stack = Arc::new(Stack::start(paths, seed)?);
    let result = unleash(&stack, options, seed, now.as_nanos());
    if options.keep {
        eprintln!("Left running, with its logs in {}", stack.logs().display());
    } else {
        stack.stop()?;
    }
    let holds = result.with_context(|| format!("seed {seed}"))?;
    if !holds {
        let Options { writes, kills, users, freeze, .. } = options;
        bail!(
            "violated; `cargo local chaos --seed {seed} --writes {writes} --kills {kills} --users {users} --freeze {freeze} \
             --keep` breaks the same again; what functions said is in {}",
            stack.logs().display()
        );
    }
    Ok(())
}

/// Whether everything held.
fn unleash(stack: &Arc<Stack>, options: &Options, seed: u64, run: u128) -> Result<bool> {
    let begun = Instant::now();
    let shared = Arc::new(Shared {
        written: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        no_more_imports: AtomicBool::new(false),
        enough: AtomicBool::new(false),
        violations: Mutex::default(),
        days: days(),
    });
    let finish = Arc::new(AtomicBool::new(false));
    let users = step("Registering", || users(stack, options.users, run))?;
    let poison = poison(stack)?;
    let mut parties = Vec::new();
    for (number, (id, client)) in (0..).zip(users) {
        parties.push(Party::start(stack, &shared, &finish, seed, number, id, client));
    }
    let director = Director {
        stack: stack.clone(),
        shared: shared.clone(),
        random: Random::of(&[seed, 2]),
        writes: options.writes,
        kills: options.kills,
        freeze: Duration::from_secs(options.freeze),
        frozen: Vec::new(),
        last: (0, Instant::now()),
    };
    let director = thread::spawn(move || director.run());
    watch(&shared, stack, options, &director);
    let directed = ended(director)?;
    shared.stop.store(true, Ordering::Relaxed);
    directed?;

    let mut verdict = Verdict::default();
    let ids: Vec<_> = parties.iter().map(|party| format!("'{}'", party.id)).collect();
    let mut written = Vec::new();
    for party in &mut parties {
        written.push(party.writers.drain(..).map(ended).collect::<Result<Vec<Writer>>>()?);
    }
    let broken = begun.elapsed();
    let ids = ids.join(", ");
    step("Settling", || verdict.settle(stack, &ids))?;
    for writers in &mut written {
        last_word(stack, writers);
    }
    stack.faults.disarm();
    step("Settling once more, by the sweep", || verdict.settle(stack, &ids))?;
    finish.store(true, Ordering::Relaxed);
    let mut known = Vec::new();
    for (party, writers) in parties.into_iter().zip(written) {
        let ledgers = writers.into_iter().map(|writer| writer.ledger).collect();
        known.push(Known { id: party.id, client: party.client, ledgers, heard: ended(party.listener)? });
    }
    let mut random = Random::of(&[seed, 3]);
    step("Comparing", || known.iter().try_for_each(|known| verdict.user(stack, known, &mut random)))?;
    verdict.refusals(stack, &known, &mut random)?;
    verdict.connections(stack)?;
    let of_clock = verdict.dead_letters(stack, &poison)?;
    verdict.refused(&known, &mut faults::locked(&shared.violations));
    report(stack, &known, &verdict, of_clock);
    say(format_args!("\n{} under faults, {} in all", seconds(broken), seconds(begun.elapsed())));
    Ok(verdict.violations.is_empty())
}

/// One write more of a user, whose function is killed between COMMIT and the kick of the relay. Nothing is under way any
/// more and nobody writes after it: nothing but the sweep will find its frame.
fn last_word(stack: &Stack, writers: &mut [Writer]) {
    stack.faults.arm(Armed { deed: Deed::Kill, at: Point::BeforeSend, of: Class::Api });
    if let Some(writer) = writers.first_mut() {
        writer.create(true);
    }
}

/// The threads of a user.
struct Party {
    id: String,
    client: Client,
    writers: Vec<JoinHandle<Writer>>,
    listener: JoinHandle<Heard>,
}

impl Party {
    fn start(
        stack: &Stack,
        shared: &Arc<Shared>,
        finish: &Arc<AtomicBool>,
        seed: u64,
        number: u64,
        id: String,
        client: Client,
    ) -> Self {
        let categories: Vec<_> = (0..WRITERS).map(|writer| format!("Chaos {writer}")).collect();
        let writer = |(writer, own): (u64, &String)| Writer {
            name: format!("u{number}w{writer}"),
            client: client.clone(),
            random: Random::of(&[seed, 100 + number * WRITERS + writer]),
            shared: shared.clone(),
            categories: categories.clone(),
            own: own.clone(),
            ledger: Ledger::default(),
        };
        let writers = (0..).zip(&categories).map(writer).map(|writer| thread::spawn(|| writer.run())).collect();
        let listener = Listener {
            user: id.clone(),
            address: stack.socket.clone(),
            client: client.clone(),
            random: Random::of(&[seed, 1000 + number]),
            shared: shared.clone(),
            finish: finish.clone(),
        };
        Self { id, client, writers, listener: thread::spawn(|| listener.run()) }
    }
}

fn ended<T>(thread: JoinHandle<T>) -> Result<T> {
    thread.join().map_err(|_| anyhow!("a thread of the suite itself failed"))
}

/// Users without a limit of requests.
fn users(stack: &Stack, count: u64, run: u128) -> Result<Vec<(String, Client)>> {
    let (mut users, mut random) = (Vec::new(), Random::of(&[0, 0]));
    for number in 0..count {
        let (email, password) = (format!("chaos-{run}-{number}@example.com"), format!("chaos {run}"));
        let body = json!({"email": email, "password": password, "full_name": "Chaos"});
        let mut client = Client::new(&stack.api);
        match client.insist(&Call::json("POST", "/auth/register", &body), &mut random).0 {
            // The first function of all starts slowly on a busy machine: the attempt before may have done it.
            Outcome::Done(_) | Outcome::Refused(409, _) => {}
            other => bail!("no user could be registered: {other:?}"),
        }
        stack.query(&format!("UPDATE users SET tier = 'internal' WHERE email = '{email}'"))?;
        client.log_in(&email, &password, &mut random)?;
        users.push((stack.query(&format!("SELECT id FROM users WHERE email = '{email}'"))?, client));
    }
    Ok(users)
}

/// What no worker can do, one or two for each queue; by the name of the queue where it is to end.
fn poison(stack: &Stack) -> Result<Vec<(String, String)>> {
    let messages = [
        ("High", None, "poison"),
        ("High", None, r#"{"v":1,"kind":"import"}"#),
        ("Default", None, "[]"),
        ("Low", None, "poison"),
        ("Scheduled", None, "{}"),
        ("Relay", Some("poison"), "poison"),
        ("Deliver", Some("poison"), "poison"),
    ];
    let send = |(queue, group, body): (&str, Option<&str>, &str)| {
        stack.send(stack.queue(queue)?, group, body)?;
        Ok((format!("{queue}Dead"), body.to_owned()))
    };
    messages.into_iter().map(send).collect()
}

/// Today and the nine days before; then the first and the last day of the budgets' period.
fn days() -> Vec<String> {
    let today = OffsetDateTime::now_utc().date();
    let day = |days: i64| today.saturating_add(time::Duration::days(days)).to_string();
    (0..10).map(|ago| day(-ago)).chain([day(-10), day(20)]).collect()
}

fn watch(shared: &Shared, stack: &Stack, options: &Options, director: &JoinHandle<Result<()>>) {
    let mut told = Instant::now();
    while !director.is_finished() {
        sleep(Duration::from_millis(100));
        if told.elapsed() > Duration::from_secs(10) {
            told = Instant::now();
            let written = shared.written.load(Ordering::Relaxed);
            let (kills, waiting) = (stack.faults.kills(), stack.faults.waiting());
            eprintln!(
                "  {written} of {} writes, {kills} of {} kills, {waiting} faults wait",
                options.writes, options.kills
            );
        }
    }
}

fn report(stack: &Stack, known: &[Known], verdict: &Verdict, of_clock: usize) {
    let ledgers = || known.iter().flat_map(|known| &known.ledgers);
    let sum = |of: fn(&Heard) -> u64| known.iter().map(|known| of(&known.heard)).sum::<u64>();
    say(format_args!("\nFaults, {} kills among them", stack.faults.kills()));
    for (what, count) in stack.faults.tally() {
        say(format_args!("{count:>8}  {what}"));
    }
    say("\nWork");
    say(format_args!("{:>8}  writes answered", ledgers().map(|ledger| ledger.writes).sum::<u64>()));
    say(format_args!(
        "{:>8}  writes whose outcome stayed unknown",
        ledgers().map(|ledger| ledger.unknown).sum::<u64>()
    ));
    say(format_args!("{:>8}  imports", ledgers().map(|ledger| ledger.imports.len()).sum::<usize>()));
    say(format_args!("{:>8}  frames pushed", sum(|heard| heard.pushed)));
    say(format_args!(
        "{:>8}  frames resumed, on {} connections",
        sum(|heard| heard.resumed),
        sum(|heard| heard.connections)
    ));
    say(format_args!("{of_clock:>8}  tasks of the clock given up: they are tried once"));
    say("\nInvariants, and how often each was looked at");
    for (what, count) in &verdict.checked {
        let broken = verdict.violations.iter().filter(|violation| violation.starts_with(what)).count();
        let says = if broken == 0 { "holds".to_owned() } else { format!("VIOLATED {broken} times") };
        say(format_args!("{count:>8}  {what}: {says}"));
    }
    for violation in verdict.violations.iter().take(20) {
        say(format_args!("\nviolated: {}", violation.chars().take(1000).collect::<String>()));
    }
}
