//! Statements on holdings. None sees what was deleted.

use super::{Filters, Holding, Units};
use crate::{
    domain::money::{Currency, Money},
    platform::db::Tx,
};
use rust_decimal::Decimal;
use sqlx::Error;
use time::OffsetDateTime;
use uuid::Uuid;

struct Row {
    id: Uuid,
    asset_type: String,
    identifier: String,
    units: Decimal,
    cost_basis: Option<Decimal>,
    last_valuation: Option<Decimal>,
    valued_at: Option<OffsetDateTime>,
    currency: String,
    created_at: OffsetDateTime,
    updated_at: OffsetDateTime,
    changed_seq: i64,
}

impl From<Row> for Holding {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            asset_type: row.asset_type,
            identifier: row.identifier,
            units: Units::of(row.units),
            cost_basis: row.cost_basis.map(Money::of),
            last_valuation: row.last_valuation.map(Money::of),
            valued_at: row.valued_at,
            currency: row.currency,
            value: None,
            gain: None,
            gain_percentage: None,
            stale: false,
            is_deleted: false,
            created_at: row.created_at,
            updated_at: row.updated_at,
            changed_seq: row.changed_seq,
        }
    }
}

/// A page, the last added first, and how many there are, as far as `most`. In one statement: a page of nothing has its
/// count, too.
pub(super) async fn list(
    tx: &mut Tx,
    user_id: Uuid,
    filters: &Filters,
    after: Option<Uuid>,
    (limit, offset): (i64, i64),
    most: i64,
) -> Result<(Vec<Holding>, i64), Error> {
    let rows = sqlx::query!(
        r#"SELECT c.n AS "n!", h.id AS "id?", h.asset_type::text, h.identifier AS "identifier?", h.units AS "units?",
                  h.cost_basis, h.last_valuation, h.valued_at, h.currency AS "currency?", h.created_at AS "created_at?",
                  h.updated_at AS "updated_at?", h.changed_seq AS "changed_seq?"
           FROM (
               SELECT count(*) AS n FROM (
                   SELECT FROM portfolio_holdings
                   WHERE user_id = $1 AND NOT is_deleted
                     AND ($3::text IS NULL OR asset_type = ($3::text)::asset_type) AND ($4::text IS NULL OR currency = $4)
                   LIMIT $7
               ) AS counted
           ) AS c
           LEFT JOIN LATERAL (
               SELECT * FROM portfolio_holdings
               WHERE user_id = $1 AND NOT is_deleted AND ($2::uuid IS NULL OR id < $2)
                 AND ($3::text IS NULL OR asset_type = ($3::text)::asset_type) AND ($4::text IS NULL OR currency = $4)
               ORDER BY id DESC LIMIT $5 OFFSET $6
           ) AS h ON true
           ORDER BY h.id DESC"#,
        user_id,
        after,
        filters.asset_type.map(super::AssetType::as_str),
        filters.currency.as_ref().map(Currency::as_str),
        limit,
        offset,
        most,
    )
    .fetch_all(tx)
    .await?;
    let counted = rows.first().map_or(0, |row| row.n);
    let holdings = rows.into_iter().filter_map(|row| {
        let row = Row {
            id: row.id?,
            asset_type: row.asset_type?,
            identifier: row.identifier?,
            units: row.units?,
            cost_basis: row.cost_basis,
            last_valuation: row.last_valuation,
            valued_at: row.valued_at,
            currency: row.currency?,
            created_at: row.created_at?,
            updated_at: row.updated_at?,
            changed_seq: row.changed_seq?,
        };
        Some(Holding::from(row))
    });
    Ok((holdings.collect(), counted))
}

pub(super) async fn get(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Holding>, Error> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, asset_type::text AS "asset_type!", identifier, units, cost_basis, last_valuation, valued_at, currency,
                  created_at, updated_at, changed_seq
           FROM portfolio_holdings WHERE user_id = $1 AND id = $2 AND NOT is_deleted"#,
        user_id,
        id,
    )
    .fetch_optional(tx)
    .await?;
    Ok(row.map(Holding::from))
}

pub(super) async fn insert(tx: &mut Tx, user_id: Uuid, holding: &Holding) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO portfolio_holdings (user_id, id, asset_type, identifier, units, cost_basis, last_valuation, valued_at,
                                         currency, changed_seq, created_at, updated_at)
         VALUES ($1, $2, ($3::text)::asset_type, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
        user_id,
        holding.id,
        holding.asset_type,
        holding.identifier,
        holding.units.number(),
        holding.cost_basis.map(Money::amount),
        holding.last_valuation.map(Money::amount),
        holding.valued_at,
        holding.currency,
        holding.changed_seq,
        holding.created_at,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// Stores what a holding has become. Under the user's turn, so that nobody changed it meanwhile.
pub(super) async fn update(tx: &mut Tx, user_id: Uuid, holding: &Holding) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE portfolio_holdings
         SET asset_type = ($3::text)::asset_type, identifier = $4, units = $5, cost_basis = $6, last_valuation = $7,
             valued_at = $8, currency = $9, changed_seq = $10, updated_at = $11, is_deleted = $12,
             deleted_at = CASE WHEN $12 THEN $11::timestamptz END
         WHERE user_id = $1 AND id = $2 AND NOT is_deleted",
        user_id,
        holding.id,
        holding.asset_type,
        holding.identifier,
        holding.units.number(),
        holding.cost_basis.map(Money::amount),
        holding.last_valuation.map(Money::amount),
        holding.valued_at,
        holding.currency,
        holding.changed_seq,
        holding.updated_at,
        holding.is_deleted,
    )
    .execute(tx)
    .await
    .map(drop)
}

/// The sums of a currency and type.
pub(super) struct Group {
    pub currency: String,
    pub asset_type: String,
    pub holdings: i64,
    pub value: Decimal,
    pub cost_basis: Decimal,
    /// Holdings with a valuation and a cost basis; and of these alone:
    pub known: i64,
    pub known_value: Decimal,
    pub known_cost: Decimal,
    pub without_valuation: i64,
    pub stale: i64,
    pub oldest_valuation: Option<OffsetDateTime>,
}

pub(super) async fn groups(tx: &mut Tx, user_id: Uuid, fresh_from: OffsetDateTime) -> Result<Vec<Group>, Error> {
    sqlx::query_as!(
        Group,
        r#"SELECT currency, asset_type::text AS "asset_type!", count(*) AS "holdings!",
                  coalesce(sum(last_valuation), 0) AS "value!", coalesce(sum(cost_basis), 0) AS "cost_basis!",
                  count(*) FILTER (WHERE last_valuation IS NOT NULL AND cost_basis IS NOT NULL) AS "known!",
                  coalesce(sum(last_valuation) FILTER (WHERE cost_basis IS NOT NULL), 0) AS "known_value!",
                  coalesce(sum(cost_basis) FILTER (WHERE last_valuation IS NOT NULL), 0) AS "known_cost!",
                  count(*) FILTER (WHERE last_valuation IS NULL) AS "without_valuation!",
                  count(*) FILTER (WHERE valued_at IS NULL OR valued_at < $2) AS "stale!",
                  min(valued_at) AS oldest_valuation
           FROM portfolio_holdings WHERE user_id = $1 AND NOT is_deleted
           GROUP BY currency, asset_type ORDER BY currency, asset_type"#,
        user_id,
        fresh_from,
    )
    .fetch_all(tx)
    .await
}
