//! Merchants: finding one by what a person types, and by what a bank prints.

mod import;
mod sql;

use super::categories::Category;
use crate::platform::{
    db::Tx,
    fields::{Fields, Read, Text},
    problem::Problem,
};
pub use import::{Report, import_csv};
use serde::Serialize;
pub use sql::Matched;
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

/// A merchant that a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub canonical_name: String,
    /// Its category.
    pub category: String,
    /// Other names it goes by.
    pub aliases: Vec<String>,
    /// 1.0 for the name itself, 0.9 an alias, 0.7 a prefix, else how similar the name is (0.3 to 1.0).
    pub score: f32,
}

/// What a search answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Merchants {
    /// The best first.
    pub data: Vec<Found>,
}

/// What a search takes.
pub struct Search {
    q: Text<2, 100>,
    category: Option<Category>,
}

impl Read for Search {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (q, category) = (fields.required("q"), fields.optional("category"));
        Some(Self { q: q?, category })
    }
}

/// Finds merchants in four tiers: the name, an alias, a prefix, a similar name.
pub async fn search(tx: &mut Tx, search: &Search) -> Result<Vec<Found>, Problem> {
    let q = search.q.as_str();
    let key = super::imports::statement::alias_key(q);
    Ok(sql::search(tx, &q.to_lowercase(), &key, search.category.as_ref().map(Text::as_str)).await?)
}

/// The merchants that any of these normalised names belongs to.
pub async fn matching(tx: &mut Tx, names: &[String]) -> Result<Vec<Matched>, Problem> {
    Ok(sql::matching(tx, names).await?)
}
