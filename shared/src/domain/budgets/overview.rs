//! How budgets stand, how a month compares with the last, and what to budget.

use super::{
    Percent,
    past::Standing,
    rounded,
    sql::{self, Which, overview},
    suggest,
};
use crate::{
    domain::{
        auth::Me,
        categories::Category,
        money::{Currency, Money},
    },
    platform::{
        db::Tx,
        fields::{Fault, Field, Fields, Read},
        problem::Problem,
    },
};
use rust_decimal::Decimal;
use serde::Serialize;
use std::{cmp::Reverse, collections::BTreeSet};
use time::Date;

/// Above this a suggestion is flagged.
const LOOKS_HIGH: i64 = 10_000;

/// What takes a currency alone.
pub struct CurrencyQuery {
    currency: Option<Currency>,
}

impl Read for CurrencyQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { currency: fields.optional("currency") })
    }
}

/// The currency that was asked for, or the user's own.
fn currency_of<'a>(me: &'a Me, asked: Option<&'a Currency>) -> &'a str {
    asked.map_or(me.currency.as_str(), Currency::as_str)
}

/// Takes the rows of one currency, and names the others.
fn split<T>(rows: Vec<T>, currency: &str, of: impl Fn(&T) -> &str) -> (Vec<T>, Vec<String>) {
    let others: BTreeSet<_> = rows.iter().map(&of).filter(|other| *other != currency).map(ToOwned::to_owned).collect();
    (rows.into_iter().filter(|row| of(row) == currency).collect(), others.into_iter().collect())
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    Money::of(amounts.fold(Decimal::ZERO, |sum, amount| sum.saturating_add(amount.amount())))
}

/// A category that is overspent.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Over {
    /// The category.
    #[schema(example = "Groceries")]
    pub name: String,
    /// The limit.
    #[schema(value_type = String, example = "400.00")]
    pub budget: Money,
    /// What was spent.
    #[schema(value_type = String, example = "431.20")]
    pub spent: Money,
    /// What was spent beyond the limit.
    #[schema(value_type = String, example = "31.20")]
    pub overage: Money,
    /// `spent` in percent of `budget`.
    #[schema(value_type = f64, example = 107.8)]
    pub percentage: Percent,
}

/// A category whose limit is near.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct AtRisk {
    /// The category.
    #[schema(example = "Transport")]
    pub name: String,
    /// The limit.
    #[schema(value_type = String, example = "120.00")]
    pub budget: Money,
    /// What was spent.
    #[schema(value_type = String, example = "101.50")]
    pub spent: Money,
    /// What is left.
    #[schema(value_type = String, example = "18.50")]
    pub remaining: Money,
    /// `spent` in percent of `budget`.
    #[schema(value_type = f64, example = 84.58)]
    pub percentage: Percent,
}

/// How the budgets stand whose period holds the user's today.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Status {
    /// The currency of all amounts here.
    #[schema(example = "EUR")]
    pub currency: String,
    /// All limits.
    #[schema(value_type = String, example = "1200.00")]
    pub total_budgeted: Money,
    /// What was spent of them.
    #[schema(value_type = String, example = "845.10")]
    pub total_spent: Money,
    /// `total_spent` in percent of `total_budgeted`; none without budgets.
    #[schema(value_type = Option<f64>, example = 70.43)]
    pub percentage: Option<Percent>,
    /// Budgets of which more than 100 % is spent.
    #[schema(example = 1)]
    pub over_budget_count: usize,
    /// Budgets of which more than 80 % is spent, and at most 100 %.
    #[schema(example = 1)]
    pub at_risk_count: usize,
    /// All others.
    #[schema(example = 2)]
    pub healthy_count: usize,
    /// The overspent ones, the worst first.
    pub over_budget_categories: Vec<Over>,
    /// Those at risk, the nearest to their limit first.
    pub at_risk_categories: Vec<AtRisk>,
    /// Currencies of other budgets, which are not counted here.
    #[schema(example = json!(["USD"]))]
    pub other_currencies: Vec<String>,
}

/// How the budgets stand whose period holds the user's today.
pub async fn status(tx: &mut Tx, me: &Me, asked: &CurrencyQuery) -> Result<Status, Problem> {
    let which = Which { on: Some(me.today), ..Which::default() };
    let currency = currency_of(me, asked.currency.as_ref());
    let all = sql::list(tx, me.user_id, which, me.today).await?;
    let (mut budgets, other_currencies) = split(all, currency, |budget| &budget.currency);
    budgets.sort_by(|a, b| b.percentage.0.cmp(&a.percentage.0).then_with(|| a.category.cmp(&b.category)));
    let (mut over, mut at_risk, mut healthy) = (Vec::new(), Vec::new(), 0_usize);
    let total_budgeted = sum(budgets.iter().map(|budget| budget.amount));
    let total_spent = sum(budgets.iter().map(|budget| budget.spent));
    for one in budgets {
        let (name, budget, spent, percentage) = (one.category, one.amount, one.spent, one.percentage);
        match Standing::of(spent, budget) {
            Standing::Over => {
                let overage = Money::of(-one.remaining.amount());
                over.push(Over { name, budget, spent, overage, percentage });
            }
            Standing::AtRisk => at_risk.push(AtRisk { name, budget, spent, remaining: one.remaining, percentage }),
            Standing::Healthy => healthy = healthy.saturating_add(1),
        }
    }
    Ok(Status {
        currency: currency.to_owned(),
        total_budgeted,
        total_spent,
        percentage: Percent::of_any(total_spent, total_budgeted),
        over_budget_count: over.len(),
        at_risk_count: at_risk.len(),
        healthy_count: healthy,
        over_budget_categories: over,
        at_risk_categories: at_risk,
        other_currencies,
    })
}

/// A month such as `2026-01`, by its first day.
#[derive(Clone, Copy)]
struct Monthly(Date);

impl Field for Monthly {
    fn from_text(text: &str) -> Result<Self, Fault> {
        crate::domain::pages::Day::from_text(&format!("{text}-01"))
            .map(|day| Self(day.0))
            .map_err(|_| Fault::new("not_a_month", "Send a month such as \"2026-01\"."))
    }
}

/// What `GET /budgets/comparison` takes.
pub struct ComparisonQuery {
    month: Option<Monthly>,
    currency: Option<Currency>,
}

impl Read for ComparisonQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { month: fields.optional("month"), currency: fields.optional("currency") })
    }
}

/// The form of [`ComparisonQuery`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ComparisonParams {
    /// Compare this month with the one before; the user's current month when left out.
    #[param(example = "2026-01")]
    month: Option<String>,
    /// In this currency; the user's own when left out.
    #[param(example = "EUR")]
    currency: Option<String>,
}

/// A category in two months.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Change {
    /// The category.
    #[schema(example = "Groceries")]
    pub category: String,
    /// Money out less money in, this month.
    #[schema(value_type = String, example = "431.20")]
    pub spent: Money,
    /// The same, the month before.
    #[schema(value_type = String, example = "390.00")]
    pub previous_spent: Money,
    /// `spent` less `previous_spent`.
    #[schema(value_type = String, example = "41.20")]
    pub change: Money,
    /// `change` in percent of `previous_spent`; none where that is not above zero.
    #[schema(value_type = Option<f64>, example = 10.56)]
    pub change_percentage: Option<Percent>,
}

/// A month beside the one before.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Comparison {
    /// The currency of all amounts here.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The month.
    #[schema(example = "2026-01")]
    pub month: String,
    /// The one before.
    #[schema(example = "2025-12")]
    pub previous_month: String,
    /// What was spent in the categories that cost money this month; income is left out.
    #[schema(value_type = String, example = "1431.20")]
    pub spent: Money,
    /// The same, the month before.
    #[schema(value_type = String, example = "1390.00")]
    pub previous_spent: Money,
    /// `spent` less `previous_spent`.
    #[schema(value_type = String, example = "41.20")]
    pub change: Money,
    /// `change` in percent of `previous_spent`; none where that is zero.
    #[schema(value_type = Option<f64>, example = 2.96)]
    pub change_percentage: Option<Percent>,
    /// Every category of the two months, the largest change first.
    pub categories: Vec<Change>,
    /// Other currencies of these months, which are not counted here.
    #[schema(example = json!(["USD"]))]
    pub other_currencies: Vec<String>,
}

fn change(category: String, this: Decimal, previous: Decimal) -> Change {
    let change = Money::of(this.saturating_sub(previous));
    let change_percentage = Percent::of_any(change, Money::of(previous));
    Change { category, spent: Money::of(this), previous_spent: Money::of(previous), change, change_percentage }
}

/// Compares a month with the one before.
pub async fn compare(tx: &mut Tx, me: &Me, asked: &ComparisonQuery) -> Result<Comparison, Problem> {
    let month = asked.month.map_or(me.today, |month| month.0);
    let month = month.replace_day(1).map_err(Problem::internal)?;
    let previous = month.previous_day().and_then(|day| day.replace_day(1).ok()).unwrap_or(month);
    let currency = currency_of(me, asked.currency.as_ref());
    let all = overview::months(tx, me.user_id, month).await?;
    let (rows, other_currencies) = split(all, currency, |row| &row.currency);
    let cost = |amounts: &dyn Fn(&overview::Months) -> Decimal| {
        rows.iter().map(amounts).filter(|amount| *amount > Decimal::ZERO).fold(Decimal::ZERO, Decimal::saturating_add)
    };
    let total = change(String::new(), cost(&|row| row.this), cost(&|row| row.previous));
    let mut categories: Vec<_> = rows.into_iter().map(|row| change(row.category, row.this, row.previous)).collect();
    categories.sort_by_key(|one| (Reverse(one.change.amount().abs()), one.category.clone()));
    let named = |date: Date| format!("{:04}-{:02}", date.year(), u8::from(date.month()));
    Ok(Comparison {
        currency: currency.to_owned(),
        month: named(month),
        previous_month: named(previous),
        spent: total.spent,
        previous_spent: total.previous_spent,
        change: total.change,
        change_percentage: total.change_percentage,
        categories,
        other_currencies,
    })
}

/// What `GET /budgets/suggestions` takes.
pub struct SuggestionQuery {
    category: Option<Category>,
    currency: Option<Currency>,
}

impl Read for SuggestionQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { category: fields.optional("category"), currency: fields.optional("currency") })
    }
}

/// What to budget for a category.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Suggestion {
    /// The category.
    #[schema(example = "Groceries")]
    pub category: String,
    /// A tenth more than the mean, at least 100; none without spending.
    #[schema(value_type = Option<String>, example = "410.00")]
    pub suggested_amount: Option<Money>,
    /// What a month cost; none without spending.
    #[schema(value_type = Option<String>, example = "372.73")]
    pub monthly_mean: Option<Money>,
    /// Complete months the mean is of: 3 at most, 0 when it is this month so far.
    #[schema(example = 3)]
    pub months: i32,
    /// Whether it is above 10,000 and may come from a mistake.
    pub looks_high: bool,
    /// Whether the category has a budget in this currency.
    #[schema(example = true)]
    pub has_budget: bool,
}

/// What `GET /budgets/suggestions` answers.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Suggestions {
    /// The currency of all amounts here.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The largest first.
    pub data: Vec<Suggestion>,
    /// Other currencies of the last months.
    #[schema(example = json!(["USD"]))]
    pub other_currencies: Vec<String>,
}

/// What to budget, from what the last months cost: for all categories with spending, or for the one that was asked for.
pub async fn suggestions(tx: &mut Tx, me: &Me, asked: &SuggestionQuery) -> Result<Suggestions, Problem> {
    let currency = currency_of(me, asked.currency.as_ref());
    let (rows, other_currencies) =
        split(overview::means(tx, me.user_id, me.today).await?, currency, |row| &row.currency);
    let suggestion = |row: overview::Cost| {
        let suggested_amount = suggest(row.mean);
        Suggestion {
            category: row.category,
            suggested_amount,
            monthly_mean: suggested_amount.map(|_| Money::of(rounded(row.mean))),
            months: row.months,
            looks_high: suggested_amount.is_some_and(|amount| amount.amount() > Decimal::from(LOOKS_HIGH)),
            has_budget: row.budgeted,
        }
    };
    let mut data: Vec<_> = rows.into_iter().map(suggestion).collect();
    if let Some(category) = &asked.category {
        data.retain(|one| one.category == category.as_str());
        if data.is_empty() {
            data.push(Suggestion {
                category: category.as_str().to_owned(),
                suggested_amount: None,
                monthly_mean: None,
                months: 0,
                looks_high: false,
                has_budget: overview::is_budgeted(tx, me.user_id, category.as_str(), currency).await?,
            });
        }
    } else {
        data.retain(|one| one.suggested_amount.is_some());
    }
    data.sort_by_key(|one| (Reverse(one.suggested_amount), one.category.clone()));
    Ok(Suggestions { currency: currency.to_owned(), data, other_currencies })
}
