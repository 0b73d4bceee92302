//! Categories: some twenty of the system's, and any label a user puts on a transaction.

mod sql;

use crate::platform::{db::Tx, fields::Text, problem::Problem};
use serde::Serialize;
use uuid::Uuid;

/// A category's label.
pub type Category = Text<1, 100>;
/// What is in none.
pub const UNCATEGORIZED: &str = "Uncategorized";

/// A category as it is listed.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Listed {
    /// Its label.
    #[schema(example = "Groceries")]
    pub name: String,
    /// `expense`, `income` or `transfer`; none for the user's own.
    #[schema(example = "expense")]
    pub kind: Option<String>,
    /// Whether it is the system's.
    #[schema(example = true)]
    pub system: bool,
}

/// All categories.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Categories {
    /// The system's in their order, then the user's own by name.
    pub data: Vec<Listed>,
}

/// The system's categories in their order, then the user's own by name.
pub async fn list(tx: &mut Tx, user_id: Uuid) -> Result<Vec<Listed>, Problem> {
    Ok(sql::list(tx, user_id).await?)
}
