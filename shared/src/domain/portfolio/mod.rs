//! What users own beside money: holdings, and what they were last worth. Nothing here fetches prices: a valuation is what the
//! user, or a program of the user's, says.

mod edit;
mod sql;
mod summary;
mod units;

use super::{
    auth::Me,
    budgets::Percent,
    money::{Currency, Money, Worth},
    pages::{COUNTED, Instant, Page, PageQuery, Place},
};
use crate::platform::{
    db::Tx,
    fields::{Fault, Field, Fields, Read, Text},
    jwt::KeySet,
    problem::Problem,
};
pub use edit::{HoldingPatchBody, Patch, create, delete, update};
use rust_decimal::Decimal;
use serde::Serialize;
pub use summary::{Asked, ByAssetType, Summary, SummaryQuery, summary};
use time::{Duration, OffsetDateTime};
pub use units::Units;
use uuid::Uuid;

/// A valuation older than this is stale.
const FRESH: Duration = Duration::days(7);
/// Clocks differ: a valuation may be of so much later than now.
const SKEW: Duration = Duration::minutes(5);

/// What a holding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssetType(&'static str);

const ASSET_TYPES: [&str; 7] = ["stock", "etf", "fund", "bond", "crypto", "cash", "other"];

impl AssetType {
    fn as_str(self) -> &'static str {
        self.0
    }
}

impl Field for AssetType {
    fn from_text(text: &str) -> Result<Self, Fault> {
        ASSET_TYPES
            .into_iter()
            .find(|known| *known == text)
            .map(Self)
            .ok_or_else(|| Fault::new("not_an_asset_type", "Send stock, etf, fund, bond, crypto, cash or other."))
    }
}

/// What `POST /portfolio/holdings` takes.
pub struct NewHolding {
    asset_type: AssetType,
    identifier: Text<1, 255>,
    units: Units,
    cost_basis: Option<Worth>,
    last_valuation: Option<Worth>,
    valued_at: Option<Instant>,
    currency: Option<Currency>,
}

impl Read for NewHolding {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (asset_type, identifier) = (fields.required("asset_type"), fields.required("identifier"));
        let (units, cost_basis) = (fields.required("units"), fields.optional("cost_basis"));
        let unvalued = !fields.has("last_valuation");
        let (last_valuation, valued_at) = (fields.optional("last_valuation"), fields.optional("valued_at"));
        if unvalued && valued_at.is_some() {
            fields.refuse("valued_at", no_valuation());
        }
        let currency = fields.optional("currency");
        Some(Self {
            asset_type: asset_type?,
            identifier: identifier?,
            units: units?,
            cost_basis,
            last_valuation,
            valued_at,
            currency,
        })
    }
}

fn no_valuation() -> Fault {
    Fault::new("no_valuation", "Send last_valuation, too, or leave this field out.")
}

/// The form of [`NewHolding`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewHoldingBody {
    /// `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
    #[schema(example = "etf")]
    asset_type: String,
    /// A ticker, an ISIN or a contract's address: 1 to 255 characters.
    #[schema(example = "VWCE")]
    identifier: String,
    /// A string or a number with at most eight decimals, not below zero.
    #[schema(example = "12.5")]
    units: String,
    /// What all units together cost; not below zero.
    #[schema(example = "1100.00")]
    cost_basis: Option<String>,
    /// What all units together were last worth; not below zero.
    #[schema(example = "1250.40")]
    last_valuation: Option<String>,
    /// When they were; now when left out.
    #[schema(format = DateTime, example = "2026-01-31T12:00:00Z")]
    valued_at: Option<String>,
    /// ISO 4217 with at most two minor digits; the user's own when left out.
    #[schema(example = "EUR")]
    currency: Option<String>,
}

/// Something a user owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Holding {
    /// Its id.
    pub id: Uuid,
    /// `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
    #[schema(example = "etf")]
    pub asset_type: String,
    /// A ticker, an ISIN or a contract's address.
    #[schema(example = "VWCE")]
    pub identifier: String,
    /// How many, with eight decimals.
    #[schema(value_type = String, example = "12.50000000")]
    pub units: Units,
    /// What all units together cost.
    #[schema(value_type = Option<String>, example = "1100.00")]
    pub cost_basis: Option<Money>,
    /// What all units together were worth at `valued_at`.
    #[schema(value_type = Option<String>, example = "1250.40")]
    pub last_valuation: Option<Money>,
    /// When `last_valuation` was true.
    #[serde(with = "time::serde::rfc3339::option")]
    #[schema(example = "2026-01-30T17:30:00Z")]
    pub valued_at: Option<OffsetDateTime>,
    /// The currency of its amounts.
    #[schema(example = "EUR")]
    pub currency: String,
    /// What it is worth as far as is known: its last valuation.
    #[schema(value_type = Option<String>, example = "1250.40")]
    pub value: Option<Money>,
    /// `value` less `cost_basis`; null when either is not known.
    #[schema(value_type = Option<String>, example = "150.40")]
    pub gain: Option<Money>,
    /// `gain` in percent of `cost_basis`; null when either is not known, or nothing was paid.
    #[schema(value_type = Option<f64>, example = 13.67)]
    pub gain_percentage: Option<Percent>,
    /// Valued more than seven days ago, or never.
    pub stale: bool,
    /// Whether it was deleted; only a `portfolio_update` says so.
    pub is_deleted: bool,
    /// When it was added.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When it last changed.
    #[serde(with = "time::serde::rfc3339")]
    pub updated_at: OffsetDateTime,
    #[serde(skip)]
    changed_seq: i64,
}

/// What `worth` is more than `cost`, and that in percent of `cost`.
fn gain(worth: Option<Money>, cost: Option<Money>) -> (Option<Money>, Option<Percent>) {
    let Some((worth, cost)) = worth.zip(cost) else { return (None, None) };
    let gain = Money::of(worth.amount().saturating_sub(cost.amount()));
    (Some(gain), share(gain, cost))
}

fn share(part: Money, whole: Money) -> Option<Percent> {
    (whole.amount() > Decimal::ZERO).then(|| Percent::of(part, whole))
}

/// Whether a valuation has been true for too long to go by.
fn is_stale(valued_at: Option<OffsetDateTime>, now: OffsetDateTime) -> bool {
    valued_at.is_none_or(|at| at < now.saturating_sub(FRESH))
}

impl Holding {
    /// Changes whenever the holding does.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.changed_seq)
    }

    /// Says again what follows from the rest.
    fn reckoned(mut self, now: OffsetDateTime) -> Self {
        self.value = self.last_valuation;
        (self.gain, self.gain_percentage) = gain(self.value, self.cost_basis);
        self.stale = is_stale(self.valued_at, now);
        self
    }
}

/// Refuses a valuation of days to come.
fn not_to_come(valued_at: Option<Instant>, me: &Me) -> Result<Option<OffsetDateTime>, Problem> {
    if valued_at.is_some_and(|at| at.0 > me.now.saturating_add(SKEW)) {
        return Err(Problem::field("/valued_at", "in_the_future", "Send an instant that is not in the future."));
    }
    Ok(valued_at.map(|at| at.0))
}

/// Which holdings.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// Of this type.
    pub asset_type: Option<AssetType>,
    /// In this currency.
    pub currency: Option<Currency>,
}

/// What `GET /portfolio/holdings` takes.
pub struct List {
    filters: Filters,
    page: PageQuery,
}

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        let filters = Filters { asset_type: fields.optional("asset_type"), currency: fields.optional("currency") };
        Some(Self { filters, page: PageQuery::read(fields) })
    }
}

/// The form of [`Filters`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct FilterQuery {
    /// `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
    asset_type: Option<String>,
    /// In this currency.
    #[param(example = "EUR")]
    currency: Option<String>,
}

/// A page of the user's holdings, the last added first.
pub async fn list(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &List) -> Result<Page<Holding>, Problem> {
    let List { filters, page } = asked;
    let canonical = format!("holdings {filters:?}");
    let after = page.place(keys, me.user_id, &canonical)?.map(|place| place.id);
    let rows = (page.wanted(), page.offset);
    let (data, counted) = sql::list(tx, me.user_id, filters, after, rows, COUNTED.saturating_add(1)).await?;
    let data = data.into_iter().map(|holding| holding.reckoned(me.now)).collect();
    let place = |last: &Holding| Place { date: last.created_at.date(), id: last.id };
    let page = page.page(keys, me.user_id, &canonical, counted.min(COUNTED), data, place);
    Ok(Page { total_capped: counted > COUNTED, ..page })
}

/// One holding.
pub async fn get(tx: &mut Tx, me: &Me, id: Uuid) -> Result<Holding, Problem> {
    let found = sql::get(tx, me.user_id, id).await?.ok_or_else(Problem::not_found)?;
    Ok(found.reckoned(me.now))
}
