//! Corrections of categories: what the next import goes by, and what the recognition is trained with.

use super::{
    Transaction,
    edit::{self, Patch},
    sql,
};
use crate::{
    domain::{auth::Me, categories::Category},
    platform::{
        clock,
        db::{Db, Tx},
        fields::{Fields, Read, Text},
        http::Call,
        problem::Problem,
    },
};
use serde::Serialize;
use uuid::Uuid;

/// Corrections, of all users, that make a training.
pub const PER_TRAINING: i64 = 500;

/// What `POST /transactions/correct` takes.
pub struct Correction {
    transaction_id: Uuid,
    new_category: Category,
    reason: Option<Text<0, 1000>>,
}

impl Read for Correction {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (transaction_id, new_category) = (fields.required("transaction_id"), fields.required("new_category"));
        let reason = fields.optional("reason");
        Some(Self { transaction_id: transaction_id?, new_category: new_category?, reason })
    }
}

/// The form of [`Correction`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct CorrectionBody {
    /// Which transaction.
    transaction_id: Uuid,
    /// 1 to 100 characters.
    #[schema(example = "Groceries")]
    new_category: String,
    /// Why, in at most 1,000 characters.
    reason: Option<String>,
}

/// What `POST /transactions/correct` answers.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Corrected {
    /// For a person.
    #[schema(example = "Corrected.")]
    pub message: &'static str,
    /// The category before.
    #[schema(example = "Shopping")]
    pub old_category: String,
    /// The category now.
    #[schema(example = "Groceries")]
    pub new_category: String,
}

/// Files a transaction under another category, for good. Also says whether a training is due.
pub async fn correct(tx: &mut Tx, me: &Me, call: &Call, new: &Correction) -> Result<(Corrected, bool), Problem> {
    let patch = Patch { category: Some(new.new_category.clone()), ..Patch::default() };
    let reason = new.reason.as_ref().map(Text::as_str).filter(|reason| !reason.is_empty());
    let changed = edit::change(tx, me, call, new.transaction_id, &patch, reason).await?;
    let new_category = changed.transaction.category;
    let message = if changed.old_category == new_category { "It was in this category already." } else { "Corrected." };
    Ok((Corrected { message, old_category: changed.old_category, new_category }, changed.training_due))
}

/// Records that the user moved a transaction, which is stored already, to another category. Says whether a training is due.
pub(super) async fn record(
    tx: &mut Tx,
    me: &Me,
    after: &Transaction,
    old_category: &str,
    reason: Option<&str>,
) -> Result<bool, Problem> {
    let waiting = sql::corrections::insert(tx, me.user_id, after, old_category, reason, me.now).await?;
    Ok(waiting >= PER_TRAINING)
}

/// Whether a training is due that nobody was told of: after a kill before the task was sent.
pub async fn is_training_due(tx: &mut Tx) -> Result<bool, Problem> {
    Ok(sql::corrections::is_training_due(tx).await?)
}

/// Requests the trainings that are due: each takes five hundred corrections, and each correction goes into one. Twice,
/// or at the same time, does no harm.
pub async fn request_trainings(db: &Db) -> Result<(), Problem> {
    let next = async |tx: &mut Tx| {
        sql::corrections::lock_gathering(tx).await?;
        Ok::<_, Problem>(sql::corrections::gather(tx, clock::now()).await?)
    };
    while db.tx(next).await? {}
    Ok(())
}
