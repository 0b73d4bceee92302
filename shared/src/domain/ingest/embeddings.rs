//! Vectors that stand for transactions: what `POST /transactions/similar` compares.

use super::{
    fields::Vector,
    rows::{Outcomes, RowOutcome, Rows, by_user},
    sql,
};
use crate::{
    domain::services::with_service,
    platform::{
        db::{Db, Tx},
        fields::{Fields, Read, Text},
        http::Call,
        problem::Problem,
    },
};
use std::collections::{BTreeMap, HashSet, btree_map::Entry};
use uuid::Uuid;

/// Vectors that are stored by one statement: each is put into a graph, which takes its time.
const TOGETHER: usize = 100;

/// What `PUT /ingest/embeddings` takes.
pub struct Embeddings(Rows);

impl Read for Embeddings {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Rows::read(fields, "embeddings")))
    }
}

/// The form of [`Embeddings`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct EmbeddingsBody {
    /// At most 500, of as many users.
    embeddings: Option<Vec<EmbeddingRow>>,
}

/// A transaction's vector.
#[derive(utoipa::ToSchema)]
#[schema(as = IngestEmbedding)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct EmbeddingRow {
    /// Whose.
    user_id: Uuid,
    /// Which.
    transaction_id: Uuid,
    /// 384 numbers.
    #[schema(example = json!([0.0123, -0.4567]))]
    vector: Vec<f32>,
    /// The model that made it, 1 to 100 characters: only vectors of one model are compared.
    #[schema(example = "all-MiniLM-L6-v2")]
    model: String,
}

struct Row {
    user_id: Uuid,
    transaction_id: Uuid,
    vector: Vector,
    model: Text<1, 100>,
}

impl Read for Row {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (user_id, transaction_id) = (fields.required("user_id"), fields.required("transaction_id"));
        let (vector, model) = (fields.required("vector"), fields.required("model"));
        Some(Self { user_id: user_id?, transaction_id: transaction_id?, vector: vector?, model: model? })
    }
}

/// Stores vectors, each in place of the one before.
pub async fn embed(db: &Db, call: &Call, new: &Embeddings) -> Result<Outcomes, Problem> {
    let (rows, mut results) = new.0.parse::<Row>();
    if rows.is_empty() {
        with_service(db, call, async |_: &mut Tx| Ok(())).await?;
    }
    by_user(
        rows,
        |row: &Row| row.user_id,
        &mut results,
        async |user_id: Uuid, rows: &[(usize, Row)]| {
            with_service(db, call, async |tx: &mut Tx| of_user(tx, call, user_id, rows).await).await
        },
    )
    .await?;
    Ok(Outcomes::of(results))
}

async fn of_user(tx: &mut Tx, call: &Call, user_id: Uuid, rows: &[(usize, Row)]) -> Result<Vec<RowOutcome>, Problem> {
    let ids: Vec<_> = rows.iter().map(|(_, row)| row.transaction_id).collect();
    let there: HashSet<_> = sql::embeddings::live(tx, user_id, &ids).await?.into_iter().collect();
    let (mut outcomes, mut new) = (Vec::new(), BTreeMap::new());
    for (index, row) in rows {
        let id = row.transaction_id;
        if !there.contains(&id) {
            let detail = "The user has no such transaction: check both ids.";
            outcomes.push(RowOutcome::refused(*index, "/transaction_id", "not_found", detail));
        } else if let Entry::Vacant(place) = new.entry(id) {
            place.insert((*index, row));
        } else {
            let detail = "An earlier row is of the same transaction: send one.";
            outcomes.push(RowOutcome::refused(*index, "/transaction_id", "duplicate_id", detail));
        }
    }
    // In the order of their ids, so that two requests with the same rows never wait for each other in a circle.
    let new: Vec<_> = new.into_iter().collect();
    for some in new.chunks(TOGETHER) {
        let ids: Vec<_> = some.iter().map(|(id, _)| *id).collect();
        let (vectors, models): (Vec<_>, Vec<_>) =
            some.iter().map(|(_, (_, row))| (row.vector.text(), row.model.as_str().to_owned())).unzip();
        let stored = sql::embeddings::put(tx, user_id, &ids, &vectors, &models, call.now).await?;
        let stored: HashSet<_> = stored.into_iter().collect();
        outcomes.extend(some.iter().map(|(id, (index, _))| {
            RowOutcome::of(*index, if stored.contains(id) { "stored" } else { "existing" }, *id)
        }));
    }
    Ok(outcomes)
}
