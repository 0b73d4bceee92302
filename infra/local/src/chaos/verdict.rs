//! What must be true when everything is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{
    client::{Client, Outcome},
    ledger::{Entry, Import, Ledger, Row, cents},
    listener::Heard,
    stack::Stack,
    writer::{CURRENCY, absent},
};
use crate::random::Random;

/// Longer than the sweep takes to find an import that stands still, and to be told by the next tick.
const SETTLED: Duration = Duration::from_mins(4);

/// A user, and what its writers and listener know.
pub struct Known {
    pub id: String,
    pub client: Client,
    pub ledgers: Vec<Ledger>,
    pub heard: Heard,
}

/// What was looked at, and what was found wrong.
#[derive(Default)]
pub struct Verdict {
    pub checked: BTreeMap<&'static str, u64>,
    pub violations: Vec<String>,
}

impl Verdict {
    fn check(&mut self, what: &'static str, holds: bool, otherwise: impl FnOnce() -> String) {
        *self.checked.entry(what).or_default() += 1;
        if !holds {
            self.violations.push(format!("{what}: {}", otherwise()));
        }
    }

    fn check_nothing(&mut self, what: &'static str, found: &[Value]) {
        self.check(what, found.is_empty(), || {
            found.iter().take(5).map(Value::to_string).collect::<Vec<_>>().join(", ")
        });
    }

    /// What the threads noticed meanwhile.
    pub fn refused(&mut self, known: &[Known], noticed: &mut Vec<String>) {
        let writes = known.iter().flat_map(|known| &known.ledgers).map(|ledger| ledger.writes).sum();
        self.checked.extend([("nothing right is refused", writes), ("nothing wrong is accepted", writes)]);
        self.violations.append(noticed);
    }

    /// Waits until nothing is under way any more, for as long as it becomes less: many writes leave many messages. What
    /// still is then is a violation.
    pub fn settle(&mut self, stack: &Stack, users: &str) -> Result<()> {
        let (mut end, mut least, mut told) = (Instant::now() + SETTLED, u64::MAX, Instant::now());
        loop {
            let mut under_way = stack.rows(&format!(
                "SELECT 'frames not pushed' AS what, user_id::text AS of FROM user_seq
                 WHERE user_id IN ({users}) AND seq > pushed_seq
                 UNION ALL SELECT 'import ' || status, id::text FROM imports
                 WHERE user_id IN ({users}) AND status IN ('queued', 'running')
                 UNION ALL SELECT 'task ' || kind || ' ' || status, id::text FROM task_runs
                 WHERE status IN ('queued', 'running', 'failed') AND kind NOT IN ('tick', 'watch', 'health_canary')"
            ))?;
            let depths = stack.depths()?;
            let messages = depths.iter().map(|(_, depth)| depth).sum();
            if messages < least {
                (end, least) = (Instant::now() + SETTLED, messages);
            }
            under_way.extend(depths.into_iter().map(|(queue, depth)| json!({"what": queue, "of": depth})));
            let over = Instant::now() > end;
            if under_way.is_empty() || over {
                self.check_nothing("nothing is under way for ever", &under_way);
                return Ok(());
            }
            if told.elapsed() > Duration::from_secs(15) {
                told = Instant::now();
                let first = under_way.first().map(Value::to_string).unwrap_or_default();
                eprintln!("  {} under way, such as {first}", under_way.len());
            }
            sleep(Duration::from_secs(1));
        }
    }

    /// No connection is in a transaction that nobody works on, nor holds a lock.
    pub fn connections(&mut self, stack: &Stack) -> Result<()> {
        let look = || {
            stack.rows(
                "SELECT a.application_name, a.state, count(l.*) AS locks FROM pg_stat_activity a
                 LEFT JOIN pg_locks l USING (pid)
                 WHERE a.application_name LIKE '%.%' AND a.state LIKE 'idle%'
                 GROUP BY a.pid, a.application_name, a.state
                 HAVING count(l.*) > 0 OR a.state <> 'idle'",
            )
        };
        let end = Instant::now() + Duration::from_secs(10);
        let mut found = look()?;
        // A worker may be between two statements of a transaction at the moment.
        while !found.is_empty() && Instant::now() < end {
            sleep(Duration::from_millis(500));
            found = look()?;
        }
        self.check_nothing("no transaction left open, no lock left behind", &found);
        Ok(())
    }

    /// A call that is refused inside of a transaction has ended it by the time it is answered.
    pub fn refusals(&mut self, stack: &Stack, known: &[Known], random: &mut Random) -> Result<()> {
        for known in known {
            let refused = known.client.insist(&absent(), random).0;
            let open = stack.rows(
                "SELECT application_name, state FROM pg_stat_activity
                 WHERE application_name = 'transactions.update' AND state <> 'idle'",
            )?;
            let holds = open.is_empty() && matches!(refused, Outcome::Refused(404, _));
            self.check("no transaction outlives its answer", holds, || format!("{open:?} after {refused:?}"));
        }
        Ok(())
    }

    /// The dead letters are the poison. A task that is tried once, as the clock's are, may be among them when its only try
    /// was hit; how many is answered.
    pub fn dead_letters(&mut self, stack: &Stack, poison: &[(String, String)]) -> Result<usize> {
        let (mut found, expected) = (stack.dead_letters()?, poison);
        let tried_once = |body: &str| {
            let task: Value = serde_json::from_str(body).unwrap_or_default();
            let kind = task.get("kind").and_then(Value::as_str).unwrap_or_default();
            ["tick", "watch", "health_canary"].contains(&kind)
        };
        let all = found.len();
        found.retain(|(_, body)| !tried_once(body));
        let of_clock = all - found.len();
        // A worker that was killed right after it buried a message has it again, and buries it again.
        let (found, expected): (BTreeSet<_>, BTreeSet<_>) = (found.into_iter().collect(), expected.iter().collect());
        let found: BTreeSet<_> = found.iter().collect();
        self.check("dead letters are the poison", found == expected, || format!("{found:?} are not {expected:?}"));
        Ok(of_clock)
    }

    pub fn user(&mut self, stack: &Stack, known: &Known, random: &mut Random) -> Result<()> {
        let stored = stack.rows(&format!(
            "SELECT id, coalesce(note, '') AS note, merchant_raw, amount::text AS amount, category, is_deleted,
                    import_id, currency, (SELECT count(*) FROM user_corrections c
                                WHERE c.user_id = t.user_id AND c.transaction_id = t.id) AS corrections
             FROM transactions t WHERE user_id = '{}'",
            known.id
        ))?;
        let mut by_hand: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
        for row in stored.iter().filter(|row| text(row, "import_id").is_empty()) {
            by_hand.entry(text(row, "note").to_owned()).or_default().push(row);
        }
        for row in known.ledgers.iter().flat_map(|ledger| &ledger.rows) {
            let found = by_hand.remove(&row.note).unwrap_or_default();
            self.row(row, &found);
        }
        let unknown: Vec<Value> = by_hand.into_values().flatten().cloned().collect();
        self.check_nothing("nothing is stored that nobody wrote", &unknown);
        for import in known.ledgers.iter().flat_map(|ledger| &ledger.imports) {
            self.import(stack, import, &stored)?;
        }
        self.budgets(known, &stored, random)?;
        self.events(stack, known)
    }

    /// Acknowledged ⊆ stored ⊆ acknowledged ∪ unknown; and nothing twice.
    fn row(&mut self, row: &Row, found: &[&Value]) {
        self.check("nothing twice", found.len() < 2, || format!("{} is stored {} times", row.note, found.len()));
        let stored = found.first().map(|stored| Entry {
            cents: cents(text(stored, "amount")).unwrap_or_default(),
            category: text(stored, "category").to_owned(),
            deleted: stored.get("is_deleted").and_then(Value::as_bool) == Some(true),
        });
        let what = "acknowledged ⊆ stored ⊆ acknowledged ∪ unknown";
        self.check(what, row.may_be.contains(&stored), || format!("{stored:?} is stored of {row:?}"));
        let corrections = found.first().and_then(|row| row.get("corrections")).and_then(Value::as_u64).unwrap_or(0);
        let (least, most) = row.corrected;
        self.check("corrections recorded once", (least..=most).contains(&corrections), || {
            format!("{} has {corrections} corrections, not {least} to {most}", row.note)
        });
    }

    /// All of its rows once, or none.
    fn import(&mut self, stack: &Stack, import: &Import, stored: &[Value]) -> Result<()> {
        let start = format!("{} row ", import.mark);
        let live = |row: &&Value| row.get("is_deleted").and_then(Value::as_bool) == Some(false);
        let live: Vec<&str> = stored
            .iter()
            .filter(live)
            .map(|row| text(row, "merchant_raw"))
            .filter(|raw| raw.starts_with(&start))
            .collect();
        let different: BTreeSet<_> = live.iter().collect();
        let rows = u64::try_from(live.len())?;
        let whole = rows == import.rows && different.len() == live.len();
        let status = match &import.id {
            Some(id) => stack.query(&format!("SELECT status FROM imports WHERE id = '{id}'"))?,
            None => "unknown".to_owned(),
        };
        let holds = match (status.as_str(), import.reverted) {
            ("completed", Some(false) | None) => whole,
            ("reverted", Some(true) | None) => rows == 0,
            ("unknown", _) => whole || rows == 0,
            _ => false,
        };
        self.check("imports finished or undone whole", holds, || {
            format!("{import:?} is {status} with {rows} rows, {} of them different", different.len())
        });
        Ok(())
    }

    /// What is spent, reckoned from the rows, is what the API says.
    fn budgets(&mut self, known: &Known, stored: &[Value], random: &mut Random) -> Result<()> {
        let mut spent: BTreeMap<&str, i64> = BTreeMap::new();
        let live = |row: &&Value| row.get("is_deleted").and_then(Value::as_bool) == Some(false);
        for row in stored.iter().filter(live).filter(|row| text(row, "currency") == CURRENCY) {
            *spent.entry(text(row, "category")).or_default() += cents(text(row, "amount")).context("an amount")?;
        }
        let told = known.client.get("/budgets", random)?;
        let told = told.get("data").and_then(Value::as_array).cloned().unwrap_or_default();
        let may_be: BTreeMap<_, _> = known.ledgers.iter().flat_map(|ledger| &ledger.budgets).collect();
        self.check("budgets equal the model", told.len() <= may_be.len(), || format!("{} budgets", told.len()));
        for (category, amounts) in may_be {
            let of: Vec<_> = told.iter().filter(|budget| text(budget, "category") == category).collect();
            let [budget] = of.as_slice() else {
                self.check("budgets equal the model", false, || format!("{category} is there {} times", of.len()));
                continue;
            };
            let is = (cents(text(budget, "amount")), cents(text(budget, "spent")));
            let should = spent.get(category.as_str()).copied().unwrap_or_default();
            let holds = is.0.is_some_and(|amount| amounts.contains(&amount)) && is.1 == Some(should);
            self.check("budgets equal the model", holds, || {
                format!("{category} is {budget}, spent should be {should} cents")
            });
        }
        let count = stored.iter().filter(live).count();
        let total = known.client.get("/transactions?limit=1", random)?.get("total").and_then(Value::as_u64);
        // Counted exactly that far.
        let holds = count > 10_000 || total == u64::try_from(count).ok();
        self.check("totals equal the rows", holds, || format!("{total:?} told, {count} stored"));
        Ok(())
    }

    /// Every frame of the log has a number, without gaps; was handed over as it is; and has come.
    fn events(&mut self, stack: &Stack, known: &Known) -> Result<()> {
        let user = &known.id;
        let log = stack.rows(&format!("SELECT seq, type, data FROM events WHERE user_id = '{user}' ORDER BY seq"))?;
        let last = stack.count(&format!("SELECT seq FROM user_seq WHERE user_id = '{user}'"))?;
        let numbers = log.iter().filter_map(|event| event.get("seq").and_then(Value::as_i64));
        self.check("the log has no gaps", numbers.eq(1..=last), || {
            format!("{user} has {} frames of {last}", log.len())
        });
        let handed = stack.gateway.handed_over(user);
        let same = |event: &Value, frame: Option<&Value>| {
            frame.is_some_and(|frame| ["seq", "type", "data"].iter().all(|field| frame.get(field) == event.get(field)))
        };
        for (seq, event) in (1..).zip(&log) {
            let frame = handed.get(&seq);
            self.check("committed and published", same(event, frame), || {
                format!("{user}:{seq} was handed over as {frame:?}")
            });
            let frame = known.heard.frames.get(&seq);
            self.check("every frame comes, once or more", same(event, frame), || {
                format!("{user}:{seq} came as {frame:?}")
            });
        }
        let foreign: Vec<_> = handed.keys().chain(known.heard.frames.keys()).filter(|seq| **seq > last).collect();
        self.check("published and committed", foreign.is_empty(), || {
            format!("{foreign:?} of {user} are not in the log")
        });
        Ok(())
    }
}

fn text<'a>(of: &'a Value, name: &str) -> &'a str {
    of.get(name).and_then(Value::as_str).unwrap_or_default()
}
