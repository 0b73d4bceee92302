use serde_json::Value;
use std::collections::BTreeMap;
use time::Date;
use uuid::Uuid;

/// A transaction as the model keeps it: cents are whole numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spent {
    cents: i64,
    category: String,
    currency: String,
    date: Date,
    deleted: bool,
}

/// A budget as the model keeps it.
#[derive(Clone, Debug)]
struct Limit {
    category: String,
    currency: String,
    cents: i64,
    days: (Date, Date),
    /// The highest threshold that was told about.
    told: i64,
}

/// What a user's budgets must say, worked out with nothing of the code under test: every transaction is kept, and every
/// sum is made anew.
#[derive(Default)]
pub struct Model {
    spent: BTreeMap<Uuid, Spent>,
    limits: Vec<Limit>,
    /// Thresholds in the order in which they must have been told about, with the budget's category and currency.
    pub alerts: Vec<(i64, String, String)>,
}

/// An amount on the wire in cents.
pub fn cents(amount: &Value) -> i64 {
    let text = amount.as_str().unwrap();
    let (whole, decimals) = text.split_once('.').unwrap();
    assert_eq!(decimals.len(), 2, "{text}");
    let digits: i64 = format!("{}{decimals}", whole.trim_start_matches('-')).parse().unwrap();
    if whole.starts_with('-') { -digits } else { digits }
}

/// Cents as an amount on the wire.
pub fn amount(cents: i64) -> String {
    format!("{}{}.{:02}", if cents < 0 { "-" } else { "" }, cents.abs() / 100, cents.abs() % 100)
}

impl Model {
    /// Sets a budget. Its period is meant to hold the day of the test.
    pub fn budget(&mut self, category: &str, currency: &str, cents: i64, days: (Date, Date)) {
        let (category, currency) = (category.to_owned(), currency.to_owned());
        self.limits.push(Limit { category, currency, cents, days, told: 0 });
    }

    /// Takes over what an answer says a transaction is now, and works out which alerts that causes when an hour has
    /// passed since the last.
    pub fn take(&mut self, answer: &Value) {
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        let day = text("date");
        let part = |from: usize, to: usize| day[from..to].parse::<u16>().unwrap();
        let month = time::Month::try_from(u8::try_from(part(5, 7)).unwrap()).unwrap();
        let date = Date::from_calendar_date(part(0, 4).into(), month, u8::try_from(part(8, 10)).unwrap()).unwrap();
        let spent = Spent {
            cents: cents(&answer["amount"]),
            category: text("category"),
            currency: text("currency"),
            date,
            deleted: answer["is_deleted"].as_bool().unwrap(),
        };
        self.spent.insert(text("id").parse().unwrap(), spent);
        let mut limits = std::mem::take(&mut self.limits);
        for limit in &mut limits {
            let reached = self.reached(limit);
            if reached > limit.told {
                self.alerts.push((reached, limit.category.clone(), limit.currency.clone()));
            }
            limit.told = reached;
        }
        self.limits = limits;
    }

    fn reached(&self, limit: &Limit) -> i64 {
        let spent = self.spent(&limit.category, &limit.currency, limit.days);
        [110, 100, 90, 80].into_iter().find(|percent| spent * 100 >= limit.cents * percent).unwrap_or(0)
    }

    /// What was spent, in cents.
    pub fn spent(&self, category: &str, currency: &str, (first, last): (Date, Date)) -> i64 {
        let counts = |one: &&Spent| {
            !one.deleted && one.category == category && one.currency == currency && (first..=last).contains(&one.date)
        };
        self.spent.values().filter(counts).map(|one| one.cents).sum()
    }

    /// Ids of what is, or is not, deleted.
    pub fn ids(&self, deleted: bool) -> Vec<Uuid> {
        self.spent.iter().filter(|(_, one)| one.deleted == deleted).map(|(id, _)| *id).collect()
    }
}
