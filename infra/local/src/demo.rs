//! What Tallybook does, shown on the running system: a new user, budgets, a year of bank statement,
//! a few purchases, and the frames that arrive meanwhile.

pub mod api;
mod cents;
mod screen;
pub mod socket;
mod statement;

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use time::{Date, OffsetDateTime};

use self::{
    api::{Api, Budget},
    cents::Cents,
    screen::{Screen, milliseconds, put, seconds},
    socket::{Expected, Frame, Socket},
    statement::Statement,
};

/// Generous: the first call of a function starts it.
const FRAME: Duration = Duration::from_secs(20);
const IMPORT: Duration = Duration::from_mins(2);

/// Budgets in whole euros with the merchant that will exhaust them, best first. A month of the
/// statement stays below four fifths of each, so that the purchases decide which alert comes.
const BUDGETS: [(&str, i64, &str); 6] = [
    ("Food & Dining", 950, "POS VAPIANO WIEN 1060"),
    ("Clothing", 400, "ZALANDO SE"),
    ("Entertainment", 250, "POS CINEPLEXX WIEN 1030"),
    ("Personal Care", 350, "BIPA DANKT"),
    ("Fuel", 900, "OMV TANKSTELLE"),
    ("Groceries", 2_000, "HOFER DANKT"),
];

/// How far each purchase takes its budget, in percent, and the alert for that. Three budgets, as
/// one alone gets one alert an hour while it is below its limit.
const STORIES: [&[(i64, &str)]; 3] = [&[(84, "warning")], &[(94, "critical")], &[(104, "exceeded"), (114, "severe")]];

#[derive(clap::Args)]
pub struct Options {
    /// Only write the sample bank statement to stdout, as CSV
    #[arg(long)]
    print_statement: bool,
}

/// `env` gives what `cargo local env` prints.
pub fn run(env: &dyn Fn(&str) -> Result<String>, options: &Options) -> Result<()> {
    let today = today();
    let statement = Statement::until(today)?;
    if options.print_statement {
        put(&statement.text);
        return Ok(());
    }
    let (url, socket_url) = (env("API_URL")?, env("WS_URL")?);
    let screen = Screen::new();
    let (email, password) = (format!("demo-{:016x}@example.com", random()), format!("demo-{:016x}", random()));

    screen.act(&format!("register {email}"));
    let api = Api::register(&url, &email, &password)?;
    screen.act("open a WebSocket with a ticket and say hello");
    let socket = Socket::open(&socket_url, &api.ticket()?, screen)?;
    let answer = Expected { what: "answer to hello", functions: "realtime", within: FRAME };
    socket.until(&answer, |frame| frame.kind == "connected")?;

    let demo = Demo { api, socket, screen, today };
    demo.set_budgets()?;
    let imported = demo.import(&statement)?;
    let mut times = demo.purchases()?;
    drop(demo);

    times.sort_unstable();
    let time = |time: Option<&Duration>| time.copied().map(milliseconds).unwrap_or_default();
    let login = json!({"email": email, "password": password});
    put(&format!(
        "
{rows} bookings imported in {imported}. A purchase reached the WebSocket {best} to {worst} after its POST was sent, {median} in the middle.

  Docs      {url}/docs
  Email     {email}
  Password  {password}

Try next:
  curl -s {url}/auth/login -H 'content-type: application/json' -d '{login}'
  cargo local demo --print-statement > statement.csv    # the statement, to read or to import yourself
  cargo local logs                                      # what the functions say
  cargo local psql                                      # what the database holds
  eval \"$(cargo local env)\"                             # the addresses, for scripts of your own
",
        rows = statement.rows,
        imported = seconds(imported),
        best = time(times.first()),
        worst = time(times.last()),
        median = time(times.get(times.len() / 2)),
    ));
    Ok(())
}

struct Demo {
    api: Api,
    socket: Socket,
    screen: Screen,
    today: Date,
}

impl Demo {
    fn set_budgets(&self) -> Result<()> {
        let first = self.today.replace_day(1)?;
        let last = self.today.replace_day(self.today.month().length(self.today.year()))?;
        self.screen.act(&format!("set {} budgets for {first} to {last}", BUDGETS.len()));
        for (category, euros, _) in BUDGETS {
            let amount = Cents(euros * 100).to_string();
            self.api.post(
                "/budgets",
                &json!({
                    "category": category, "amount": amount, "currency": "EUR",
                    "start_date": first.to_string(), "end_date": last.to_string(),
                }),
            )?;
            self.screen.note(&format!("{category:<14} {amount:>8} EUR"));
        }
        Ok(())
    }

    /// How long it took until the last row was stored and told.
    fn import(&self, statement: &Statement) -> Result<Duration> {
        let rows = statement.rows;
        self.screen.act(&format!("import a bank statement of {rows} rows, {} KB", statement.text.len() / 1000));
        let begun = Instant::now();
        let id = self.api.import(&statement.text)?;
        self.screen.note(&format!("accepted after {}", milliseconds(begun.elapsed())));
        let ended = |frame: &Frame| {
            frame.kind == "import_update"
                && frame.says("id", &id)
                && !["queued", "running"].iter().any(|status| frame.says("status", status))
        };
        let last = Expected { what: "import_update of an ended import", functions: "tasks", within: IMPORT };
        let last = self.socket.until(&last, ended)?;
        let total = self.api.total()?;
        if !last.says("status", "completed") || usize::try_from(total)? != rows {
            let told = self.api.get(&format!("/transactions/imports/{id}"))?.to_string();
            // It can hold an error for each row.
            let told: String = told.chars().take(500).collect();
            bail!("of {rows} rows {total} became transactions: {told}; `cargo local logs tasks` may show why");
        }
        Ok(last.at.saturating_duration_since(begun))
    }

    /// How long each purchase took from before its POST was sent to its `transaction_update`.
    fn purchases(&self) -> Result<Vec<Duration>> {
        let budgets = self.api.budgets()?;
        let mut open = Vec::new();
        for (category, _, merchant) in BUDGETS {
            let budget = budgets.iter().find(|budget| budget.category == category);
            let budget = budget.with_context(|| format!("GET /budgets does not list {category}"))?;
            // One that the statement itself took over a threshold has given its alert.
            if budget.spent < budget.amount.percent(80)? {
                open.push((budget.clone(), merchant));
            }
        }
        ensure!(
            open.len() >= STORIES.len(),
            "the statement alone has used up most budgets; `cargo local psql` shows which merchants it was booked to",
        );
        let mut times = Vec::new();
        for ((mut budget, merchant), story) in open.into_iter().zip(STORIES) {
            for (percent, level) in story {
                let price = Cents(budget.amount.percent(*percent)?.0 - budget.spent.0);
                times.push(self.purchase(&budget, price, merchant, level)?);
                budget.spent.0 += price.0;
            }
        }
        Ok(times)
    }

    fn purchase(&self, budget: &Budget, price: Cents, merchant: &str, level: &str) -> Result<Duration> {
        let Budget { category, amount, spent } = budget;
        self.screen.act(&format!("spend {price} EUR on {category}, where {spent} of {amount} are spent"));
        let bought = json!({
            "amount": price.to_string(), "currency": "EUR", "date": self.today.to_string(),
            "merchant_raw": merchant, "category": category,
        });
        let sent = Instant::now();
        let id = text(&self.api.post("/transactions", &bought)?, "id")?;
        let mut seen = Seen::default();
        let expected = |what| Expected { what, functions: "realtime", within: FRAME };
        self.socket.until(&expected("transaction_update after a purchase"), |frame| {
            seen.take(frame, &id, category);
            seen.update.is_some()
        })?;
        if seen.alert.is_none() {
            self.socket.until(&expected(&format!("budget_alert `{level}` after a purchase")), |frame| {
                seen.take(frame, &id, category);
                seen.alert.is_some()
            })?;
        }
        let (update, (alert, found)) = seen.update.zip(seen.alert).context("a frame without its time")?;
        ensure!(
            found == level,
            "the budget_alert is `{found}` instead of `{level}`; `cargo local logs transactions` may show why",
        );
        let took = |at: Instant| at.saturating_duration_since(sent);
        let (told, warned) = (milliseconds(took(update)), milliseconds(took(alert)));
        self.screen.note(&format!("{told} from POST to transaction_update, {warned} to budget_alert"));
        Ok(took(update))
    }
}

/// What came of a purchase: when its transaction arrived, when its alert, and of which level.
#[derive(Default)]
struct Seen {
    update: Option<Instant>,
    alert: Option<(Instant, String)>,
}

impl Seen {
    fn take(&mut self, frame: &Frame, id: &str, category: &str) {
        match frame.kind.as_str() {
            "transaction_update" if frame.says("id", id) => self.update = Some(frame.at),
            "budget_alert" if frame.says("category", category) => {
                self.alert = Some((frame.at, text(&frame.data, "level").unwrap_or_default()));
            }
            _ => {}
        }
    }
}

/// A field that is a text or a number.
fn text(value: &Value, name: &str) -> Result<String> {
    match value.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        _ => bail!("`{name}` is missing in an answer"),
    }
}

/// Enough to tell two demos apart, and for the password of an account with invented money.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// Of a user without a time zone, as the new one is.
#[expect(clippy::disallowed_methods, reason = "this crate stays without `shared`, which has the clock")]
fn today() -> Date {
    OffsetDateTime::now_utc().date()
}
