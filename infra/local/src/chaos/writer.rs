//! A writer: changes its own rows of a user at full speed, and asks again when it was not told what became of it.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::sleep,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    client::{Call, Client, Outcome},
    faults::locked,
    ledger::{Entry, Import, Ledger, Row, amount},
};
use crate::random::Random;

/// Of all users' budgets.
pub const CURRENCY: &str = "EUR";
/// Days before today that rows are dated; budgets hold all of them.
const DAYS: u64 = 5;

/// Rows of an import that are committed at once.
const CHUNK: u64 = 5_000;
/// Imports of a writer that are larger than that, at most.
const LARGE: usize = 2;

/// What all writers have in common.
pub struct Shared {
    /// Writes whose outcome is known, of all.
    pub written: AtomicU64,
    pub stop: AtomicBool,
    /// No import begins any more, so that the last has time.
    pub no_more_imports: AtomicBool,
    /// Enough is written: what still goes on is for the faults that wait, and the queues may catch up.
    pub enough: AtomicBool,
    pub violations: Mutex<Vec<String>>,
    /// The last days, today first, as `2026-01-31`.
    pub days: Vec<String>,
}

impl Shared {
    pub fn violation(&self, what: String) {
        locked(&self.violations).push(what);
    }
}

pub struct Writer {
    pub name: String,
    pub client: Client,
    pub random: Random,
    pub shared: Arc<Shared>,
    /// Of the user, for rows; every writer of the user uses them.
    pub categories: Vec<String>,
    /// The one whose budget this writer sets.
    pub own: String,
    pub ledger: Ledger,
}

impl Writer {
    pub fn run(mut self) -> Self {
        self.budget();
        while !self.shared.stop.load(Ordering::Relaxed) {
            if self.shared.enough.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(300));
            }
            match self.random.below(100) {
                0..52 => {
                    let once = self.random.one_in(10);
                    self.create(once);
                }
                52..64 => self.edit(),
                64..72 => self.correct(),
                72..80 => self.delete(),
                80..91 => self.restore(),
                91..95 => self.budget(),
                95..98 => self.wrong(),
                _ => self.import(),
            }
        }
        self
    }

    /// Tries until the outcome is known; one creation in ten is left as it is.
    fn known(&mut self, call: &Call, once: bool) -> (Outcome, bool) {
        let (outcome, again) =
            if once { (self.client.once(call), false) } else { self.client.insist(call, &mut self.random) };
        match &outcome {
            Outcome::Unknown => self.ledger.unknown += 1,
            Outcome::Done(_) | Outcome::Refused(..) => {
                self.ledger.writes += 1;
                self.shared.written.fetch_add(1, Ordering::Relaxed);
            }
        }
        (outcome, again)
    }

    fn refused(&self, call: &Call, status: u16, code: &str) {
        let body: String = call.body.as_deref().unwrap_or_default().chars().take(200).collect();
        let (name, method, path) = (&self.name, call.method, &call.path);
        self.shared.violation(format!("nothing right is refused: {name}: {method} {path} {body}: {status} {code}"));
    }

    fn category(&mut self) -> String {
        self.random.choose(&self.categories).cloned().unwrap_or_default()
    }

    fn day(&mut self) -> String {
        let at = usize::try_from(self.random.below(DAYS)).unwrap_or(0);
        self.shared.days.get(at).cloned().unwrap_or_default()
    }

    fn cents(&mut self) -> i64 {
        let cents = i64::try_from(self.random.below(20_000)).unwrap_or(0) + 1;
        if self.random.one_in(8) { -cents } else { cents }
    }

    /// `once`: nobody asks again what became of it.
    pub fn create(&mut self, once: bool) {
        let note = format!("{}-{}", self.name, self.ledger.rows.len());
        let entry = Entry { cents: self.cents(), category: self.category(), deleted: false };
        let body = json!({
            "amount": amount(entry.cents), "date": self.day(), "merchant_raw": format!("Shop {note}"),
            "category": entry.category, "currency": CURRENCY, "note": note,
        });
        let call = Call::json("POST", "/transactions", &body).key(&note);
        let (outcome, _) = self.known(&call, once);
        let mut row = Row { note, id: None, may_be: BTreeSet::from([Some(entry)]), corrected: (0, 0) };
        match &outcome {
            Outcome::Done(made) => row.id = made.get("id").and_then(Value::as_str).map(str::to_owned),
            Outcome::Refused(status, code) => return self.refused(&call, *status, code),
            Outcome::Unknown => _ = row.may_be.insert(None),
        }
        self.ledger.rows.push(row);
    }

    /// One of the own rows, where it is known how it is.
    fn one(&mut self, deleted: bool) -> Option<(usize, String)> {
        for _ in 0..20 {
            let at = usize::try_from(self.random.below(u64::try_from(self.ledger.rows.len()).ok()?)).ok()?;
            let row = self.ledger.rows.get(at)?;
            if row.known().is_some_and(|entry| entry.deleted == deleted)
                && let Some(id) = row.id.clone()
            {
                return Some((at, id));
            }
        }
        None
    }

    /// Makes a change of the row at a place, and notes what is known of it.
    fn change(&mut self, at: usize, call: &Call, note: impl FnOnce(&mut Row, bool)) {
        let once = self.random.one_in(10);
        let (outcome, again) = self.known(call, once);
        // Whoever asks again to delete what was deleted by the attempt before is told that it is not there.
        let there_before = again && call.method == "DELETE" && matches!(outcome, Outcome::Refused(404, _));
        match &outcome {
            Outcome::Refused(status, code) if !there_before => self.refused(call, *status, code),
            _ => {
                let done = !matches!(outcome, Outcome::Unknown);
                if let Some(row) = self.ledger.rows.get_mut(at) {
                    note(row, done);
                }
            }
        }
    }

    fn edit(&mut self) {
        let Some((at, id)) = self.one(false) else { return };
        let cents = self.cents();
        if self.random.one_in(3) {
            let category = self.category();
            let body = json!({"category": category});
            let call = Call::json("PATCH", format!("/transactions/{id}"), &body);
            return self.change(at, &call, |row, done| row.correct(done, &category));
        }
        let call = Call::json("PATCH", format!("/transactions/{id}"), &json!({"amount": amount(cents)}));
        self.change(at, &call, |row, done| row.change(done, |entry| entry.cents = cents));
    }

    fn correct(&mut self) {
        let Some((at, id)) = self.one(false) else { return };
        let category = self.category();
        let body = json!({"transaction_id": id, "new_category": category});
        let key = format!("{}-correct-{}", self.name, self.random.next());
        let call = Call::json("POST", "/transactions/correct", &body).key(key);
        self.change(at, &call, |row, done| row.correct(done, &category));
    }

    fn delete(&mut self) {
        let Some((at, id)) = self.one(false) else { return };
        let call = Call::bare("DELETE", format!("/transactions/{id}"));
        self.change(at, &call, |row, done| row.change(done, |entry| entry.deleted = true));
    }

    fn restore(&mut self) {
        let Some((at, id)) = self.one(true) else { return };
        let call = Call::bare("POST", format!("/transactions/{id}/restore"));
        self.change(at, &call, |row, done| row.change(done, |entry| entry.deleted = false));
    }

    fn budget(&mut self) {
        let cents = i64::try_from(self.random.below(500_000)).unwrap_or(0) + 100;
        let day = |at: usize| self.shared.days.get(at).cloned().unwrap_or_default();
        // The last of the days is the first of the period; days after today stand behind all of them.
        let (start, end) = (day(10), day(11));
        let body = json!({
            "category": self.own, "amount": amount(cents), "currency": CURRENCY, "start_date": start, "end_date": end,
        });
        let key = format!("{}-budget-{}", self.name, self.random.next());
        let call = Call::json("POST", "/budgets", &body).key(key);
        let (outcome, _) = self.known(&call, false);
        let may_be = self.ledger.budgets.entry(self.own.clone()).or_default();
        match &outcome {
            Outcome::Done(_) => *may_be = BTreeSet::from([cents]),
            Outcome::Unknown => _ = may_be.insert(cents),
            Outcome::Refused(status, code) => self.refused(&call, *status, code),
        }
    }

    /// What must be refused, and leave neither a transaction open nor a lock behind.
    fn wrong(&mut self) {
        let of_another = self.ledger.rows.iter().rev().find(|row| row.id.is_some()).map(|row| row.note.clone());
        let (call, status) = match of_another {
            Some(key) if self.random.one_in(2) => {
                let body =
                    json!({"amount": "1.00", "date": self.day(), "merchant_raw": "Another", "currency": CURRENCY});
                (Call::json("POST", "/transactions", &body).key(key), 422)
            }
            _ => (absent(), 404),
        };
        match self.client.insist(&call, &mut self.random).0 {
            Outcome::Refused(refused, _) if refused == status => {}
            Outcome::Unknown => {}
            other => {
                let (name, method, path) = (&self.name, call.method, &call.path);
                self.shared.violation(format!("nothing wrong is accepted: {name}: {method} {path}: {other:?}"));
            }
        }
    }

    /// A statement of a few rows or of more than are committed at once; some are taken back at once, some while they run.
    fn import(&mut self) {
        if self.shared.no_more_imports.load(Ordering::Relaxed) {
            return;
        }
        let mark = format!("{}-import-{}", self.name, self.ledger.imports.len());
        let large = self.ledger.imports.iter().filter(|import| import.rows > CHUNK).count() < LARGE;
        let rows = if large && self.random.one_in(3) { CHUNK + 200 } else { 10 + self.random.below(60) };
        let mut csv = "Date,Description,Amount\n".to_owned();
        for row in 0..rows {
            let (day, spent) = (self.day(), amount(self.cents().abs()));
            csv.extend([day.as_str(), ",", &mark, " row ", &row.to_string(), ",-", &spent, "\n"]);
        }
        let path = "/transactions/import?on_duplicate=import".to_owned();
        let call = Call { method: "POST", path, body: Some(csv), kind: "text/csv", key: Some(mark.clone()) };
        let (outcome, _) = self.known(&call, false);
        let mut import = Import { mark, rows, id: None, reverted: Some(false) };
        match &outcome {
            Outcome::Done(begun) => import.id = begun.get("id").and_then(Value::as_str).map(str::to_owned),
            Outcome::Refused(status, code) => return self.refused(&call, *status, code),
            Outcome::Unknown => {}
        }
        if let Some(id) = import.id.clone()
            && self.random.one_in(3)
        {
            sleep(Duration::from_millis(self.random.below(1500)));
            let call = Call::bare("POST", format!("/transactions/imports/{id}/revert"));
            match self.known(&call, false).0 {
                Outcome::Done(_) => import.reverted = Some(true),
                Outcome::Unknown => import.reverted = None,
                Outcome::Refused(status, code) => self.refused(&call, status, &code),
            }
        }
        self.ledger.imports.push(import);
    }
}

/// A change of what is not there: found out inside of a transaction, when the user's turn has been taken.
pub fn absent() -> Call<'static> {
    Call::json("PATCH", "/transactions/00000000-0000-7000-8000-000000000000", &json!({"amount": "1.00"}))
}
