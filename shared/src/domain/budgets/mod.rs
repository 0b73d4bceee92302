//! Budgets: a category's limit in one currency, period by period.

mod sql;

use super::{
    auth::Me,
    categories::Category,
    events::Turn,
    money::{Currency, Money, PositiveMoney},
    pages::{Day, iso},
};
use crate::platform::{
    db::Tx,
    fields::{Fault, Field, Fields, Read},
    problem::Problem,
};
use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Serialize, Serializer};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A share in percent, with two decimals: a plain JSON number, because it is no money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(Decimal);

impl Percent {
    /// `part` of `whole`, which is above zero.
    #[must_use]
    pub fn of(part: Money, whole: Money) -> Self {
        let share = part.amount().checked_mul(Decimal::ONE_HUNDRED).and_then(|part| part.checked_div(whole.amount()));
        Self(share.unwrap_or_default().round_dp(2))
    }
}

impl Serialize for Percent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0.to_f64().unwrap_or_default())
    }
}

/// What `POST /budgets` takes.
pub struct NewBudget {
    category: Category,
    amount: PositiveMoney,
    start_date: Day,
    end_date: Day,
    auto_renew: Option<bool>,
    currency: Option<Currency>,
}

impl Read for NewBudget {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (category, amount) = (fields.required("category"), fields.required("amount"));
        let (start, end) = (fields.required::<Day>("start_date"), fields.required::<Day>("end_date"));
        let (auto_renew, currency) = (fields.optional("auto_renew"), fields.optional("currency"));
        if start.zip(end).is_some_and(|(start, end)| end <= start) {
            fields.refuse("end_date", Fault::new("end_before_start", "Send an end_date after start_date."));
        }
        Some(Self { category: category?, amount: amount?, start_date: start?, end_date: end?, auto_renew, currency })
    }
}

/// The form of [`NewBudget`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewBudgetBody {
    /// 1 to 100 characters.
    #[schema(example = "Groceries")]
    category: String,
    /// Above zero; a string or a number with at most two decimals.
    #[schema(example = "400.00")]
    amount: String,
    /// The period's first day.
    #[schema(format = Date, example = "2026-01-01")]
    start_date: String,
    /// The period's last day.
    #[schema(format = Date, example = "2026-01-31")]
    end_date: String,
    /// Whether the next period begins by itself.
    auto_renew: Option<bool>,
    /// ISO 4217 with at most two minor digits; the user's own when left out.
    #[schema(example = "EUR")]
    currency: Option<String>,
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
    /// A tenth more than the mean of the last three complete months, or of what there is; none without spending.
    #[schema(value_type = Option<String>, example = "410.00")]
    pub suggested_amount: Option<Money>,
    /// The period's first day.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date)]
    pub start_date: Date,
    /// The period's last day.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date)]
    pub end_date: Date,
    /// Whether the next period begins by itself.
    pub auto_renew: bool,
    /// When it was made.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
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
    Ok(sql::list(tx, me.user_id, on, None, me.today).await?)
}

/// Sets the budget of a category and currency for a period. A period it has already, or one that overlaps, takes the
/// new dates and amount; else a period is added and the old ones stay as history.
pub async fn put(tx: &mut Tx, me: &Me, new: &NewBudget) -> Result<Budget, Problem> {
    let mut turn = Turn::take(tx, me.user_id, me.now).await?;
    let currency = new.currency.as_ref().map_or(me.currency.as_str(), Currency::as_str);
    let category = new.category.as_str();
    let budget =
        sql::Upsert { category, currency, auto_renew: new.auto_renew, changed_seq: turn.changed_seq, now: me.now };
    let id = sql::upsert(tx, me.user_id, &budget).await?;
    let (start, end) = (new.start_date.0, new.end_date.0);
    match sql::overlapping(tx, me.user_id, id, start, end).await?.as_slice() {
        [] => sql::insert_period(tx, me.user_id, id, start, end, new.amount.0.amount(), me.now).await?,
        [old] => sql::change_period(tx, me.user_id, id, *old, start, end, new.amount.0.amount(), me.now).await?,
        _ => {
            return Err(Problem::conflict(
                "periods_overlap",
                "These dates overlap several periods of this budget: send dates that touch one at most.",
            ));
        }
    }
    // Spending that was there before may be over the new limit already.
    let spent = [(category.to_owned(), currency.to_owned())];
    for alert in check(tx, me.user_id, me.today, me.now, &spent).await? {
        turn.push("budget_alert", &alert)?;
    }
    turn.finish(tx).await?;
    let listed = sql::list(tx, me.user_id, None, Some(id), me.today).await?;
    listed
        .into_iter()
        .find(|budget| budget.start_date == start)
        .ok_or_else(|| Problem::internal("budget not found after it was set"))
}

/// What a `budget_alert` tells.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Alert {
    /// The budget.
    pub budget_id: Uuid,
    /// `warning`, `critical`, `exceeded` or `severe`.
    pub level: &'static str,
    /// 80, 90, 100 or 110 percent.
    pub threshold: i16,
    /// The category.
    pub category: String,
    /// The currency.
    pub currency: String,
    /// The limit.
    #[schema(value_type = String)]
    pub budget: Money,
    /// What was spent.
    #[schema(value_type = String)]
    pub spent: Money,
    /// In percent of the limit.
    #[schema(value_type = f64)]
    pub percentage: Percent,
    /// What is left; below zero when it is overspent.
    #[schema(value_type = String)]
    pub remaining: Money,
}

/// Decides the alerts of budgets whose period holds the user's today, for the categories and currencies that changed.
/// In the transaction that stored the spending and under the user's turn, so that each crossing is seen once.
pub async fn check(
    tx: &mut Tx,
    user_id: Uuid,
    today: Date,
    now: OffsetDateTime,
    changed: &[(String, String)],
) -> Result<Vec<Alert>, Problem> {
    let (categories, currencies): (Vec<_>, Vec<_>) = changed.iter().cloned().unzip();
    let crossed = sql::cross(tx, user_id, today, now, &categories, &currencies).await?;
    Ok(crossed.into_iter().map(Alert::from).collect())
}

impl From<sql::Crossed> for Alert {
    fn from(row: sql::Crossed) -> Self {
        let (budget, spent) = (Money::of(row.amount), Money::of(row.spent));
        let level = match row.threshold {
            110 => "severe",
            100 => "exceeded",
            90 => "critical",
            _ => "warning",
        };
        Self {
            budget_id: row.budget_id,
            level,
            threshold: row.threshold,
            category: row.category,
            currency: row.currency,
            budget,
            spent,
            percentage: Percent::of(spent, budget),
            remaining: Money::of(budget.amount().saturating_sub(spent.amount())),
        }
    }
}
