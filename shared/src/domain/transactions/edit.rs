//! Changing, deleting and restoring a transaction.

use super::{MerchantText, Note, Transaction, corrections, create::recognise, sql};
use crate::{
    domain::{
        auth::Me,
        budgets,
        categories::{Category, UNCATEGORIZED},
        events::Turn,
        merchants::Merchant,
        money::{Currency, Money},
        pages::Day,
    },
    platform::{
        db::Tx,
        fields::{Fields, Read},
        http::Call,
        problem::Problem,
    },
};
use serde_json::{Value, json};
use sql::edit::Held;
use uuid::Uuid;

/// What `PATCH /transactions/{id}` takes: what is left out stays.
#[derive(Default)]
pub struct Patch {
    /// Positive is money out.
    pub amount: Option<Money>,
    /// The local date.
    pub date: Option<Day>,
    /// What to recognise the merchant by.
    pub merchant_raw: Option<MerchantText>,
    /// Chosen by the user.
    pub category: Option<Category>,
    /// The currency.
    pub currency: Option<Currency>,
    /// A note, or none.
    pub note: Option<Option<Note>>,
}

impl Read for Patch {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self {
            amount: fields.changed("amount"),
            date: fields.changed("date"),
            merchant_raw: fields.changed("merchant_raw"),
            category: fields.changed("category"),
            currency: fields.changed("currency"),
            note: fields.nullable("note"),
        })
    }
}

/// The form of [`Patch`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct TransactionPatchBody {
    /// Positive is money out, negative a refund or income; a string or a number with at most two decimals.
    #[schema(nullable = false, example = "12.50")]
    amount: Option<String>,
    /// The local date.
    #[schema(nullable = false, format = Date, example = "2026-01-31")]
    date: Option<String>,
    /// What to recognise the merchant by: 1 to 500 characters.
    #[schema(nullable = false)]
    merchant_raw: Option<String>,
    /// 1 to 100 characters.
    #[schema(nullable = false)]
    category: Option<String>,
    /// ISO 4217 with at most two minor digits.
    #[schema(nullable = false, example = "EUR")]
    currency: Option<String>,
    /// At most 2,000 characters; null takes it away.
    note: Option<String>,
}

/// What became of a transaction.
pub struct Changed {
    /// As it is now.
    pub transaction: Transaction,
    /// What it was filed under before.
    pub old_category: String,
    /// Whether enough corrections wait for a training to be queued.
    pub training_due: bool,
}

/// A category's place among the confidences. At 1 the user chose it, and nothing but the user changes it.
const CATEGORY: &str = "category";

fn chosen(confidence: &Value) -> bool {
    confidence.get(CATEGORY).and_then(Value::as_f64).is_some_and(|sure| sure >= 1.0)
}

/// Begins a change of a transaction that is not deleted and, if the caller says so, has not changed.
async fn begin(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<(Turn, Held), Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let held = sql::edit::held(tx, me.user_id, id).await?;
    let held = held.filter(|held| !held.transaction.is_deleted).ok_or_else(Problem::not_found)?;
    call.check_match(&held.transaction.etag())?;
    Ok((turn, held))
}

/// Changes a transaction. Another merchant's text is recognised anew, and with it the category, unless the user chose
/// that one.
pub async fn update(tx: &mut Tx, me: &Me, call: &Call, id: Uuid, patch: &Patch) -> Result<Changed, Problem> {
    change(tx, me, call, id, patch, None).await
}

pub(super) async fn change(
    tx: &mut Tx,
    me: &Me,
    call: &Call,
    id: Uuid,
    patch: &Patch,
    reason: Option<&str>,
) -> Result<Changed, Problem> {
    let (turn, held) = begin(tx, me, call, id).await?;
    let before = held.transaction;
    let mut after = before.clone();
    after.amount = patch.amount.unwrap_or(before.amount);
    after.date = patch.date.map_or(before.date, |day| day.0);
    if let Some(currency) = &patch.currency {
        currency.as_str().clone_into(&mut after.currency);
    }
    if let Some(note) = &patch.note {
        after.note = note.as_ref().map(|note| note.as_str().to_owned()).filter(|note| !note.is_empty());
    }
    let renamed = patch.merchant_raw.as_ref().map(MerchantText::as_str).filter(|raw| *raw != before.merchant_raw);
    if let Some(raw) = renamed {
        raw.clone_into(&mut after.merchant_raw);
        let known = recognised(tx, me.user_id, &mut after).await?;
        if !chosen(&before.confidence) {
            after.category = known;
        }
    }
    if let Some(category) = &patch.category {
        category.as_str().clone_into(&mut after.category);
        if let Value::Object(confidence) = &mut after.confidence {
            confidence.insert(CATEGORY.to_owned(), json!(1.0));
        }
    }
    let key = recognise(&after.merchant_raw).key;
    if !looks_same(&before, &after) {
        after.duplicate_of = if held.kept { None } else { sql::edit::lookalike(tx, me.user_id, &after, key).await? };
    }
    let old_category = before.category.clone();
    if same(&before, &after) {
        return Ok(Changed { transaction: before, old_category, training_due: false });
    }
    stamp(&mut after, &turn, me);
    sql::edit::update(tx, me.user_id, &after, renamed.map(|_| key), held.kept, me.now).await?;
    let corrected = patch.category.is_some() && after.category != before.category;
    let training_due = corrected && corrections::record(tx, me, &after, &old_category, reason).await?;
    tell(tx, me, turn, &[&before], std::slice::from_ref(&after)).await?;
    Ok(Changed { transaction: after, old_category, training_due })
}

/// Finds the merchant of a new text; returns the category that it would have been given.
async fn recognised(tx: &mut Tx, user_id: Uuid, after: &mut Transaction) -> Result<String, Problem> {
    let (amount, recognised) = (after.amount.amount(), recognise(&after.merchant_raw));
    let known = sql::known(tx, user_id, &recognised, amount, after.date, &after.currency).await?;
    after.merchant = match (known.merchant_id, known.canonical_name, known.merchant_category) {
        (Some(id), Some(canonical_name), Some(category)) => Some(Merchant { id, canonical_name, category }),
        _ => None,
    };
    let usual = after.merchant.as_ref().map(|merchant| merchant.category.clone());
    Ok(known.corrected.or(usual).unwrap_or_else(|| UNCATEGORIZED.to_owned()))
}

fn looks_same(before: &Transaction, after: &Transaction) -> bool {
    (before.amount, before.date, &before.currency, &before.merchant_raw)
        == (after.amount, after.date, &after.currency, &after.merchant_raw)
}

fn same(before: &Transaction, after: &Transaction) -> bool {
    looks_same(before, after)
        && (&before.category, &before.note, &before.confidence) == (&after.category, &after.note, &after.confidence)
}

pub(super) fn stamp(after: &mut Transaction, turn: &Turn, me: &Me) {
    after.changed_seq = turn.changed_seq;
    after.updated_at = me.now;
}

/// Tells the user's apps what transactions have become, and of budgets that this moved over a threshold; one that fell
/// below is armed again.
pub(super) async fn tell(
    tx: &mut Tx,
    me: &Me,
    mut turn: Turn,
    before: &[&Transaction],
    after: &[Transaction],
) -> Result<(), Problem> {
    for transaction in after {
        turn.push("transaction_update", transaction)?;
    }
    let touched = before.iter().copied().chain(after);
    let mut spent: Vec<_> =
        touched.map(|transaction| (transaction.category.clone(), transaction.currency.clone())).collect();
    spent.sort_unstable();
    spent.dedup();
    for alert in budgets::check(tx, me.user_id, me.today, me.now, &spent).await? {
        turn.push("budget_alert", &alert)?;
    }
    turn.finish(tx).await
}

/// Deletes a transaction; it can be restored.
pub async fn delete(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<(), Problem> {
    let (turn, held) = begin(tx, me, call, id).await?;
    let mut after = held.transaction;
    after.is_deleted = true;
    stamp(&mut after, &turn, me);
    sql::edit::update(tx, me.user_id, &after, None, held.kept, me.now).await?;
    tell(tx, me, turn, &[], &[after]).await
}

/// Takes a deletion back. One that is not deleted stays as it is.
pub async fn restore(tx: &mut Tx, me: &Me, call: &Call, id: Uuid) -> Result<Transaction, Problem> {
    let turn = Turn::take(tx, me.user_id, me.now).await?;
    let held = sql::edit::held(tx, me.user_id, id).await?.ok_or_else(Problem::not_found)?;
    call.check_match(&held.transaction.etag())?;
    let mut after = held.transaction;
    if !after.is_deleted {
        return Ok(after);
    }
    after.is_deleted = false;
    // Its like may have been made in the meantime, when this one was no original.
    if after.duplicate_of.is_none() && !held.kept {
        let key = recognise(&after.merchant_raw).key;
        after.duplicate_of = sql::edit::lookalike(tx, me.user_id, &after, key).await?;
    }
    stamp(&mut after, &turn, me);
    sql::edit::update(tx, me.user_id, &after, None, held.kept, me.now).await?;
    tell(tx, me, turn, &[], std::slice::from_ref(&after)).await?;
    Ok(after)
}
