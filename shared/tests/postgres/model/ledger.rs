//! What a user's transactions, budgets and imports must be: plain structs that know nothing of the code's statements. Every
//! sum is made anew, cents are whole numbers.

use super::{
    acts::{Act, Fields, File, Text},
    frames,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    rc::Rc,
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A transaction as the model keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub id: Uuid,
    pub cents: i64,
    pub currency: &'static str,
    pub date: Date,
    pub text: &'static Text,
    pub category: &'static str,
    /// The user said so, and no recognition changes it.
    pub chosen: bool,
    pub deleted: bool,
    pub duplicate_of: Option<Uuid>,
    /// The user said that it is no duplicate.
    pub kept: bool,
    pub import: Option<Uuid>,
    pub external: Option<String>,
    pub changed: i64,
}

#[derive(Clone, Debug)]
pub struct Period {
    pub days: (Date, Date),
    pub cents: i64,
    pub told: i64,
    /// The model's minute of the last alert.
    told_at: Option<i64>,
}

/// An import and how far it is.
#[derive(Clone, Debug)]
pub struct Import {
    file: Rc<File>,
    policy: &'static str,
    pub status: &'static str,
    pub next: usize,
    pub imported: usize,
    pub duplicates: usize,
    pub reverted: usize,
    reverted_to: Option<Uuid>,
    asked: bool,
}

struct Correction {
    at: OffsetDateTime,
    text: &'static Text,
    category: &'static str,
}

pub struct Ledger {
    pub today: Date,
    pub rows: BTreeMap<Uuid, Row>,
    pub budgets: BTreeMap<(&'static str, &'static str), Vec<Period>>,
    pub imports: HashMap<Uuid, Import>,
    /// Ids that imports gave to their rows, in order: the one thing that cannot be foretold.
    pub given: HashMap<Uuid, Vec<Uuid>>,
    corrections: Vec<Correction>,
    minute: i64,
}

/// Categories and currencies whose sums may have changed.
type Touched = BTreeSet<(&'static str, &'static str)>;

impl Ledger {
    pub fn new(today: Date) -> Self {
        Self {
            today,
            rows: BTreeMap::new(),
            budgets: BTreeMap::new(),
            imports: HashMap::new(),
            given: HashMap::new(),
            corrections: Vec::new(),
            minute: 0,
        }
    }

    pub fn wait(&mut self, minutes: i64) {
        self.minute += minutes;
    }

    /// Whether a call about this transaction is answered with 404.
    pub fn refuses(&self, act: &Act) -> bool {
        match act {
            Act::Update(id, ..) | Act::Delete(id) | Act::Keep(id) => self.rows[id].deleted,
            _ => false,
        }
    }

    /// Commits, and returns the frames that must be told about it.
    pub fn apply(&mut self, seq: i64, act: &Act) -> Vec<String> {
        let mut told = Vec::new();
        let mut touched = Touched::new();
        match act {
            Act::Create(id, fields) => {
                let row = self.new_row(*id, fields, seq);
                self.put(row, &mut touched, &mut told);
            }
            Act::Update(id, fields, at) => self.update(*id, fields, *at, seq, &mut touched, &mut told),
            Act::Delete(id) => {
                let row = Row { deleted: true, changed: seq, ..self.rows[id].clone() };
                self.put(row, &mut touched, &mut told);
            }
            Act::Keep(id) => {
                let row = Row { duplicate_of: None, kept: true, changed: seq, ..self.rows[id].clone() };
                self.put(row, &mut touched, &mut told);
            }
            Act::Restore(id) if self.rows[id].deleted => {
                let mut row = Row { deleted: false, changed: seq, ..self.rows[id].clone() };
                if row.duplicate_of.is_none() && !row.kept {
                    row.duplicate_of = self.lookalike(&row);
                }
                self.put(row, &mut touched, &mut told);
            }
            Act::Restore(_) => {}
            Act::Budget(limit) => {
                let periods = self.budgets.entry((limit.category, limit.currency)).or_default();
                let meets = |period: &&mut Period| period.days.0 <= limit.days.1 && limit.days.0 <= period.days.1;
                match periods.iter_mut().find(meets) {
                    Some(period) => (period.days, period.cents) = (limit.days, limit.cents),
                    None => periods.push(Period { days: limit.days, cents: limit.cents, told: 0, told_at: None }),
                }
                touched.insert((limit.category, limit.currency));
            }
            Act::Start { import, file, policy } => {
                let (file, policy) = (file.clone(), *policy);
                let new = Import {
                    file,
                    policy,
                    status: "queued",
                    next: 0,
                    imported: 0,
                    duplicates: 0,
                    reverted: 0,
                    reverted_to: None,
                    asked: false,
                };
                self.imports.insert(*import, new);
            }
            Act::Chunk { import, to } => self.chunk(*import, *to, seq, &mut touched, &mut told),
            Act::Ask(import) => {
                let import = self.imports.get_mut(import).unwrap();
                (import.asked, import.status) = (true, "running");
            }
            Act::Back { import, to, ended } => self.back(*import, *to, *ended, seq, &mut touched, &mut told),
        }
        self.check(&touched, &mut told);
        told.sort();
        told
    }

    fn put(&mut self, row: Row, touched: &mut Touched, told: &mut Vec<String>) {
        touched.insert((row.category, row.currency));
        told.push(frames::of_row(&row));
        self.rows.insert(row.id, row);
    }

    fn new_row(&self, id: Uuid, fields: &Fields, seq: i64) -> Row {
        let text = fields.text.unwrap();
        let mut row = Row {
            id,
            cents: fields.cents.unwrap(),
            currency: fields.currency.unwrap_or("USD"),
            date: fields.date.unwrap(),
            text,
            category: fields.category.unwrap_or_else(|| self.usual(text)),
            chosen: fields.category.is_some(),
            deleted: false,
            duplicate_of: None,
            kept: false,
            import: None,
            external: None,
            changed: seq,
        };
        row.duplicate_of = self.lookalike(&row);
        row
    }

    fn update(
        &mut self,
        id: Uuid,
        fields: &Fields,
        at: OffsetDateTime,
        seq: i64,
        touched: &mut Touched,
        told: &mut Vec<String>,
    ) {
        let before = self.rows[&id].clone();
        let mut after = before.clone();
        after.cents = fields.cents.unwrap_or(before.cents);
        after.date = fields.date.unwrap_or(before.date);
        after.currency = fields.currency.unwrap_or(before.currency);
        after.text = fields.text.unwrap_or(before.text);
        if after.text != before.text && !before.chosen {
            after.category = self.usual(after.text);
        }
        if let Some(category) = fields.category {
            (after.category, after.chosen) = (category, true);
        }
        let looks = |row: &Row| (row.cents, row.date, row.currency, row.text.raw);
        if looks(&before) != looks(&after) {
            after.duplicate_of = if before.kept { None } else { self.lookalike(&after) };
        }
        if (looks(&before), before.category, before.chosen) == (looks(&after), after.category, after.chosen) {
            return;
        }
        after.changed = seq;
        if fields.category.is_some() && before.category != after.category {
            self.corrections.push(Correction { at, text: after.text, category: after.category });
        }
        touched.insert((before.category, before.currency));
        self.put(after, touched, told);
    }

    /// What a text is filed under: as the user last corrected it or its merchant, else as the merchant is, else nowhere.
    fn usual(&self, text: &Text) -> &'static str {
        let same = |one: &&Correction| {
            one.text.key == text.key || (text.merchant.is_some() && one.text.merchant == text.merchant)
        };
        let last = self.corrections.iter().filter(same).max_by_key(|one| one.at);
        last.map_or_else(|| text.merchant.map_or("Uncategorized", |(_, category)| category), |one| one.category)
    }

    /// The first other live transaction that looks like this one and does not point back.
    fn lookalike(&self, like: &Row) -> Option<Uuid> {
        let same = |row: &&Row| {
            !row.deleted
                && row.id != like.id
                && row.duplicate_of != Some(like.id)
                && (row.date, row.cents, row.currency) == (like.date, like.cents, like.currency)
                && (row.text.key == like.text.key
                    || (like.text.merchant.is_some() && row.text.merchant == like.text.merchant))
        };
        self.rows.values().find(same).map(|row| row.id)
    }

    fn chunk(&mut self, id: Uuid, to: usize, seq: i64, touched: &mut Touched, told: &mut Vec<String>) {
        let mut import = self.imports.remove(&id).unwrap();
        assert!(!import.asked && import.next < to && to <= import.file.0.len(), "{id}: {} to {to}", import.next);
        let mut known: HashMap<_, Vec<(Uuid, bool)>> = HashMap::new();
        for row in self.rows.values().filter(|row| !row.deleted && row.import != Some(id)) {
            let look = (row.date, row.cents, row.currency, row.text.key);
            known.entry(look).or_default().push((row.id, row.external.is_some()));
        }
        let mut externals: HashSet<String> = self.rows.values().filter_map(|row| row.external.clone()).collect();
        let mut seen: HashMap<_, usize> = HashMap::new();
        let file = import.file.clone();
        for (n, row) in file.0.iter().enumerate().take(to) {
            let look = (row.date, row.cents, row.currency, row.text.key);
            let nth = seen.entry(look).or_default();
            *nth += 1;
            if n < import.next {
                continue;
            }
            let same = row.external.as_ref().is_some_and(|external| externals.contains(external));
            // A new id of the bank's is a new row, unless the one before had no id at all.
            let named = row.external.is_some() && !same;
            let alike = known.get(&look).into_iter().flatten().filter(|(_, external)| !(named && *external));
            let alike = alike.map(|(id, _)| *id).nth(*nth - 1);
            if import.policy == "skip" && (same || alike.is_some()) {
                import.duplicates += 1;
                continue;
            }
            let given = self.given.get(&id).and_then(|ids| ids.get(import.imported));
            let new = Row {
                id: *given.expect("a row of the file is missing"),
                cents: row.cents,
                currency: row.currency,
                date: row.date,
                text: row.text,
                category: self.usual(row.text),
                chosen: false,
                deleted: false,
                duplicate_of: alike.filter(|_| import.policy == "flag"),
                kept: false,
                import: Some(id),
                external: row.external.clone().filter(|external| externals.insert(external.clone())),
                changed: seq,
            };
            import.imported += 1;
            touched.insert((new.category, new.currency));
            self.rows.insert(new.id, new);
        }
        import.next = to;
        import.status = if to == file.0.len() { "completed" } else { "running" };
        told.push(frames::of_import(id, &import));
        self.imports.insert(id, import);
    }

    fn back(
        &mut self,
        id: Uuid,
        to: Option<Uuid>,
        ended: bool,
        seq: i64,
        touched: &mut Touched,
        told: &mut Vec<String>,
    ) {
        let import = self.imports.get_mut(&id).unwrap();
        assert!(import.asked && import.status == "running", "{id}");
        // What a chunk before has taken is not looked at again, whatever became of it.
        let (from, part) = (import.reverted_to, |id| ended || Some(id) <= to);
        let mine = |row: &&mut Row| row.import == Some(id) && Some(row.id) > from && part(row.id);
        for row in self.rows.values_mut().filter(mine) {
            if row.external.take().is_some() || !row.deleted {
                row.changed = seq;
            }
            if !row.deleted {
                row.deleted = true;
                import.reverted += 1;
                touched.insert((row.category, row.currency));
            }
        }
        import.reverted_to = to.or(from);
        import.status = if ended { "reverted" } else { "running" };
        told.push(frames::of_import(id, import));
    }

    /// One alert for the highest threshold newly reached; below the limit one an hour at most; falling arms again.
    fn check(&mut self, touched: &Touched, told: &mut Vec<String>) {
        for (category, currency) in touched {
            let Some(mut periods) = self.budgets.remove(&(*category, *currency)) else { continue };
            for period in periods.iter_mut().filter(|period| period.days.0 <= self.today && self.today <= period.days.1)
            {
                let spent = self.spent(category, currency, period.days);
                let over = |percent: &i64| spent * 100 >= period.cents * percent;
                let reached = [110, 100, 90, 80].into_iter().find(over).unwrap_or(0);
                let held = reached < 100 && period.told_at.is_some_and(|minute| self.minute - minute < 60);
                if reached > period.told && !held {
                    told.push(frames::of_alert((category, currency), reached, spent, period.cents));
                    (period.told, period.told_at) = (reached, Some(self.minute));
                }
                period.told = period.told.min(reached);
            }
            self.budgets.insert((category, currency), periods);
        }
    }

    /// What was spent, in cents.
    pub fn spent(&self, category: &str, currency: &str, (first, last): (Date, Date)) -> i64 {
        let counts = |row: &&Row| row.category == category && row.currency == currency && first <= row.date;
        self.live().filter(counts).filter(|row| row.date <= last).map(|row| row.cents).sum()
    }

    pub fn live(&self) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(|row| !row.deleted)
    }
}
