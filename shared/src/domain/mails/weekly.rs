//! The week before.

use super::{
    about,
    figures::{figures, money},
    page::{Line, Page, Part},
    parts::{self, Before, CURRENCIES, headed},
    sql::{
        Reader,
        budgets::{self, Used},
        figures as sql,
    },
};
use crate::platform::{db::Tx, problem::Problem};
use serde_json::Value;
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// Weeks it is compared with.
const WEEKS: u8 = 8;
/// Sent later than so long after it was written down, it is last week's no more.
const FRESH: Duration = Duration::DAY;

/// What it says; nothing of a week without transactions, and nothing too late.
pub(super) async fn page(
    tx: &mut Tx,
    user_id: Uuid,
    told: &Value,
    reader: &Reader,
    written: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Option<Page>, Problem> {
    let monday: Date = parts::date(&about::<String>(told, "period")?)?;
    let sunday = monday.saturating_add(Duration::days(6));
    if now > written.saturating_add(FRESH) {
        return Ok(None);
    }
    let nets = sql::weeks(tx, user_id, monday, WEEKS.into()).await?;
    let all = figures(nets, WEEKS.into(), &reader.currency);
    let Some(first) = all.first() else { return Ok(None) };
    let merchants = sql::merchants(tx, user_id, monday, sunday, 5).await?;
    let largest = sql::largest(tx, user_id, monday, sunday, 3).await?;
    let before = Before { one: "week before".into(), then: "the week before".into(), each: "week" };
    let mut said = Vec::new();
    for of in all.iter().take(CURRENCIES) {
        if all.len() > 1 {
            said.push(Part::Heading(format!("In {}", of.currency)));
        }
        said.push(parts::totals(of, &before));
        said.extend(parts::categories(of, 5, &before));
        said.extend(parts::merchants(&merchants, &of.currency));
        said.extend(parts::largest(&largest, &of.currency));
    }
    said.extend(parts::others(&all));
    said.extend(watched(&budgets::strained(tx, user_id, reader.today, 10).await?));
    let week = reader.today.saturating_add(Duration::days(6));
    said.extend(expected(&sql::upcoming(tx, user_id, reader.today, week, 20).await?));
    Ok(Some(Page {
        subject: format!("Your week, {}", parts::days(monday, sunday)),
        lead: parts::lead(first, "last week", &before),
        parts: said,
        why: "You get this every Monday because weekly summaries are switched on in your settings.".into(),
        unsubscribe: None,
    }))
}

/// Budgets that are nearly or quite used up.
fn watched(all: &[Used]) -> Vec<Part> {
    if all.is_empty() {
        return Vec::new();
    }
    let until = |used: &Used| format!("until {}", parts::day(used.end_date));
    let bars = all.iter().map(|used| parts::bar(used, &until(used))).collect();
    vec![Part::Heading("Budgets to watch".into()), Part::Bars(bars)]
}

/// Charges of the days to come.
fn expected(all: &[sql::Charge]) -> Vec<Part> {
    let line = |one: &sql::Charge| Line {
        label: one.name.clone(),
        value: format!("about {}", money(one.amount, &one.currency)),
        note: parts::day(one.date),
    };
    headed("Expected in the next seven days", all.iter().map(line).collect())
}
