//! One chunk of an import: recognising merchants, finding duplicates, storing.

use super::{
    sql,
    statement::{Row, RowError},
};
use crate::{
    domain::{
        budgets,
        categories::UNCATEGORIZED,
        events::Turn,
        transactions::{Bulk, Recogniser, bulk_insert, corrected},
    },
    platform::{db::Tx, problem::Problem},
};
use rust_decimal::Decimal;
use std::collections::{BTreeSet, HashMap, HashSet};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// What equal rows have in common. The text is the bank's own, so that the same file says the same again.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Look {
    date: Date,
    amount: Decimal,
    currency: String,
    text: String,
}

/// Counts equal rows of a file: two coffees are two coffees.
#[derive(Default)]
pub(super) struct Counts(HashMap<Look, i32>);

impl Counts {
    /// Which of its equals this row is, from 1.
    pub fn add(&mut self, row: &Row) -> i32 {
        let text = super::statement::merchant_key_text(&row.description);
        let look = Look { date: row.date, amount: row.amount, currency: row.currency.clone(), text };
        let count = self.0.entry(look).or_default();
        *count = count.saturating_add(1);
        *count
    }
}

/// Rows of the file that name no merchant.
const NO_TEXT: &str = "(no description)";

fn text_of(row: &Row) -> &str {
    if row.description.is_empty() { NO_TEXT } else { &row.description }
}

/// Stores a chunk and counts it into `progress`.
#[expect(clippy::too_many_arguments, reason = "what a chunk is stored with")]
pub(super) async fn store(
    tx: &mut Tx,
    turn: &mut Turn,
    recogniser: &mut Recogniser,
    progress: &mut sql::Progress,
    user_id: Uuid,
    import_id: Uuid,
    policy: &str,
    chunk: Vec<Result<(i32, Row), RowError>>,
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let (rows, faults) = sort(chunk);
    if !faults.lines.is_empty() {
        progress.failed = progress.failed.saturating_add(i32::try_from(faults.lines.len()).unwrap_or(i32::MAX));
        sql::insert_errors(tx, user_id, import_id, &faults).await?;
    }
    recogniser.learn(tx, rows.iter().map(|(_, row)| text_of(row))).await?;
    let before = Before::look(tx, recogniser, user_id, import_id, &rows).await?;
    let seen = rows.iter().map(|(_, row)| recogniser.of(text_of(row)));
    let seen = seen.map(|(key, merchant)| (key, merchant.map(|merchant| merchant.id)));
    let categories = corrected(tx, user_id, seen).await?;
    let (mut bulk, mut spent, mut given) = (Bulk::default(), HashSet::new(), HashSet::new());
    for (occurrence, row) in rows {
        let text = text_of(&row);
        let (key, merchant) = recogniser.of(text);
        // A row with the bank's own id is the same row exactly when the id is the same.
        let known_id = row.external_id.as_ref().is_some_and(|id| before.external.contains(id) || given.contains(id));
        let alike = before.nth(&row, key, occurrence, known_id);
        if policy == "skip" && (known_id || alike.is_some()) {
            progress.duplicate = progress.duplicate.saturating_add(1);
            continue;
        }
        let category = row.category.clone().or_else(|| categories.get(&key).cloned());
        let category = category.or_else(|| merchant.map(|merchant| merchant.category.clone()));
        let category = category.unwrap_or_else(|| UNCATEGORIZED.to_owned());
        spent.insert((category.clone(), row.currency.clone()));
        bulk.ids.push(Uuid::now_v7());
        bulk.amounts.push(row.amount);
        bulk.dates.push(row.date);
        bulk.merchants_raw.push(text.to_owned());
        bulk.merchant_keys.push(key);
        bulk.merchant_ids.push(merchant.map(|merchant| merchant.id));
        bulk.categories.push(category);
        bulk.occurrences.push(occurrence);
        bulk.duplicates_of.push(alike.filter(|_| policy == "flag"));
        bulk.external_ids.push(row.external_id.filter(|id| !known_id && given.insert(id.clone())));
        bulk.currencies.push(row.currency);
        bulk.notes.push(row.note);
    }
    if bulk.ids.is_empty() {
        return Ok(());
    }
    progress.imported = progress.imported.saturating_add(i32::try_from(bulk.ids.len()).unwrap_or(i32::MAX));
    bulk_insert(tx, user_id, Some(import_id), turn.changed_seq, now, &bulk).await?;
    let spent: Vec<_> = spent.into_iter().collect();
    for alert in budgets::check(tx, user_id, progress.today, now, &spent).await? {
        turn.push("budget_alert", &alert)?;
    }
    Ok(())
}

/// Rows to store, and those that are reported instead.
fn sort(chunk: Vec<Result<(i32, Row), RowError>>) -> (Vec<(i32, Row)>, sql::Faults) {
    let (mut rows, mut faults) = (Vec::new(), sql::Faults::default());
    let mut fault = |line: u32, column: Option<String>, code: &str, detail: String| {
        faults.lines.push(i32::try_from(line).unwrap_or(i32::MAX).max(1));
        faults.columns.push(column.unwrap_or_default());
        faults.codes.push(code.to_owned());
        faults.details.push(detail);
    };
    for row in chunk {
        match row {
            // Booked, it would come again under another date: taken now, it would count twice.
            Ok((_, row)) if row.pending => {
                fault(
                    row.line,
                    None,
                    "pending",
                    "This row is not booked yet: import the file again once it is.".into(),
                );
            }
            Ok(row) => rows.push(row),
            Err(error) => fault(error.line, error.column, error.code, error.detail),
        }
    }
    (rows, faults)
}

/// What was there before this import.
struct Before {
    alike: HashMap<(Date, Decimal, String, i64), sql::Like>,
    external: HashSet<String>,
}

impl Before {
    async fn look(
        tx: &mut Tx,
        recogniser: &Recogniser,
        user_id: Uuid,
        import_id: Uuid,
        rows: &[(i32, Row)],
    ) -> Result<Self, Problem> {
        let dates: BTreeSet<_> = rows.iter().map(|(_, row)| row.date).collect();
        let keys: BTreeSet<_> = rows.iter().map(|(_, row)| recogniser.of(text_of(row)).0).collect();
        let (dates, keys): (Vec<_>, Vec<_>) = (dates.into_iter().collect(), keys.into_iter().collect());
        let alike = sql::alike(tx, user_id, import_id, &dates, &keys).await?;
        let alike =
            alike.into_iter().map(|like| ((like.date, like.amount, like.currency.clone(), like.key), like)).collect();
        let ids: Vec<_> = rows.iter().filter_map(|(_, row)| row.external_id.clone()).collect();
        let external = if ids.is_empty() { Vec::new() } else { sql::known_external(tx, user_id, &ids).await? };
        Ok(Self { alike, external: external.into_iter().collect() })
    }

    /// The transaction that this row, as the `occurrence`th of its kind, is a duplicate of. Two rows with ids of the
    /// bank's are the same exactly when the ids are, so a new id is compared with rows that have none.
    fn nth(&self, row: &Row, key: i64, occurrence: i32, known_id: bool) -> Option<Uuid> {
        let like = self.alike.get(&(row.date, row.amount, row.currency.clone(), key))?;
        let ids = if row.external_id.is_some() && !known_id { &like.unnamed } else { &like.ids };
        ids.get(usize::try_from(occurrence).ok()?.checked_sub(1)?).copied()
    }
}
