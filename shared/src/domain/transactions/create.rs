//! Making a transaction by hand.

use super::{MerchantText, Note, Source, Transaction, sql};
use crate::{
    domain::{
        auth::Me,
        budgets,
        categories::{Category, UNCATEGORIZED},
        events::Turn,
        imports::statement::{candidates, merchant_key_text},
        merchants::Merchant,
        money::{Currency, Money},
        pages::Day,
    },
    platform::{
        db::Tx,
        fields::{Fields, Read},
        jwt::sha256,
        problem::Problem,
    },
};
use serde_json::json;
use uuid::Uuid;

/// What `POST /transactions` takes.
pub struct NewTransaction {
    /// Positive is money out.
    pub amount: Money,
    /// The local date.
    pub date: Day,
    /// What to recognise the merchant by.
    pub merchant_raw: MerchantText,
    /// Given by the user, or found.
    pub category: Option<Category>,
    /// The user's, unless given.
    pub currency: Option<Currency>,
    /// A note.
    pub note: Option<Note>,
}

impl Read for NewTransaction {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (amount, date, merchant_raw) =
            (fields.required("amount"), fields.required("date"), fields.required("merchant_raw"));
        let (category, currency, note) =
            (fields.optional("category"), fields.optional("currency"), fields.optional("note"));
        Some(Self { amount: amount?, date: date?, merchant_raw: merchant_raw?, category, currency, note })
    }
}

/// The form of [`NewTransaction`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewTransactionBody {
    /// Positive is money out, negative a refund or income; a string or a number with at most two decimals.
    #[schema(example = "12.50")]
    amount: String,
    /// The local date.
    #[schema(format = Date, example = "2026-01-31")]
    date: String,
    /// What to recognise the merchant by: 1 to 500 characters.
    #[schema(example = "NETFLIX.COM 866-579-7172")]
    merchant_raw: String,
    /// 1 to 100 characters; found when left out.
    category: Option<String>,
    /// ISO 4217 with at most two minor digits; the user's own when left out.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// At most 2,000 characters.
    note: Option<String>,
}

/// A merchant's text in the forms that it is recognised by.
pub struct Recognised {
    /// Eight bytes of the normalised text's hash: equal texts have equal keys.
    pub key: i64,
    /// Names to look up, the most telling first.
    pub candidates: Vec<String>,
}

/// Normalises a merchant's text.
#[must_use]
pub fn recognise(raw: &str) -> Recognised {
    let mut key = [0; 8];
    key.iter_mut().zip(sha256(merchant_key_text(raw).as_bytes())).for_each(|(to, from)| *to = from);
    Recognised { key: i64::from_be_bytes(key), candidates: candidates(raw) }
}

/// Stores a transaction, decides its merchant, category and budget alerts, and tells the user's apps.
pub async fn create(tx: &mut Tx, me: &Me, new: &NewTransaction) -> Result<Transaction, Problem> {
    let mut turn = Turn::take(tx, me.user_id, me.now).await?;
    let currency = new.currency.as_ref().map_or(me.currency.as_str(), Currency::as_str);
    let recognised = recognise(new.merchant_raw.as_str());
    let known = sql::known(tx, me.user_id, &recognised, new.amount.amount(), new.date.0, currency).await?;
    let merchant = match (known.merchant_id, known.canonical_name, known.merchant_category) {
        (Some(id), Some(canonical_name), Some(category)) => Some(Merchant { id, canonical_name, category }),
        _ => None,
    };
    let given = new.category.as_ref().map(|category| category.as_str().to_owned());
    let confidence = if given.is_some() { json!({"category": 1.0}) } else { json!({}) };
    let usual = merchant.as_ref().map(|merchant| merchant.category.clone());
    let transaction = Transaction {
        id: Uuid::now_v7(),
        amount: new.amount,
        currency: currency.to_owned(),
        date: new.date.0,
        merchant_raw: new.merchant_raw.as_str().to_owned(),
        merchant,
        category: given.or(known.corrected).or(usual).unwrap_or_else(|| UNCATEGORIZED.to_owned()),
        source: Source::Manual.as_str().to_owned(),
        note: new.note.as_ref().map(|note| note.as_str().to_owned()),
        confidence,
        anomaly_score: None,
        duplicate_of: known.duplicate_of,
        import_id: None,
        receipt_url: None,
        ipfs_cid: None,
        is_deleted: false,
        created_at: me.now,
        updated_at: me.now,
        changed_seq: turn.changed_seq,
    };
    sql::insert(tx, me.user_id, &transaction, recognised.key).await?;
    turn.push("transaction_update", &transaction)?;
    let spent = [(transaction.category.clone(), transaction.currency.clone())];
    for alert in budgets::check(tx, me.user_id, me.today, me.now, &spent).await? {
        turn.push("budget_alert", &alert)?;
    }
    turn.finish(tx).await?;
    Ok(transaction)
}
