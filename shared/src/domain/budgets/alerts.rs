//! Telling of a budget that is used up, in the transaction that used it.

use super::{Percent, sql};
use crate::{
    domain::{
        mails::{Exceeded, write_exceeded},
        money::Money,
    },
    platform::{db::Tx, problem::Problem},
};
use serde::Serialize;
use time::{Date, OffsetDateTime};
use uuid::Uuid;

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
    let crossed = sql::alerts::cross(tx, user_id, today, now, &categories, &currencies).await?;
    let exceeded = crossed.iter().filter(|one| one.threshold >= 100);
    let exceeded =
        exceeded.map(|one| Exceeded { budget_id: one.budget_id, start_date: one.start_date, threshold: one.threshold });
    write_exceeded(tx, user_id, &exceeded.collect::<Vec<_>>(), now).await?;
    Ok(crossed.into_iter().map(Alert::from).collect())
}

impl From<sql::alerts::Crossed> for Alert {
    fn from(row: sql::alerts::Crossed) -> Self {
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
