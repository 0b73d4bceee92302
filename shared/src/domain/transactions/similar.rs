//! Transactions that mean nearly the same, by their embeddings.

use super::{Transaction, sql};
use crate::{
    domain::auth::Me,
    platform::{
        db::Tx,
        fields::{Bounded, Fields, Read},
        problem::Problem,
    },
};
use serde::Serialize;
use uuid::Uuid;

/// Embeddings of one user up to which each is compared: always right, and for so few as fast as the index over
/// everybody's, which has to pass over the others' on its way.
pub const COMPARED: i64 = 100_000;

/// What `POST /transactions/similar` takes.
pub struct Similar {
    transaction_id: Uuid,
    limit: i64,
}

impl Read for Similar {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (transaction_id, limit) = (fields.required("transaction_id"), fields.optional::<Bounded<1, 50>>("limit"));
        Some(Self { transaction_id: transaction_id?, limit: limit.map_or(10, |n| n.0) })
    }
}

/// The form of [`Similar`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct SimilarBody {
    /// Similar to this one.
    transaction_id: Uuid,
    /// At most so many, 1 to 50.
    #[schema(default = 10)]
    limit: Option<i64>,
}

/// A transaction that is like another.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Neighbour {
    /// The transaction.
    #[serde(flatten)]
    pub transaction: Transaction,
    /// Cosine similarity, from -1 to 1.
    #[schema(example = 0.94)]
    pub similarity: f64,
}

/// What `POST /transactions/similar` answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Neighbours {
    /// The most similar first.
    pub data: Vec<Neighbour>,
}

/// The user's transactions that are nearest to one of them.
pub async fn similar(tx: &mut Tx, me: &Me, asked: &Similar) -> Result<Neighbours, Problem> {
    let counted = COMPARED.saturating_add(1);
    let origin = sql::similar::origin(tx, me.user_id, asked.transaction_id, counted).await?;
    let origin = origin.ok_or_else(Problem::not_found)?;
    if !origin.embedded {
        return Err(Problem::conflict(
            "not_embedded",
            "This transaction has not been compared with others yet: try again later.",
        ));
    }
    let exact = origin.embeddings <= COMPARED;
    let near = sql::similar::nearest(tx, me.user_id, asked.transaction_id, asked.limit, exact).await?;
    let neighbour = |(transaction, similarity)| Neighbour { transaction, similarity };
    Ok(Neighbours { data: near.into_iter().map(neighbour).collect() })
}
