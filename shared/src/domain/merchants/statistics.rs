//! Where a user spends: the merchants used most, and what was spent in each category at recognised merchants.

use super::{
    Merchant,
    sql::{self, Summed},
};
use crate::{
    domain::{
        auth::Me,
        categories::Category,
        money::Money,
        pages::{Day, iso, range},
    },
    platform::{
        db::Tx,
        fields::{Bounded, Fields, Read, Text},
        problem::Problem,
    },
};
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Serialize;
use std::{cmp::Reverse, collections::HashMap};
use time::{Date, Duration};
use uuid::Uuid;

/// Days looked back over unless asked otherwise, today among them: a year, so that the cost does not grow with history.
const DAYS: i64 = 365;

/// What `GET /merchants/statistics` takes.
pub struct StatisticsQuery {
    since: Option<Day>,
    until: Option<Day>,
    category: Option<Category>,
    limit: Option<Bounded<1, 100>>,
}

impl Read for StatisticsQuery {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (since, until) = range(fields);
        Some(Self { since, until, category: fields.optional("category"), limit: fields.optional("limit") })
    }
}

/// The form of [`StatisticsQuery`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct StatisticsParams {
    /// From this date on; a year up to `until` when left out.
    #[param(format = Date)]
    since: Option<String>,
    /// Up to this date; today when left out.
    #[param(format = Date)]
    until: Option<String>,
    /// Of transactions of this category alone.
    category: Option<String>,
    /// Merchants at most, 1 to 100.
    #[param(default = 20)]
    limit: Option<i64>,
}

/// What was spent in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Sum {
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// How many transactions.
    #[schema(example = 12)]
    pub count: i64,
    /// Money out less money in.
    #[schema(value_type = String, example = "155.88")]
    pub total: Money,
    /// The total by the count, halves of a cent away from zero.
    #[schema(value_type = String, example = "12.99")]
    pub average: Money,
}

impl Sum {
    fn of(summed: &Summed) -> Self {
        let average = summed.total.checked_div(Decimal::from(summed.count)).unwrap_or_default();
        Self {
            currency: summed.currency.clone(),
            count: summed.count,
            total: Money::of(summed.total),
            average: Money::of(average.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)),
        }
    }
}

/// A merchant of the user's.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OfMerchant {
    /// The merchant.
    pub merchant: Merchant,
    /// How many transactions in all currencies.
    #[schema(example = 12)]
    pub count: i64,
    /// The date of the last one.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub last_date: Date,
    /// By currency.
    pub totals: Vec<Sum>,
}

/// A category of the user's transactions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct OfCategory {
    /// The category.
    #[schema(example = "Groceries")]
    pub category: String,
    /// How many transactions in all currencies.
    #[schema(example = 12)]
    pub count: i64,
    /// The date of the last one.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub last_date: Date,
    /// By currency.
    pub totals: Vec<Sum>,
}

/// Where the user spends.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Statistics {
    /// The first date that counts.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2025-02-01")]
    pub since: Date,
    /// The last date that counts.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-01-31")]
    pub until: Date,
    /// The merchants used most, the most used first.
    pub merchants: Vec<OfMerchant>,
    /// All categories of transactions at recognised merchants, the most used first.
    pub categories: Vec<OfCategory>,
}

/// What the user spent at recognised merchants, deleted transactions left out.
pub async fn statistics(tx: &mut Tx, me: &Me, asked: &StatisticsQuery) -> Result<Statistics, Problem> {
    let until = asked.until.map_or(me.today, |day| day.0);
    let year = Duration::days(DAYS.saturating_sub(1));
    let since = asked.since.map_or_else(|| until.saturating_sub(year), |day| day.0);
    let limit = asked.limit.map_or(20, |limit| limit.0);
    let category = asked.category.as_ref().map(Text::as_str);
    let summed = sql::statistics(tx, me.user_id, (since, until), category, limit).await?;
    let (mut merchants, mut categories) = (HashMap::<Uuid, OfMerchant>::new(), HashMap::<String, OfCategory>::new());
    for row in summed {
        let (sum, count, last_date, totals) = (Sum::of(&row), row.uses, row.last_date, Vec::new());
        let (last, totals) = if let Some(id) = row.merchant_id {
            let canonical_name = row.canonical_name.unwrap_or_default();
            let merchant = Merchant { id, canonical_name, category: row.category };
            let one = merchants.entry(id).or_insert(OfMerchant { merchant, count, last_date, totals });
            (&mut one.last_date, &mut one.totals)
        } else {
            let category = row.category.clone();
            let one = categories.entry(row.category).or_insert(OfCategory { category, count, last_date, totals });
            (&mut one.last_date, &mut one.totals)
        };
        *last = last_date.max(*last);
        totals.push(sum);
    }
    let (mut merchants, mut categories): (Vec<_>, Vec<_>) =
        (merchants.into_values().collect(), categories.into_values().collect());
    for totals in
        merchants.iter_mut().map(|one| &mut one.totals).chain(categories.iter_mut().map(|one| &mut one.totals))
    {
        totals.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.currency.cmp(&b.currency)));
    }
    merchants.sort_by_key(|one| (Reverse(one.count), Reverse(one.last_date), one.merchant.id));
    categories.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.category.cmp(&b.category)));
    Ok(Statistics { since, until, merchants, categories })
}
