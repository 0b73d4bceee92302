//! The month before.

use super::{
    about,
    figures::{Figures, figures},
    page::{Page, Part},
    parts::{self, Before, CURRENCIES},
    sql::{
        Reader,
        budgets::{self, Used},
        figures as sql,
    },
};
use crate::platform::{db::Tx, problem::Problem};
use rust_decimal::Decimal;
use serde_json::Value;
use time::{Date, Duration};
use uuid::Uuid;

/// Months it is compared with.
const MONTHS: u8 = 6;

/// What it says; nothing of a month without transactions.
pub(super) async fn page(tx: &mut Tx, user_id: Uuid, told: &Value, reader: &Reader) -> Result<Option<Page>, Problem> {
    let month: Date = parts::date(&about::<String>(told, "period")?)?;
    let last = month.replace_day(month.month().length(month.year())).unwrap_or(month);
    let earlier = month.saturating_sub(Duration::DAY).month();
    let all = figures(sql::months(tx, user_id, month, MONTHS.into()).await?, MONTHS.into(), &reader.currency);
    let Some(first) = all.first() else { return Ok(None) };
    let largest = sql::largest(tx, user_id, month, last, 5).await?;
    let before = Before { one: earlier.to_string(), then: format!("in {earlier}"), each: "month" };
    let mut said = Vec::new();
    for of in all.iter().take(CURRENCIES) {
        if all.len() > 1 {
            said.push(Part::Heading(format!("In {}", of.currency)));
        }
        said.push(parts::totals(of, &before));
        said.extend(saved(of));
        said.extend(parts::categories(of, 10, &before));
        said.extend(parts::largest(&largest, &of.currency));
    }
    said.extend(parts::others(&all));
    said.extend(kept(&budgets::ended(tx, user_id, month, last, 20).await?));
    said.extend(came_and_went(&sql::changed_merchants(tx, user_id, month, 5).await?));
    Ok(Some(Page {
        subject: format!("Your {} {}", month.month(), month.year()),
        lead: parts::lead(first, &format!("in {}", month.month()), &before),
        parts: said,
        why: "You get this on the first of each month because monthly reports are switched on in your settings.".into(),
        unsubscribe: None,
    }))
}

/// The share of what came in that was not spent.
fn saved(of: &Figures) -> Option<Part> {
    let rate = of.savings_rate()?;
    Some(Part::Text(if rate < Decimal::ZERO {
        format!("You spent {} % more than came in.", rate.abs())
    } else {
        format!("Savings rate: {rate} % of what came in is left.")
    }))
}

/// How the budgets that ended did.
fn kept(all: &[Used]) -> Vec<Part> {
    if all.is_empty() {
        return Vec::new();
    }
    let ending = |used: &Used| if used.spent > used.amount { "not kept" } else { "kept" };
    let bars = all.iter().map(|used| parts::bar(used, ending(used))).collect();
    let count = all.iter().filter(|used| used.spent <= used.amount).count();
    vec![Part::Heading(format!("Budgets: {count} of {} kept", all.len())), Part::Bars(bars)]
}

/// Merchants that came and went.
fn came_and_went(all: &[sql::Changed]) -> Vec<Part> {
    let named = |is_new: bool| {
        let names: Vec<_> = all.iter().filter(|one| one.is_new == is_new).map(|one| one.name.as_str()).collect();
        names.join(", ")
    };
    let (new, gone) = (named(true), named(false));
    let mut said = Vec::new();
    if !all.is_empty() {
        said.push(Part::Heading("Merchants that came and went".into()));
    }
    if !new.is_empty() {
        said.push(Part::Text(format!("For the first time: {new}.")));
    }
    if !gone.is_empty() {
        said.push(Part::Text(format!("In each of the three months before, and not in this one: {gone}.")));
    }
    said
}
