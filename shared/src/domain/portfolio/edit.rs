//! Adding, changing and deleting holdings. Each tells the user's apps what the holding has become.

use super::{AssetType, Holding, NewHolding, Units, no_valuation, not_to_come, sql};
use crate::{
    domain::{
        auth::Me,
        events::Turn,
        money::{Currency, Worth},
        pages::Instant,
    },
    platform::{
        db::Tx,
        fields::{Fields, Read, Text},
        http::Call,
        problem::Problem,
    },
};
use uuid::Uuid;

/// What `PATCH /portfolio/holdings/{id}` takes: what is left out stays.
pub struct Patch {
    /// What it is.
    pub asset_type: Option<AssetType>,
    /// A ticker, an ISIN or a contract's address.
    pub identifier: Option<Text<1, 255>>,
    /// How many.
    pub units: Option<Units>,
    /// What all units together cost, or that it is not known.
    pub cost_basis: Option<Option<Worth>>,
    /// What all units together are worth, or that it is not known.
    pub last_valuation: Option<Option<Worth>>,
    /// When the valuation was true.
    pub valued_at: Option<Instant>,
    /// The currency.
    pub currency: Option<Currency>,
}

impl Read for Patch {
    fn read(fields: &mut Fields) -> Option<Self> {
        let patch = Self {
            asset_type: fields.changed("asset_type"),
            identifier: fields.changed("identifier"),
            units: fields.changed("units"),
            cost_basis: fields.nullable("cost_basis"),
            last_valuation: fields.nullable("last_valuation"),
            valued_at: fields.changed("valued_at"),
            currency: fields.changed("currency"),
        };
        if patch.last_valuation == Some(None) && patch.valued_at.is_some() {
            fields.refuse("valued_at", no_valuation());
        }
        Some(patch)
    }
}

/// The form of [`Patch`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct HoldingPatchBody {
    /// `stock`, `etf`, `fund`, `bond`, `crypto`, `cash` or `other`.
    #[schema(nullable = false, example = "etf")]
    asset_type: Option<String>,
    /// 1 to 255 characters.
    #[schema(nullable = false, example = "VWCE")]
    identifier: Option<String>,
    /// A string or a number with at most eight decimals, not below zero.
    #[schema(nullable = false, example = "12.5")]
    units: Option<String>,
    /// What all units together cost; null when that is not known.
    #[schema(example = "1100.00")]
    cost_basis: Option<String>,
    /// What all units together are worth; null takes the valuation away, and its instant.
    #[schema(example = "1250.40")]
    last_valuation: Option<String>,
    /// When the valuation was true; now when a new one comes without it.
    #[schema(nullable = false, format = DateTime, example = "2026-01-31T12:00:00Z")]
    valued_at: Option<String>,
    /// ISO 4217 with at most two minor digits. Nothing is converted.
    #[schema(nullable = false, example = "EUR")]
    currency: Option<String>,
}

/// Adds a holding.
pub async fn create(tx: &mut Tx, me: &Me, new: &NewHolding) -> Result<Holding, Problem> {
    let valued_at = not_to_come(new.valued_at, me)?;
    let mut turn = Turn::take(tx, me.user_id, me.now).await?;
    let holding = Holding {
        id: Uuid::now_v7(),
        asset_type: new.asset_type.as_str().to_owned(),
        identifier: new.identifier.as_str().to_owned(),
        units: new.units,
        cost_basis: new.cost_basis.map(|worth| worth.0),
        last_valuation: new.last_valuation.map(|worth| worth.0),
        valued_at: new.last_valuation.map(|_| valued_at.unwrap_or(me.now)),
        currency: new.currency.as_ref().map_or(me.currency.as_str(), Currency::as_str).to_owned(),
        value: None,
        gain: None,
        gain_percentage: None,
        stale: false,
        is_deleted: false,
        created_at: me.now,
        updated_at: me.now,
        changed_seq: turn.changed_seq,
    };
    let holding = holding.reckoned(me.now);
    sql::insert(tx, me.user_id, &holding).await?;
    turn.push("portfolio_update", &holding)?;
    turn.finish(tx).await?;
    Ok(holding)
}

/// Begins a change of a holding that is not deleted and, if the caller says so, has not changed.
async fn begin(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<(Turn, Holding), Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let held = super::get(tx, me, id).await?;
    call.check_match(&held.etag())?;
    Ok((turn, held))
}

/// Stores what a holding has become, and tells the user's apps.
async fn end(tx: &mut Tx, me: &Me, mut turn: Turn, mut after: Holding) -> Result<Holding, Problem> {
    (after.changed_seq, after.updated_at) = (turn.changed_seq, me.now);
    sql::update(tx, me.user_id, &after).await?;
    turn.push("portfolio_update", &after)?;
    turn.finish(tx).await?;
    Ok(after)
}

/// Changes a holding.
pub async fn update(tx: &mut Tx, me: &Me, call: &Call, id: Uuid, patch: &Patch) -> Result<Holding, Problem> {
    let valued_at = not_to_come(patch.valued_at, me)?;
    let (turn, before) = begin(tx, me, call, id).await?;
    let mut after = before.clone();
    if let Some(asset_type) = patch.asset_type {
        asset_type.as_str().clone_into(&mut after.asset_type);
    }
    if let Some(identifier) = &patch.identifier {
        identifier.as_str().clone_into(&mut after.identifier);
    }
    if let Some(currency) = &patch.currency {
        currency.as_str().clone_into(&mut after.currency);
    }
    after.units = patch.units.unwrap_or(before.units);
    after.cost_basis = patch.cost_basis.map_or(before.cost_basis, |cost| cost.map(|worth| worth.0));
    if let Some(valuation) = patch.last_valuation {
        after.last_valuation = valuation.map(|worth| worth.0);
        // The same amount said again is a new valuation: it is true now.
        after.valued_at = valuation.map(|_| valued_at.unwrap_or(me.now));
    } else if valued_at.is_some() {
        if before.last_valuation.is_none() {
            let fault = no_valuation();
            return Err(Problem::field("/valued_at", fault.code, fault.detail));
        }
        after.valued_at = valued_at;
    }
    let after = after.reckoned(me.now);
    if after == before {
        return Ok(before);
    }
    end(tx, me, turn, after).await
}

/// Deletes a holding.
pub async fn delete(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<(), Problem> {
    let (turn, held) = begin(tx, me, call, id).await?;
    end(tx, me, turn, Holding { is_deleted: true, ..held }).await.map(drop)
}
