//! Charges that recur: found at night in what a user spent, shown with their evidence, and announced before they come.

mod cadence;
mod detect;
mod remind;
mod sql;

use super::{
    auth::Me,
    money::{Currency, Money},
    pages::{COUNTED, Page, PageQuery, Place, iso},
};
use crate::platform::{
    db::Tx,
    fields::{Fault, Field, Fields, Read},
    jwt::KeySet,
    problem::Problem,
};
use cadence::Cadence;
pub use detect::detect;
pub use remind::remind;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// A charge that recurs.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Subscription {
    /// Its id; it stays the same while the charge goes on, whatever it costs.
    pub id: Uuid,
    /// The merchant's name, or the text of its last charge where no merchant was recognised.
    #[schema(example = "Netflix")]
    pub name: String,
    /// The merchant, where one was recognised.
    pub merchant_id: Option<Uuid>,
    /// The category of its last charge.
    #[schema(example = "Entertainment")]
    pub category: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// `weekly`, `biweekly`, `four_weekly`, `monthly`, `bimonthly`, `quarterly`, `half_yearly` or `yearly`.
    #[schema(example = "monthly")]
    pub cadence: String,
    /// What the next charge is expected to be: the last price where prices move in steps, else the mean of the last six.
    #[schema(value_type = String, example = "15.99")]
    pub amount: Money,
    /// The mean of all charges that were looked at.
    #[schema(value_type = String, example = "14.49")]
    pub amount_mean: Money,
    /// The median of the days from one charge to the next.
    #[schema(example = 30)]
    pub period_days: i32,
    /// What it costs a month: a twelfth of a year.
    #[schema(value_type = String, example = "15.99")]
    pub monthly_cost: Money,
    /// What it costs a year.
    #[schema(value_type = String, example = "191.88")]
    pub yearly_cost: Money,
    /// When the next charge is due. In the past where it is late, and where there is none any more.
    #[serde(with = "iso")]
    #[schema(value_type = String, format = Date, example = "2026-02-15")]
    pub next_expected_date: Date,
    /// Whether it goes on: no charge is missing for longer than a period (two weeks at least, 45 days at most).
    pub is_active: bool,
    /// How sure it is, above 0 and below 1.
    #[schema(example = 0.92)]
    pub confidence: f64,
    /// Why it counts as recurring.
    pub evidence: Evidence,
    /// When it was found.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    #[serde(skip)]
    changed_seq: i64,
}

impl Subscription {
    /// Changes whenever the subscription does.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.changed_seq)
    }

    /// Says what it costs.
    fn reckoned(mut self) -> Self {
        let per_year = Cadence::of(&self.cadence).map_or(0, |cadence| cadence.per_year);
        let yearly = self.amount.amount().saturating_mul(Decimal::from(per_year));
        self.yearly_cost = Money::of(yearly);
        self.monthly_cost = twelfth(yearly);
        self
    }
}

/// A twelfth, to the cent.
fn twelfth(yearly: Decimal) -> Money {
    let month = yearly.checked_div(Decimal::from(12)).unwrap_or_default();
    Money::of(month.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero))
}

/// Why a charge counts as recurring: what was seen in the last 37 months.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Evidence {
    /// How many charges.
    #[schema(example = 11)]
    pub charges: i64,
    /// The first of them.
    #[schema(value_type = String, format = Date, example = "2025-03-15")]
    pub first_date: String,
    /// The last of them.
    #[schema(value_type = String, format = Date, example = "2026-01-15")]
    pub last_date: String,
    /// The share of charges that came when they were due, from 0.8 to 1.
    #[schema(example = 1.0)]
    pub regularity: f64,
    /// The share of charges that cost about as usual, from 0.8 to 1.
    #[schema(example = 1.0)]
    pub steadiness: f64,
    /// The last change of a price that moves in steps.
    pub price_change: Option<PriceChange>,
    /// The last charges, twelve at most, the newest first.
    pub recent: Vec<Charge>,
}

/// A price that went up or down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PriceChange {
    /// The first charge of the new price.
    #[schema(value_type = String, format = Date, example = "2025-09-15")]
    pub date: String,
    /// What it was before.
    #[schema(example = "12.99")]
    pub from: String,
    /// What it is now.
    #[schema(example = "15.99")]
    pub to: String,
}

/// One of its charges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Charge {
    /// The transaction.
    pub transaction_id: Uuid,
    /// When.
    #[schema(value_type = String, format = Date, example = "2026-01-15")]
    pub date: String,
    /// How much.
    #[schema(example = "15.99")]
    pub amount: String,
}

/// Whether subscriptions go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Active,
    Ended,
    All,
}

impl Field for Wanted {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match text {
            "active" => Ok(Self::Active),
            "ended" => Ok(Self::Ended),
            "all" => Ok(Self::All),
            _ => Err(Fault::new("not_a_choice", "Send active, ended or all.")),
        }
    }
}

/// What `GET /subscriptions` takes.
pub struct List {
    wanted: Wanted,
    currency: Option<Currency>,
    page: PageQuery,
}

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        let wanted = fields.optional("status").unwrap_or(Wanted::Active);
        Some(Self { wanted, currency: fields.optional("currency"), page: PageQuery::read(fields) })
    }
}

/// The form of [`List`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct ListQuery {
    /// `active` when left out, `ended` or `all`.
    #[param(example = "active")]
    status: Option<String>,
    /// In this currency.
    #[param(example = "EUR")]
    currency: Option<String>,
}

/// A page of subscriptions, and what all active ones cost.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Subscriptions {
    /// The page, the next charge first.
    #[serde(flatten)]
    pub page: Page<Subscription>,
    /// What all active subscriptions cost, by currency: of all pages, whatever is filtered.
    pub totals: Vec<Total>,
}

/// What all active subscriptions of a currency cost.
#[derive(Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Total {
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// How many.
    #[schema(example = 1)]
    pub subscriptions: i64,
    /// What they cost a month: a twelfth of a year.
    #[schema(value_type = String, example = "15.99")]
    pub monthly_cost: Money,
    /// What they cost a year.
    #[schema(value_type = String, example = "191.88")]
    pub yearly_cost: Money,
}

/// A page of the user's subscriptions, the next charge first.
pub async fn list(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &List) -> Result<Subscriptions, Problem> {
    let List { wanted, currency, page } = asked;
    let canonical = format!("subscriptions {wanted:?} {currency:?}");
    let after = page.place(keys, me.user_id, &canonical)?;
    let active = match wanted {
        Wanted::Active => Some(true),
        Wanted::Ended => Some(false),
        Wanted::All => None,
    };
    let filter = (active, currency.as_ref().map(Currency::as_str));
    let data = sql::list(tx, me.user_id, filter, after, (page.wanted(), page.offset)).await?;
    let counted = page.total(&data, sql::count(tx, me.user_id, filter, COUNTED.saturating_add(1))).await?;
    let data = data.into_iter().map(Subscription::reckoned).collect();
    let place = |last: &Subscription| Place { date: last.next_expected_date, id: last.id };
    let page = page.page(keys, me.user_id, &canonical, counted.min(COUNTED), data, place);
    let totals = totals(&sql::costs(tx, me.user_id).await?);
    Ok(Subscriptions { page: Page { total_capped: counted > COUNTED, ..page }, totals })
}

/// One subscription.
pub async fn get(tx: &mut Tx, me: &Me, id: Uuid) -> Result<Subscription, Problem> {
    let found = sql::get(tx, me.user_id, id).await?.ok_or_else(Problem::not_found)?;
    Ok(found.reckoned())
}

/// Sums up what cadences of a currency cost; they come in the order of their currencies.
fn totals(costs: &[sql::Cost]) -> Vec<Total> {
    let mut totals: Vec<Total> = Vec::new();
    for cost in costs {
        let per_year = Cadence::of(&cost.cadence).map_or(0, |cadence| cadence.per_year);
        let yearly = cost.amount.saturating_mul(Decimal::from(per_year));
        match totals.last_mut().filter(|total| total.currency == cost.currency) {
            Some(total) => {
                total.subscriptions = total.subscriptions.saturating_add(cost.subscriptions);
                total.yearly_cost = Money::of(total.yearly_cost.amount().saturating_add(yearly));
            }
            None => totals.push(Total {
                currency: cost.currency.clone(),
                subscriptions: cost.subscriptions,
                monthly_cost: Money::of(Decimal::ZERO),
                yearly_cost: Money::of(yearly),
            }),
        }
    }
    for total in &mut totals {
        total.monthly_cost = twelfth(total.yearly_cost.amount());
    }
    totals
}
