//! Finding merchants by what a person types.

use super::sql;
use crate::{
    domain::{categories::Category, imports::statement::alias_key},
    platform::{
        db::Tx,
        fields::{Fields, Read, Text},
        problem::Problem,
    },
};
use serde::Serialize;
use uuid::Uuid;

/// A merchant that a search found.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Found {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    #[schema(example = "Corner Coffee")]
    pub canonical_name: String,
    /// Its category.
    #[schema(example = "Food & Dining")]
    pub category: String,
    /// Other names it goes by.
    #[schema(example = json!(["CORNER COFFEE VIENNA", "CRNR COFFEE"]))]
    pub aliases: Vec<String>,
    /// 1.0 for the name itself, 0.9 an alias, 0.7 a prefix, else how similar the name is (0.3 to 1.0).
    #[schema(example = 0.75)]
    pub score: f32,
}

/// What a search answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Merchants {
    /// The best first; similar names after all others.
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
    let q = search.q.as_str().split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(sql::search(tx, &q, &alias_key(&q), search.category.as_ref().map(Text::as_str)).await?)
}
