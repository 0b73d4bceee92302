//! What users and tasks do, through the same doors as the endpoints, chosen at random and killed at random.

use super::{
    acts::{Act, Fields, File, FileRow, Limit, Text},
    compare::Files,
};
use crate::support::{Random, amount, body, call, patiently, query};
use serde_json::{Value, json};
use shared::{
    domain::{
        auth::Me,
        budgets::{self, NewBudget},
        imports::{self, statement::Mapping},
        transactions::{self, NewTransaction, Transaction},
    },
    platform::{
        clock,
        db::{Db, Tx},
        problem::Problem,
        queue::Ran,
    },
};
use std::{
    cell::RefCell,
    fmt::Write,
    pin::pin,
    rc::Rc,
    task::Poll,
    time::{Duration, Instant},
};
use time::Date;
use uuid::Uuid;

const STREAMING: Option<(&str, &str)> = Some(("Netflix", "Subscriptions"));
pub static TEXTS: [Text; 6] = [
    Text { raw: "Netflix", key: "netflix", merchant: STREAMING },
    Text { raw: "Netflix Premium", key: "netflix premium", merchant: STREAMING },
    Text { raw: "Shell", key: "shell", merchant: Some(("Shell", "Fuel")) },
    Text { raw: "Corner Shop", key: "corner shop", merchant: None },
    Text { raw: "CORNER SHOP", key: "corner shop", merchant: None },
    Text { raw: "Bakery Nobody Knows", key: "bakery nobody knows", merchant: None },
];
const CATEGORIES: [&str; 4] = ["Groceries", "Fuel", "Subscriptions", "Uncategorized"];
const CURRENCIES: [&str; 3] = ["USD", "USD", "EUR"];
/// Few, so that many rows look the same.
const CENTS: [i64; 6] = [999, 1000, 4000, 4001, -1000, -4000];
/// Days before today.
const DAYS: [i64; 6] = [0, 1, 4, 12, 40, 80];
/// First and last days of budgets, from today; the first two hold tomorrow as well, lest midnight matter.
const PERIODS: [(i64, i64); 3] = [(-30, 30), (-6, 9), (-100, -60)];

#[derive(Debug)]
pub enum Step {
    Create(Fields),
    Update(Uuid, Fields),
    Correct(Uuid, &'static str),
    Delete(Uuid),
    Restore(Uuid),
    Keep(Uuid),
    Resolve(Uuid),
    Budget(Limit),
    Start(Rc<File>, &'static str),
    /// Work on an import, and the number of polls after which the worker is killed.
    Work(Uuid, Option<i64>),
    Ask(Uuid),
    Back(Uuid, Option<i64>),
}

/// What a user could name.
#[derive(Default)]
pub struct Known {
    pub rows: Vec<Uuid>,
    pub imports: Vec<Uuid>,
    pub files: Files,
}

/// One who acts for a user, on a connection of its own.
pub struct Hand<'a> {
    pub db: &'a Db,
    pub me: Me,
    pub mapping: &'a Mapping,
    pub known: &'a RefCell<Known>,
}

/// A commit, if there was one, or how it was refused.
pub type Outcome = Result<Option<(i64, Act, Option<Transaction>)>, (Act, Problem)>;

/// Polls a future so often at most and drops it where it stands, with whatever it has sent: what a kill leaves behind.
pub async fn killed<F: Future>(work: F, after: Option<i64>) -> Option<F::Output> {
    let (mut work, mut left) = (pin!(work), after);
    std::future::poll_fn(|context| {
        let polled = work.as_mut().poll(context);
        left = left.map(|left| left - 1);
        match polled {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left.is_some_and(|left| left <= 0) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// A file as a bank writes it: spending is negative.
pub fn csv(file: &File) -> String {
    let mut text = "Date,Description,Amount,Currency,Transaction ID\n".to_owned();
    for FileRow { date, cents, currency, text: merchant, external } in &file.0 {
        let external = external.as_deref().unwrap_or_default();
        writeln!(text, "{date},{},{},{currency},{external}", merchant.raw, amount(-cents)).unwrap();
    }
    text
}

fn day(today: Date, random: &mut Random) -> Date {
    today - time::Duration::days(random.of(&DAYS))
}

fn text(random: &mut Random) -> &'static Text {
    let refs: Vec<&'static Text> = TEXTS.iter().collect();
    random.of(&refs)
}

/// Some fields of a transaction, each once in so many times.
fn fields(today: Date, random: &mut Random, each: i64) -> Fields {
    Fields {
        cents: random.once_in(each).then(|| random.of(&CENTS)),
        date: random.once_in(each).then(|| day(today, random)),
        text: random.once_in(each).then(|| text(random)),
        currency: random.once_in(each).then(|| random.of(&CURRENCIES)),
        category: random.once_in(3).then(|| random.of(&CATEGORIES)),
    }
}

/// A file in which rows are equal, some with ids of the bank's, among them ids of other files.
pub fn file(today: Date, random: &mut Random, rows: i64) -> Rc<File> {
    let named = random.once_in(2);
    let row = |random: &mut Random| FileRow {
        date: day(today, random),
        cents: random.of(&CENTS),
        currency: random.of(&CURRENCIES),
        text: text(random),
        external: (named && !random.once_in(4)).then(|| format!("T{}", random.within(0, rows * 3))),
    };
    let mut rows: Vec<_> = (0..rows).map(|_| row(random)).collect();
    if random.once_in(2) {
        let again: Vec<_> = rows.iter().take(2).map(|row| FileRow { external: None, ..row.clone() }).collect();
        rows.extend(again);
    }
    Rc::new(File(rows))
}

fn json(fields: &Fields) -> Value {
    let mut json = json!({});
    let mut set = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            json[name] = value.into();
        }
    };
    set("amount", fields.cents.map(amount));
    set("date", fields.date.map(|date| date.to_string()));
    set("merchant_raw", fields.text.map(|text| text.raw.to_owned()));
    set("currency", fields.currency.map(str::to_owned));
    set("category", fields.category.map(str::to_owned));
    json
}

/// A budget whose limit is soon reached.
pub fn budget(today: Date, random: &mut Random) -> Step {
    let (first, last) = random.of(&PERIODS);
    let days = (today + time::Duration::days(first), today + time::Duration::days(last));
    let (category, currency) = (random.of(&CATEGORIES), random.of(&CURRENCIES));
    Step::Budget(Limit { category, currency, days, cents: random.within(1, 12) * 1000 })
}

/// The next thing to do.
pub fn choose(known: &Known, today: Date, random: &mut Random) -> Step {
    let kill = |random: &mut Random| random.once_in(3).then(|| random.within(1, 40));
    let (rows, imports) = (&known.rows, &known.imports);
    match random.within(0, 34) {
        0..=3 if !rows.is_empty() => Step::Update(random.of(rows), fields(today, random, 3)),
        4..=6 if !rows.is_empty() => Step::Correct(random.of(rows), random.of(&CATEGORIES)),
        7..=8 if !rows.is_empty() => Step::Delete(random.of(rows)),
        9..=11 if !rows.is_empty() => Step::Restore(random.of(rows)),
        12 if !rows.is_empty() => Step::Keep(random.of(rows)),
        13 if !rows.is_empty() => Step::Resolve(random.of(rows)),
        14..=15 => budget(today, random),
        16..=19 => {
            let rows = random.within(1, 9);
            Step::Start(file(today, random, rows), random.of(&["skip", "skip", "flag", "import"]))
        }
        // An import that came before, once more.
        20 if !imports.is_empty() => {
            Step::Start(known.files[&random.of(imports)].0.clone(), random.of(&["skip", "flag"]))
        }
        21..=25 if !imports.is_empty() => Step::Work(random.of(imports), kill(random)),
        26..=27 if !imports.is_empty() => Step::Ask(random.of(imports)),
        28..=30 if !imports.is_empty() => Step::Back(random.of(imports), kill(random)),
        _ => Step::Create(Fields { category: None, ..fields(today, random, 1) }),
    }
}

pub fn far() -> Instant {
    Instant::now() + Duration::from_hours(1)
}

impl Hand<'_> {
    /// Runs a write as an endpoint does, and says which of the user's commits it was.
    async fn commit<T>(&self, work: impl AsyncFn(&mut Tx) -> Result<T, Problem>) -> Result<(i64, T), Problem> {
        let once = async |tx: &mut Tx| {
            let value = work(tx).await?;
            let seq = sqlx::query_scalar("SELECT changes FROM user_seq WHERE user_id = $1");
            Ok::<(i64, T), Problem>((seq.bind(self.me.user_id).fetch_one(tx).await?, value))
        };
        patiently(async || match self.db.tx(once).await {
            Err(problem) if problem.status == 503 => Err(problem),
            other => Ok(other),
        })
        .await
    }

    async fn changed(&self, act: Act, work: impl AsyncFn(&mut Tx) -> Result<Option<Transaction>, Problem>) -> Outcome {
        match self.commit(work).await {
            Ok((seq, answer)) => Ok(Some((seq, act, answer))),
            Err(problem) => Err((act, problem)),
        }
    }

    pub async fn run(&self, step: Step) -> Outcome {
        let me = &Me { now: clock::now(), ..self.me.clone() };
        let call = &call(me, "", None);
        match step {
            Step::Create(fields) => {
                let new: NewTransaction = body(&json(&fields));
                let made = self.commit(async |tx: &mut Tx| transactions::create(tx, me, &new).await).await;
                let (seq, made) = made.unwrap();
                self.known.borrow_mut().rows.push(made.id);
                Ok(Some((seq, Act::Create(made.id, fields), Some(made))))
            }
            Step::Update(id, fields) => {
                let patch = &body(&json(&fields));
                let work =
                    async |tx: &mut Tx| Ok(Some(transactions::update(tx, me, call, id, patch).await?.transaction));
                self.changed(Act::Update(id, fields, me.now), work).await
            }
            Step::Correct(id, category) => {
                let new = &body(&json!({"transaction_id": id, "new_category": category}));
                let fields = Fields { category: Some(category), ..Fields::default() };
                let work = async |tx: &mut Tx| transactions::correct(tx, me, call, new).await.map(|_| None);
                self.changed(Act::Update(id, fields, me.now), work).await
            }
            Step::Delete(id) => {
                let work = async |tx: &mut Tx| transactions::delete(tx, me, call, id).await.map(|()| None);
                self.changed(Act::Delete(id), work).await
            }
            Step::Restore(id) => {
                let work = async |tx: &mut Tx| transactions::restore(tx, me, call, id).await.map(Some);
                self.changed(Act::Restore(id), work).await
            }
            Step::Keep(id) => self.resolve(me, Act::Keep(id), id, "keep").await,
            Step::Resolve(id) => self.resolve(me, Act::Delete(id), id, "delete").await,
            Step::Budget(limit) => {
                let (first, last) = (limit.days.0.to_string(), limit.days.1.to_string());
                let new: &NewBudget = &body(&json!({
                    "category": limit.category, "currency": limit.currency, "amount": amount(limit.cents),
                    "start_date": first, "end_date": last,
                }));
                let work = async |tx: &mut Tx| budgets::put(tx, me, new).await.map(|_| None);
                self.changed(Act::Budget(limit), work).await
            }
            Step::Start(file, policy) => {
                self.start(me, file, policy).await;
                Ok(None)
            }
            Step::Work(id, kill) => {
                self.work(id, kill).await;
                Ok(None)
            }
            Step::Ask(id) => {
                self.commit(async |tx: &mut Tx| imports::revert(tx, me, id).await).await.unwrap();
                Ok(None)
            }
            Step::Back(id, kill) => {
                self.back(id, kill).await;
                Ok(None)
            }
        }
    }

    async fn resolve(&self, me: &Me, act: Act, id: Uuid, action: &str) -> Outcome {
        let asked = &body(&json!({"transaction_id": id, "action": action}));
        self.changed(act, async |tx: &mut Tx| transactions::resolve(tx, me, asked).await.map(|_| None)).await
    }

    pub async fn start(&self, me: &Me, file: Rc<File>, policy: &'static str) -> Uuid {
        let (id, size) = (Uuid::now_v7(), csv(&file).len());
        self.known.borrow_mut().files.insert(id, (file, policy));
        let start = &query::<imports::Start>(&format!("on_duplicate={policy}"));
        let work = async |tx: &mut Tx| imports::start(tx, me, id, size, start, self.mapping).await;
        self.commit(work).await.unwrap();
        self.known.borrow_mut().imports.push(id);
        id
    }

    /// Works an import off; says whether the worker lived.
    pub async fn work(&self, id: Uuid, kill: Option<i64>) -> bool {
        let text = csv(&self.known.borrow().files[&id].0);
        let bytes = async |_: &str| Ok::<_, Problem>(Some(text.as_bytes().to_vec()));
        let run = async || imports::run(self.db, bytes, async || {}, self.me.user_id, id, far()).await;
        let ran = killed(patiently(run), kill).await;
        assert!(matches!(ran, None | Some(Ran::Done)), "{ran:?}");
        if ran.is_none() {
            self.over().await;
        }
        let sql = "SELECT id FROM transactions WHERE user_id = $1 AND import_id = $2 ORDER BY id LIMIT 30";
        let rows = async |tx: &mut Tx| {
            let ids = sqlx::query_scalar(sql).bind(self.me.user_id).bind(id).fetch_all(tx).await?;
            Ok::<Vec<Uuid>, Problem>(ids)
        };
        let rows = patiently(async || self.db.tx(rows).await).await;
        let mut known = self.known.borrow_mut();
        for row in rows {
            if !known.rows.contains(&row) {
                known.rows.push(row);
            }
        }
        ran.is_some()
    }

    /// Works a revert off; says whether the worker lived.
    pub async fn back(&self, id: Uuid, kill: Option<i64>) -> bool {
        let take = async || imports::take_back(self.db, async || {}, self.me.user_id, id, far()).await;
        let ran = killed(patiently(take), kill).await;
        assert!(matches!(ran, None | Some(Ran::Done)), "{ran:?}");
        if ran.is_none() {
            self.over().await;
        }
        ran.is_some()
    }

    /// Waits until a killed worker's transaction is over, whichever way: it holds the user's turn until then.
    async fn over(&self) {
        let turn = "SELECT changes FROM user_seq WHERE user_id = $1 FOR UPDATE";
        let work = async |tx: &mut Tx| sqlx::query_scalar::<_, i64>(turn).bind(self.me.user_id).fetch_one(tx).await;
        patiently(async || self.db.tx(async |tx: &mut Tx| Ok(work(tx).await?)).await).await;
    }

    /// Lets time pass: alerts that were told lie further back.
    pub async fn wait(&self, minutes: i64) {
        let sql =
            "UPDATE budget_periods SET alerted_at = alerted_at - make_interval(mins => $2::int) WHERE user_id = $1";
        let work = async |tx: &mut Tx| {
            Ok::<_, Problem>(sqlx::query(sql).bind(self.me.user_id).bind(minutes).execute(tx).await?)
        };
        patiently(async || self.db.tx(work).await).await;
    }
}
