//! Budgets: a category's limit in one currency, period by period.

mod alerts;
mod calendar;
mod overview;
mod past;
mod put;
mod renewal;
mod sql;

use super::{auth::Me, events::Turn, money::Money, pages::iso};
use crate::platform::{
    db::Tx,
    fields::{Fault, Field, Fields, Read},
    http::Call,
    problem::Problem,
};
pub use alerts::{Alert, check};
pub use overview::{
    AtRisk, Change, Comparison, ComparisonParams, ComparisonQuery, CurrencyQuery, Over, Status, Suggestion,
    SuggestionQuery, Suggestions, compare, status, suggestions,
};
pub use past::{HistoryParams, HistoryQuery, PastPeriod, history};
pub use put::{NewBudget, NewBudgetBody, put};
pub use renewal::{renew, renew_due};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Serialize, Serializer};
use sql::Which;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A share in percent, with two decimals: a plain JSON number, because it is no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(Decimal);

impl Percent {
    /// `part` of `whole`, which is above zero.
    #[must_use]
    pub fn of(part: Money, whole: Money) -> Self {
        Self::of_any(part, whole).unwrap_or(Self(Decimal::ZERO))
    }

    /// `part` of `whole`; nothing of what is not above zero.
    #[must_use]
    pub fn of_any(part: Money, whole: Money) -> Option<Self> {
        let share = part.amount().checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole.amount())?;
        (whole.amount() > Decimal::ZERO).then(|| Self(rounded(share)))
    }
}

/// What to budget for a month that costs so much: a tenth more, at least 100; nothing where nothing is spent.
fn suggest(mean: Decimal) -> Option<Money> {
    let more = mean.checked_mul(Decimal::new(11, 1)).filter(|more| *more > Decimal::ZERO)?;
    Some(Money::of(rounded(more).max(Decimal::ONE_HUNDRED)))
}

/// To two decimals, halves away from zero.
fn rounded(number: Decimal) -> Decimal {
    number.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.to_f64().unwrap_or_default())
    }
}

/// What `GET /budgets` answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Budgets {
    /// By category, the latest period first.
    pub data: Vec<Budget>,
}

/// A budget in one of its periods.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Budget {
    /// Its id, the same in every period.
    pub id: Uuid,
    /// The category it limits.
    #[schema(example = "Groceries")]
    pub category: String,
    /// The currency it counts; others are not converted.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The limit.
    #[schema(value_type = String, example = "400.00")]
    pub amount: Money,
    /// What was spent in the period, refunds taken off.
    #[schema(value_type = String, example = "312.40")]
    pub spent: Money,
    /// `amount` less `spent`; below zero when it is overspent.
    #[schema(value_type = String, example = "87.60")]
    pub remaining: Money,
    /// `spent` in percent of `amount`.
    #[schema(value_type = f64, example = 78.1)]
    pub percentage: Percent,
    /// A tenth more than the mean of the last three complete months, or of what there is, at least 100; none without
    /// spending.
    #[schema(value_type = Option<String>, example = "410.00")]
    pub suggested_amount: Option<Money>,
    /// The period's first day.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-01")]
    pub start_date: Date,
    /// The period's last day.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub end_date: Date,
    /// Whether the next period begins by itself.
    #[schema(example = true)]
    pub auto_renew: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    /// Goes up with every change of its own, not with what is spent; the ETag.
    #[serde(skip)]
    pub changed_seq: i64,
}

impl Budget {
    /// What it is told apart from its other versions by.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.changed_seq)
    }
}

fn etag(changed_seq: i64) -> String {
    format!("\"{changed_seq}\"")
}

/// Which periods are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Periods {
    /// Those that hold the user's today.
    Current,
    /// All.
    All,
}

impl Field for Periods {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "current" => Ok(Self::Current),
            "all" => Ok(Self::All),
            _ => Err(Fault::new("not_a_period", "Send current or all.")),
        }
    }
}

/// What `GET /budgets` takes.
pub struct List {
    periods: Periods,
}

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { periods: fields.optional("period").unwrap_or(Periods::Current) })
    }
}

/// The user's budgets with what was spent.
pub async fn list(tx: &mut Tx, me: &Me, asked: &List) -> Result<Vec<Budget>, Problem> {
    let on = (asked.periods == Periods::Current).then_some(me.today);
    Ok(sql::list(tx, me.user_id, Which { on, ..Which::default() }, me.today).await?)
}

/// One budget, in the period that holds the user's today or else in its latest.
pub async fn get(tx: &mut Tx, me: &Me, id: Uuid) -> Result<Budget, Problem> {
    let which = Which { id: Some(id), shown: true, ..Which::default() };
    sql::list(tx, me.user_id, which, me.today).await?.pop().ok_or_else(Problem::not_found)
}

async fn of_period(tx: &mut Tx, me: &Me, id: Uuid, start: Date) -> Result<Budget, Problem> {
    let which = Which { id: Some(id), start: Some(start), ..Which::default() };
    let found = sql::list(tx, me.user_id, which, me.today).await?.pop();
    found.ok_or_else(|| Problem::internal("budget not found after it was set"))
}

/// Takes a budget away with all its periods. What was spent stays as it is.
pub async fn delete(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<(), Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let held = sql::periods::latest(tx, me.user_id, Some(id), me.today).await?.pop().ok_or_else(Problem::not_found)?;
    call.check_match(&etag(held.changed_seq))?;
    sql::periods::delete(tx, me.user_id, id, turn.changed_seq, me.now).await?;
    turn.finish(tx).await
}
