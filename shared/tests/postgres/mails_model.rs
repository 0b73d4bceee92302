//! Rows of transactions, and what a summary has to say of them: added up one by one.

use crate::support::{Fresh, Random, amount};
use shared::domain::auth::Me;
use std::collections::{BTreeMap, BTreeSet};
use time::{Date, Duration};
use uuid::Uuid;

/// A transaction. The same merchant is recognised or goes by its text.
#[derive(Clone)]
pub struct Row {
    pub date: Date,
    pub cents: i64,
    pub currency: &'static str,
    pub category: &'static str,
    pub merchant: usize,
    pub deleted: bool,
}

pub const CATEGORIES: [&str; 9] = [
    "Groceries",
    "Fuel",
    "Travel",
    "Home",
    "Income",
    "Transfers",
    "Savings & Investments",
    "My own <b>label</b>",
    "Uncategorized",
];
/// Those with a small letter are known to nobody.
pub const MERCHANTS: [&str; 7] = ["Alpha", "Beta", "Gamma", "Delta & Sons", "corner shop", "kiosk", "<i>bar</i>"];

pub fn known(merchant: usize) -> bool {
    merchant < 4
}

pub fn counts(row: &Row) -> bool {
    !row.deleted && !["Transfers", "Savings & Investments"].contains(&row.category)
}

pub fn random_rows(random: &mut Random, around: Date, days: i64) -> Vec<Row> {
    let currencies = ["EUR", "EUR", "EUR", "USD", "GBP"];
    (0..400)
        .map(|_| {
            let category = random.of(&CATEGORIES);
            // Different ones, so that no two are as large.
            let cents = random.within(1, 100_000_000);
            let refund = category == "Income" || random.once_in(10);
            Row {
                date: around + Duration::days(random.within(-days, 10)),
                cents: if refund { -cents } else { cents },
                currency: random.of(&currencies),
                category,
                merchant: usize::try_from(random.within(0, 7)).unwrap(),
                deleted: random.once_in(7),
            }
        })
        .collect()
}

/// The merchants that are known, found or made.
pub async fn merchants(conn: &mut sqlx::PgConnection) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for name in &MERCHANTS[..4] {
        let found = sqlx::query_scalar("SELECT id FROM merchant_master WHERE canonical_name = $1").bind(name);
        ids.push(match found.fetch_optional(&mut *conn).await.unwrap() {
            Some(id) => id,
            None => crate::support::merchant(conn, name, "Home", &[]).await,
        });
    }
    ids
}

pub async fn store(fresh: &Fresh, me: &Me, rows: &[Row]) {
    let mut conn = fresh.admin().await;
    let ids = merchants(&mut conn).await;
    for row in rows {
        let insert = "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, merchant_id,
                                                category, source, changed_seq, is_deleted, deleted_at)
                      VALUES ($1, $2, $3::text::numeric, $4, $5, $6, $7, $8, $9, 'csv', 1, $10, CASE WHEN $10 THEN now() END)";
        sqlx::query(insert)
            .bind(me.user_id)
            .bind(Uuid::now_v7())
            .bind(amount(row.cents))
            .bind(row.currency)
            .bind(row.date)
            .bind(MERCHANTS[row.merchant])
            .bind(i64::try_from(row.merchant).unwrap())
            .bind(ids.get(row.merchant))
            .bind(row.category)
            .bind(row.deleted)
            .execute(&mut conn)
            .await
            .unwrap();
    }
}

pub fn money(cents: i64, currency: &str) -> String {
    format!("{} {currency}", amount(cents))
}

pub fn compared(this: i64, before: i64, currency: &str, then: &str) -> String {
    match this - before {
        0 => format!("as much as {then}"),
        more @ 1.. => format!("{} more than {then}", money(more, currency)),
        less => format!("{} less than {then}", money(-less, currency)),
    }
}

/// Cents by category.
pub fn by_category(rows: &[&Row]) -> BTreeMap<&'static str, i64> {
    let mut all = BTreeMap::new();
    for row in rows {
        *all.entry(row.category).or_insert(0) += row.cents;
    }
    all
}

/// What went out and what came in.
pub fn out_and_in(rows: &[&Row]) -> (i64, i64) {
    let all = by_category(rows);
    (all.values().filter(|net| **net > 0).sum(), -all.values().filter(|net| **net < 0).sum::<i64>())
}

/// Half a cent away from zero.
pub fn mean(values: &[i64]) -> i64 {
    let (sum, n) = (values.iter().sum::<i64>(), i64::try_from(values.len()).unwrap());
    let rounded = (sum.abs() * 2 + n) / (2 * n);
    if sum < 0 { -rounded } else { rounded }
}

pub fn day(date: Date) -> String {
    format!("{} {} {}", &date.weekday().to_string()[..3], date.day(), date.month())
}

/// How periods before the one that is summed up are called.
pub struct Words {
    pub one: String,
    pub then: String,
    pub each: &'static str,
}

pub struct Model<'a> {
    pub currency: &'a str,
    /// The period and those before it, each with its rows.
    pub periods: Vec<Vec<&'a Row>>,
    pub words: &'a Words,
}

impl Model<'_> {
    pub fn totals(&self) -> Vec<String> {
        let sums: Vec<_> = self.periods.iter().map(|rows| out_and_in(rows)).collect();
        let first = self.periods.iter().rposition(|rows| !rows.is_empty()).unwrap();
        let line = |label: &str, of: &dyn Fn(&(i64, i64)) -> i64| {
            let values: Vec<_> = sums.iter().map(of).collect();
            let mut notes = Vec::new();
            if first > 0 {
                notes.push(format!("{}: {}", self.words.one, money(values[1], self.currency)));
            }
            if first > 1 {
                let mean = money(mean(&values[1..=first]), self.currency);
                notes.push(format!("{first}-{} mean: {mean}", self.words.each));
            }
            let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join(", ")) };
            format!("{label}: {}{notes}", money(values[0], self.currency))
        };
        vec![line("Spent", &|sum| sum.0), line("Income", &|sum| sum.1), line("Net", &|sum| sum.1 - sum.0)]
    }

    pub fn categories(&self, most: usize) -> Vec<String> {
        let (this, before) = (by_category(&self.periods[0]), by_category(&self.periods[1]));
        let mut all: Vec<_> = this.into_iter().filter(|(_, net)| *net > 0).collect();
        all.sort_by_key(|(_, net)| -net);
        let line = |(category, net): (&str, i64)| {
            let earlier = before.get(category).copied().unwrap_or(0).max(0);
            let note = if earlier == 0 {
                format!("nothing {}", self.words.then)
            } else {
                compared(net, earlier, self.currency, &self.words.then)
            };
            format!("- {category}: {} ({note})", money(net, self.currency))
        };
        headed("WHERE IT WENT", all.into_iter().take(most).map(line).collect())
    }

    pub fn merchants(&self) -> Vec<String> {
        let mut all = BTreeMap::<usize, (i64, usize)>::new();
        for row in &self.periods[0] {
            let of = all.entry(row.merchant).or_default();
            *of = (of.0 + row.cents, of.1 + 1);
        }
        let mut all: Vec<_> = all.into_iter().filter(|(_, (sum, _))| *sum > 0).collect();
        all.sort_by_key(|(_, (sum, _))| -sum);
        let line = |(merchant, (sum, times)): (usize, (i64, usize))| {
            let times = if times == 1 { "once".into() } else { format!("{times} times") };
            format!("- {}: {} ({times})", MERCHANTS[merchant], money(sum, self.currency))
        };
        headed("TOP MERCHANTS", all.into_iter().take(5).map(line).collect())
    }

    pub fn largest(&self, most: usize) -> Vec<String> {
        let mut all: Vec<_> = self.periods[0].iter().filter(|row| row.cents > 0).collect();
        all.sort_by_key(|row| -row.cents);
        let line = |row: &&&Row| {
            let (name, sum) = (MERCHANTS[row.merchant], money(row.cents, self.currency));
            format!("- {name}: {sum} ({} · {})", day(row.date), row.category)
        };
        headed("LARGEST", all.iter().take(most).map(line).collect())
    }
}

pub fn headed(heading: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() { lines } else { [vec![heading.to_owned()], lines].concat() }
}

/// Currencies with their periods, the user's own first and then by how many rows there are.
pub fn models<'a>(rows: &'a [Row], periods: &[(Date, Date)], words: &'a Words) -> Vec<Model<'a>> {
    let currencies: BTreeSet<_> = rows.iter().map(|row| row.currency).collect();
    let mut all: Vec<_> = currencies
        .into_iter()
        .map(|currency| {
            let within =
                |row: &Row, from: Date, to: Date| row.currency == currency && row.date >= from && row.date <= to;
            let of = |(from, to): &(Date, Date)| {
                rows.iter().filter(|row| counts(row) && within(row, *from, *to)).collect::<Vec<_>>()
            };
            Model { currency, periods: periods.iter().map(of).collect(), words }
        })
        .filter(|model| !model.periods[0].is_empty())
        .collect();
    all.sort_by_key(|model| (model.currency != "EUR", usize::MAX - model.periods[0].len(), model.currency));
    all
}

/// The lines of a mail that say something, down to where budgets begin or the footer.
pub fn lines(text: &str) -> Vec<String> {
    let said = text.lines().filter(|line| !line.is_empty());
    said.take_while(|line| {
        !line.starts_with("BUDGETS") && !line.starts_with("MERCHANTS THAT") && !line.starts_with("Open ")
    })
    .map(ToOwned::to_owned)
    .collect()
}

pub fn lead(model: &Model<'_>, when: &str) -> String {
    let (this, before) = (out_and_in(&model.periods[0]).0, out_and_in(&model.periods[1]).0);
    let spent = money(this, model.currency);
    if model.periods[1..].iter().all(Vec::is_empty) {
        return format!("You spent {spent} {when}.");
    }
    format!("You spent {spent} {when}, {}.", compared(this, before, model.currency, &model.words.then))
}
