//! Merchants: finding one by what a person types, and by what a bank prints; adding and merging them.

mod import;
mod merges;
mod new;
mod search;
mod sql;
mod statistics;

use crate::platform::{db::Tx, problem::Problem};
pub use import::{BODY_LIMIT, Left, Report, import, import_csv};
pub use merges::{Merge, MergeBody, Merging, merge, open_merges, undo, work_off};
pub use new::{Force, MerchantDetail, NewMerchant, NewMerchantBody, create};
pub use search::{Found, Merchants, Search, search};
use serde::Serialize;
pub use sql::Matched;
pub use statistics::{OfCategory, OfMerchant, Statistics, StatisticsParams, StatisticsQuery, Sum, statistics};
use uuid::Uuid;

/// A merchant as it stands beside a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Merchant {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    #[schema(example = "Netflix")]
    pub canonical_name: String,
    /// The category it usually means.
    #[schema(example = "Subscriptions")]
    pub category: String,
}

/// The merchants that any of these normalised names belongs to.
pub async fn matching(tx: &mut Tx, names: &[String]) -> Result<Vec<Matched>, Problem> {
    Ok(sql::matching(tx, names).await?)
}

/// The merchants of these ids, each with the id it was asked by: of one that was merged, the one that it was merged into.
pub async fn by_ids(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<(Uuid, Merchant)>, Problem> {
    Ok(sql::by_ids(tx, ids).await?)
}
