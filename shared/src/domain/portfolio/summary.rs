//! All holdings of a currency together.

use super::{FRESH, gain, share, sql};
use crate::{
    domain::{
        auth::Me,
        budgets::Percent,
        money::{Currency, Money},
    },
    platform::{
        db::Tx,
        fields::{Fields, Read},
        problem::Problem,
    },
};
use rust_decimal::Decimal;
use serde::Serialize;
use time::OffsetDateTime;

/// What `GET /portfolio/summary` takes.
pub struct Asked {
    currency: Option<Currency>,
}

impl Read for Asked {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { currency: fields.optional("currency") })
    }
}

/// The form of [`Asked`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct SummaryQuery {
    /// Which currency's holdings; the user's own when left out.
    #[param(example = "EUR")]
    currency: Option<String>,
}

/// What `GET /portfolio/summary` answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// The currency that is summed up; others are not converted.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The user's other currencies, in their order: ask for each.
    #[schema(example = json!(["USD"]))]
    pub other_currencies: Vec<String>,
    /// How many holdings.
    #[schema(example = 1)]
    pub holdings: i64,
    /// What those with a valuation are worth.
    #[schema(value_type = String, example = "1250.40")]
    pub value: Money,
    /// What those with a cost basis cost.
    #[schema(value_type = String, example = "1100.00")]
    pub cost_basis: Money,
    /// Over the holdings that have both, value less cost; null when there is none.
    #[schema(value_type = Option<String>, example = "150.40")]
    pub gain: Option<Money>,
    /// The gain in percent of what these cost; null when nothing was paid.
    #[schema(value_type = Option<f64>, example = 13.67)]
    pub gain_percentage: Option<Percent>,
    /// Holdings that were never valued: `value` lacks them.
    #[schema(example = 0)]
    pub without_valuation: i64,
    /// Holdings that were valued more than seven days ago, or never.
    #[schema(example = 0)]
    pub stale: i64,
    /// When the holding was valued whose valuation is the oldest.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-30T17:30:00Z")]
    pub oldest_valuation: Option<OffsetDateTime>,
    /// The same by type, of those types that there are.
    pub by_asset_type: Vec<ByAssetType>,
}

/// All holdings of a type.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ByAssetType {
    /// `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
    #[schema(example = "etf")]
    pub asset_type: String,
    /// How many holdings.
    #[schema(example = 1)]
    pub holdings: i64,
    /// What those with a valuation are worth.
    #[schema(value_type = String, example = "1250.40")]
    pub value: Money,
    /// `value` in percent of all types'; null when that is nothing.
    #[schema(value_type = Option<f64>, example = 100.0)]
    pub percentage: Option<Percent>,
    /// What those with a cost basis cost.
    #[schema(value_type = String, example = "1100.00")]
    pub cost_basis: Money,
    /// Over the holdings that have both, value less cost; null when there is none.
    #[schema(value_type = Option<String>, example = "150.40")]
    pub gain: Option<Money>,
    /// The gain in percent of what these cost; null when nothing was paid.
    #[schema(value_type = Option<f64>, example = 13.67)]
    pub gain_percentage: Option<Percent>,
}

fn total<'a>(rows: &'a [sql::Group], of: impl Fn(&'a sql::Group) -> Decimal) -> Money {
    Money::of(rows.iter().map(of).fold(Decimal::ZERO, Decimal::saturating_add))
}

/// Gain and its percentage over groups: only of holdings with a valuation and a cost basis.
fn gained(rows: &[sql::Group]) -> (Option<Money>, Option<Percent>) {
    if rows.iter().all(|row| row.known == 0) {
        return (None, None);
    }
    gain(Some(total(rows, |row| row.known_value)), Some(total(rows, |row| row.known_cost)))
}

/// The user's holdings of one currency, together and by type.
pub async fn summary(tx: &mut Tx, me: &Me, asked: &Asked) -> Result<Summary, Problem> {
    let currency = asked.currency.as_ref().map_or(me.currency.as_str(), Currency::as_str);
    let rows = sql::groups(tx, me.user_id, me.now.saturating_sub(FRESH)).await?;
    let (rows, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.currency == currency);
    let mut other_currencies: Vec<_> = others.into_iter().map(|row| row.currency).collect();
    other_currencies.dedup();
    let count = |of: fn(&sql::Group) -> i64| rows.iter().map(of).sum();
    let value = total(&rows, |row| row.value);
    let (gain, gain_percentage) = gained(&rows);
    let by_type = |row: &sql::Group| {
        let (gain, gain_percentage) = gained(std::slice::from_ref(row));
        ByAssetType {
            asset_type: row.asset_type.clone(),
            holdings: row.holdings,
            value: Money::of(row.value),
            percentage: share(Money::of(row.value), value),
            cost_basis: Money::of(row.cost_basis),
            gain,
            gain_percentage,
        }
    };
    Ok(Summary {
        currency: currency.to_owned(),
        other_currencies,
        holdings: count(|row| row.holdings),
        value,
        cost_basis: total(&rows, |row| row.cost_basis),
        gain,
        gain_percentage,
        without_valuation: count(|row| row.without_valuation),
        stale: count(|row| row.stale),
        oldest_valuation: rows.iter().filter_map(|row| row.oldest_valuation).min(),
        by_asset_type: rows.iter().map(by_type).collect(),
    })
}
