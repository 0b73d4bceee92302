//! A budget is used up: written down in the transaction that used it.

use super::{
    Kind, about,
    figures::money,
    page::{Page, Part},
    parts, sql,
    sql::{Reader, budgets},
};
use crate::platform::{db::Tx, problem::Problem};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use time::{Date, Duration, OffsetDateTime};
use uuid::Uuid;

/// A period of a budget that reached a level.
#[derive(Clone, Copy, Debug)]
pub struct Exceeded {
    /// The budget.
    pub budget_id: Uuid,
    /// The period's first day.
    pub start_date: Date,
    /// 100 or 110 percent.
    pub threshold: i16,
}

/// Writes down mails about budgets that are used up, once by period and level, if the user wants them. Nobody is given
/// their ids: whoever stored the spending, an import say, need not know of mails. The next sweep, within a minute, queues
/// them.
pub async fn write_exceeded(
    tx: &mut Tx,
    user_id: Uuid,
    exceeded: &[Exceeded],
    now: OffsetDateTime,
) -> Result<(), Problem> {
    let Some((switch, _)) = Kind::BudgetExceeded.switch().filter(|_| !exceeded.is_empty()) else { return Ok(()) };
    let ids: Vec<_> = exceeded.iter().map(|one| one.budget_id).collect();
    let starts: Vec<_> = exceeded.iter().map(|one| one.start_date).collect();
    let thresholds: Vec<_> = exceeded.iter().map(|one| one.threshold).collect();
    for raised in budgets::raise(tx, user_id, &ids, &starts, &thresholds, switch).await? {
        let new = sql::New {
            id: Uuid::now_v7(),
            kind: Kind::BudgetExceeded.name(),
            email: &raised.email,
            user_id: Some(user_id),
            about: &json!({"budget_id": raised.budget_id, "start_date": raised.start_date.to_string()}),
            // No task is on the way that the sweep would have to wait for.
            due_at: now.saturating_sub(Duration::MINUTE),
            now,
        };
        sql::insert(tx, &new).await?;
    }
    Ok(())
}

/// What it says; nothing once the budget is gone, or a refund has mended it.
pub(super) async fn page(tx: &mut Tx, user_id: Uuid, told: &Value, reader: &Reader) -> Result<Option<Page>, Problem> {
    let (id, start) = (about(told, "budget_id")?, parts::date(&about::<String>(told, "start_date")?)?);
    let used = budgets::one(tx, user_id, id, start).await?;
    let Some(used) = used.filter(|used| used.spent >= used.amount) else { return Ok(None) };
    let over = used.spent.saturating_sub(used.amount);
    let (category, limit) = (&used.category, money(used.amount, &used.currency));
    let subject = if over.is_zero() {
        format!("Your budget for {category} is used up")
    } else {
        format!("Your budget for {category} is exceeded")
    };
    let lead = if over > Decimal::ZERO {
        format!("You spent {} more on {category} than the {limit} you set.", money(over, &used.currency))
    } else {
        format!("You spent all of the {limit} that you set for {category}.")
    };
    let ending = if used.end_date < reader.today { "ended" } else { "until" };
    let bar = parts::bar(&used, &format!("{ending} {}", parts::day(used.end_date)));
    Ok(Some(Page {
        subject,
        lead,
        parts: vec![Part::Bars(vec![bar])],
        why: "You get this because mails about budgets are switched on in your settings.".into(),
        unsubscribe: None,
    }))
}
