//! How budgets went, period by period.

use super::{Percent, sql::overview as sql};
use crate::{
    domain::{
        auth::Me,
        categories::Category,
        money::{Currency, Money},
        pages::{Page, PageQuery, Place, iso},
    },
    platform::{
        db::Tx,
        fields::{Fields, Read},
        jwt::KeySet,
        problem::Problem,
    },
};
use serde::Serialize;
use time::Date;
use uuid::Uuid;

/// How much of a budget is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// At most 80 %.
    Healthy,
    /// More than 80 %, at most 100 %.
    AtRisk,
    /// More than 100 %.
    Over,
}

impl Standing {
    /// Compares what was spent with the limit, to the cent.
    pub fn of(spent: Money, budget: Money) -> Self {
        let (spent, budget) = (spent.amount(), budget.amount());
        if spent > budget {
            Self::Over
        } else if spent.saturating_mul(5.into()) > budget.saturating_mul(4.into()) {
            Self::AtRisk
        } else {
            Self::Healthy
        }
    }
}

/// What `GET /budgets/history` takes.
pub struct HistoryQuery {
    category: Option<Category>,
    currency: Option<Currency>,
    page: PageQuery,
}

impl Read for HistoryQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (category, currency) = (fields.optional("category"), fields.optional("currency"));
        Some(Self { category, currency, page: PageQuery::read(fields) })
    }
}

/// The form of [`HistoryQuery`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct HistoryParams {
    /// Of this category.
    category: Option<String>,
    /// In this currency.
    currency: Option<String>,
}

/// A period that has begun.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PastPeriod {
    /// The budget.
    pub budget_id: Uuid,
    /// The category it limits.
    #[schema(example = "Groceries")]
    pub category: String,
    /// The currency it counts.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The period's first day.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-01")]
    pub start_date: Date,
    /// The period's last day.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub end_date: Date,
    /// Whether the period is over for the user.
    pub is_over: bool,
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
    /// How it went, or goes.
    pub status: Standing,
}

/// A page of the periods that have begun, the latest first.
pub async fn history(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &HistoryQuery) -> Result<Page<PastPeriod>, Problem> {
    let HistoryQuery { category, currency, page } = asked;
    let filters = format!("budgets {category:?} {currency:?}");
    let range = sql::Range {
        category: category.as_ref().map(Category::as_str),
        currency: currency.as_ref().map(Currency::as_str),
        after: page.place(keys, me.user_id, &filters)?,
        offset: page.offset,
        limit: page.wanted(),
    };
    let (rows, total) = sql::past(tx, me.user_id, me.today, &range).await?;
    let data = rows.into_iter().map(|row| {
        let (amount, spent) = (Money::of(row.amount), Money::of(row.spent));
        PastPeriod {
            budget_id: row.budget_id,
            category: row.category,
            currency: row.currency,
            start_date: row.start_date,
            end_date: row.end_date,
            is_over: row.end_date < me.today,
            amount,
            spent,
            remaining: Money::of(row.amount.saturating_sub(row.spent)),
            percentage: Percent::of(spent, amount),
            status: Standing::of(spent, amount),
        }
    });
    let place = |last: &PastPeriod| Place { date: last.start_date, id: last.budget_id };
    Ok(page.page(keys, me.user_id, &filters, total, data.collect(), place))
}
