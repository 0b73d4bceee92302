//! Transactions that a program read: from receipts, messages, a bank's feed.

use super::{
    fields::{Confidence, Feed, Link, Share},
    rows::{Outcomes, RowOutcome, Rows, by_user},
    sql,
};
use crate::{
    domain::{
        anomalies::{self, Scored},
        budgets,
        categories::{Category, UNCATEGORIZED},
        events::Turn,
        merchants::{self, Merchant},
        money::{Currency, Money},
        pages::Day,
        services::with_service,
        transactions::{Bulk, MerchantText, Note, Recogniser, Transaction, bulk_insert, corrected},
    },
    platform::{
        db::{Db, Tx},
        fields::{Fields, Read, Text},
        http::Call,
        jwt::sha256,
        problem::Problem,
    },
};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Rows of a user's that are told one by one; of more there is one frame in all, as of an import's.
const TOLD: usize = 50;

/// What `POST /ingest/transactions` takes.
pub struct NewTransactions(Rows);

impl Read for NewTransactions {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self(Rows::read(fields, "transactions")))
    }
}

/// The form of [`NewTransactions`], for the OpenAPI document.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct NewTransactionsBody {
    /// At most 500, of as many users.
    transactions: Option<Vec<RowBody>>,
}

/// A transaction of a user's.
#[derive(utoipa::ToSchema)]
#[schema(as = IngestTransaction)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct RowBody {
    /// Whose.
    user_id: Uuid,
    /// `ocr`, `sms` or `csv`.
    #[schema(example = "ocr")]
    source: String,
    /// Your own id of it, 1 to 255 characters: unique for a user and source.
    #[schema(example = "receipt-8841")]
    external_id: String,
    /// Positive is money out, negative a refund or income; a string or a number with at most two decimals.
    #[schema(example = "12.50")]
    amount: String,
    /// The local date.
    #[schema(format = Date, example = "2026-01-31")]
    date: String,
    /// What to recognise the merchant by: 1 to 500 characters.
    #[schema(example = "NETFLIX.COM 866-579-7172")]
    merchant_raw: String,
    /// The merchant, if you know it; recognised from its text when left out.
    merchant_id: Option<Uuid>,
    /// 1 to 100 characters. What the user last corrected the merchant to comes before it.
    category: Option<String>,
    /// How sure you are of each field, from 0 to 1; at most 20 members.
    #[schema(example = json!({"amount": 0.99, "category": 0.87}))]
    confidence: Option<HashMap<String, f64>>,
    /// ISO 4217 with at most two minor digits; the user's own when left out.
    #[schema(example = "EUR")]
    currency: Option<String>,
    /// At most 2,000 characters.
    note: Option<String>,
    /// How unusual it is, from 0 to 1.
    anomaly_score: Option<f64>,
    /// Where its receipt is: an https address that the user can open.
    #[schema(example = "https://receipts.example.com/8841.jpg")]
    receipt_url: Option<String>,
}

struct Row {
    user_id: Uuid,
    source: Feed,
    external_id: Text<1, 255>,
    amount: Money,
    date: Day,
    merchant_raw: MerchantText,
    merchant_id: Option<Uuid>,
    category: Option<Category>,
    confidence: Option<Confidence>,
    currency: Option<Currency>,
    note: Option<Note>,
    anomaly_score: Option<Share>,
    receipt_url: Option<Link>,
}

impl Read for Row {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (user_id, source, external_id) =
            (fields.required("user_id"), fields.required("source"), fields.required("external_id"));
        let (amount, date, merchant_raw) =
            (fields.required("amount"), fields.required("date"), fields.required("merchant_raw"));
        let (merchant_id, category, confidence) =
            (fields.optional("merchant_id"), fields.optional("category"), fields.optional("confidence"));
        let (currency, note) = (fields.optional("currency"), fields.optional("note"));
        let (anomaly_score, receipt_url) = (fields.optional("anomaly_score"), fields.optional("receipt_url"));
        Some(Self {
            user_id: user_id?,
            source: source?,
            external_id: external_id?,
            amount: amount?,
            date: date?,
            merchant_raw: merchant_raw?,
            merchant_id,
            category,
            confidence,
            currency,
            note,
            anomaly_score,
            receipt_url,
        })
    }
}

impl Row {
    /// Equal for rows that say the same, however they are written.
    fn hash(&self) -> Vec<u8> {
        let content = json!([
            self.amount,
            self.date.0.to_string(),
            self.merchant_raw.as_str(),
            self.merchant_id,
            self.category.as_ref().map(Text::as_str),
            self.confidence.as_ref().map(|confidence| &confidence.0),
            self.currency.as_ref().map(Currency::as_str),
            self.note.as_ref().map(Text::as_str),
            self.anomaly_score.map(|score| score.0),
            self.receipt_url.as_ref().map(|link| link.0.as_str()),
        ]);
        sha256(content.to_string().as_bytes()).to_vec()
    }

    fn id(&self) -> (&'static str, &str) {
        (self.source.0.as_str(), self.external_id.as_str())
    }

    /// The transaction that it makes.
    fn transaction(
        &self,
        account: &sql::Account,
        call: &Call,
        merchant: Option<Merchant>,
        corrected: Option<&String>,
    ) -> Transaction {
        let mut confidence = self.confidence.as_ref().map_or_else(|| json!({}), |confidence| confidence.0.clone());
        if let (Some(_), Some(members)) = (corrected, confidence.as_object_mut()) {
            // The category is the user's own: how sure the program was of another says nothing of it.
            members.remove("category");
        }
        let given = self.category.as_ref().map(|category| category.as_str().to_owned());
        let usual = merchant.as_ref().map(|merchant| merchant.category.clone());
        let category = corrected.cloned().or(given).or(usual).unwrap_or_else(|| UNCATEGORIZED.to_owned());
        Transaction {
            id: Uuid::now_v7(),
            amount: self.amount,
            currency: self.currency.as_ref().map_or(account.currency.as_str(), Currency::as_str).to_owned(),
            date: self.date.0,
            merchant_raw: self.merchant_raw.as_str().to_owned(),
            merchant,
            category,
            source: self.source.0.as_str().to_owned(),
            note: self.note.as_ref().map(|note| note.as_str().to_owned()),
            confidence,
            anomaly_score: self.anomaly_score.map(|score| score.0),
            duplicate_of: None,
            import_id: None,
            receipt_url: self.receipt_url.as_ref().map(|link| link.0.clone()),
            ipfs_cid: None,
            is_deleted: false,
            created_at: call.now,
            updated_at: call.now,
            changed_seq: 0,
        }
    }
}

/// What was stored of a request.
pub struct Stored {
    /// What became of each row.
    pub outcomes: Outcomes,
    /// Whose apps are to be told.
    pub users: Vec<Uuid>,
}

/// Who and what is known to all rows of a request.
struct Known {
    users: HashSet<Uuid>,
    merchants: HashMap<Uuid, Merchant>,
    recogniser: Recogniser,
}

impl Known {
    async fn look(tx: &mut Tx, rows: &[(usize, Row)]) -> Result<Self, Problem> {
        let users: BTreeSet<_> = rows.iter().map(|(_, row)| row.user_id).collect();
        let users = sql::active(tx, &users.into_iter().collect::<Vec<_>>()).await?.into_iter().collect();
        let named: BTreeSet<_> = rows.iter().filter_map(|(_, row)| row.merchant_id).collect();
        let merchants = if named.is_empty() {
            HashMap::new()
        } else {
            merchants::by_ids(tx, &named.into_iter().collect::<Vec<_>>()).await?.into_iter().collect()
        };
        let mut recogniser = Recogniser::default();
        recogniser.learn(tx, rows.iter().map(|(_, row)| row.merchant_raw.as_str())).await?;
        Ok(Self { users, merchants, recogniser })
    }

    fn key(&self, row: &Row) -> i64 {
        self.recogniser.of(row.merchant_raw.as_str()).0
    }

    fn merchant(&self, row: &Row) -> Option<Merchant> {
        match row.merchant_id {
            Some(id) => self.merchants.get(&id).cloned(),
            None => self.recogniser.of(row.merchant_raw.as_str()).1.map(|found| Merchant {
                id: found.id,
                canonical_name: found.canonical_name.clone(),
                category: found.category.clone(),
            }),
        }
    }
}

/// Stores what a program sends: one transaction of the database for each user, so that nobody waits for a whole request.
pub async fn store(db: &Db, call: &Call, new: &NewTransactions) -> Result<Stored, Problem> {
    let (rows, mut results) = new.0.parse::<Row>();
    let known = with_service(db, call, async |tx: &mut Tx| Known::look(tx, &rows).await).await?;
    let (rows, strangers): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, row)| known.users.contains(&row.user_id));
    results.extend(strangers.iter().map(|(index, _)| RowOutcome::unknown_user(*index)));
    let mut users = Vec::new();
    by_user(
        rows,
        |row: &Row| row.user_id,
        &mut results,
        async |user_id: Uuid, rows: &[(usize, Row)]| {
            let told =
                with_service(db, call, async |tx: &mut Tx| of_user(tx, call, &known, user_id, rows).await).await?;
            if told.iter().any(|outcome| outcome.status == "created") {
                users.push(user_id);
            }
            Ok(told)
        },
    )
    .await?;
    Ok(Stored { outcomes: Outcomes::of(results), users })
}

async fn of_user(
    tx: &mut Tx,
    call: &Call,
    known: &Known,
    user_id: Uuid,
    rows: &[(usize, Row)],
) -> Result<Vec<RowOutcome>, Problem> {
    // The user's turn, without its number yet: who sends again what is there changes nothing.
    Turn::wait(tx, user_id).await?;
    let Some(account) = sql::account(tx, user_id, call.now).await? else {
        return Ok(rows.iter().map(|(index, _)| RowOutcome::unknown_user(*index)).collect());
    };
    let (sources, ids): (Vec<_>, Vec<_>) =
        rows.iter().map(|(_, row)| row.id()).map(|(source, id)| (source.to_owned(), id.to_owned())).unzip();
    let mut there: HashMap<_, _> = sql::by_external_id(tx, user_id, &sources, &ids).await?.into_iter().collect();
    let seen = rows.iter().map(|(_, row)| (known.key(row), known.merchant(row).map(|merchant| merchant.id)));
    let categories = corrected(tx, user_id, seen).await?;
    let (mut outcomes, mut new) = (Vec::new(), Vec::new());
    for (index, row) in rows {
        let (source, id) = row.id();
        let hash = row.hash();
        match there.get(&(source.to_owned(), id.to_owned())) {
            Some((id, kept)) if kept.as_ref() == Some(&hash) => outcomes.push(RowOutcome::of(*index, "existing", *id)),
            Some(_) => outcomes.push(RowOutcome::refused(
                *index,
                "/external_id",
                "external_id_taken",
                "The user has another transaction with this source and external_id, and it stays as it is: send a new id for a new transaction.",
            )),
            None if row.merchant_id.is_some_and(|id| !known.merchants.contains_key(&id)) => outcomes.push(
                RowOutcome::refused(*index, "/merchant_id", "unknown_merchant", "There is no such merchant: search for it, or leave it out."),
            ),
            None => {
                let made = row.transaction(&account, call, known.merchant(row), categories.get(&known.key(row)));
                there.insert((source.to_owned(), id.to_owned()), (made.id, Some(hash.clone())));
                new.push(New { index: *index, key: known.key(row), external_id: id.to_owned(), hash, made });
            }
        }
    }
    if !new.is_empty() {
        outcomes.extend(insert(tx, call, &account, user_id, new).await?);
    }
    Ok(outcomes)
}

struct New {
    index: usize,
    key: i64,
    external_id: String,
    hash: Vec<u8>,
    made: Transaction,
}

impl New {
    /// How unusual it is, if the program says so; why is asked of `/ingest/anomalies`.
    fn scored(&self) -> Option<Scored> {
        let (id, score) = (self.made.id, Some(self.made.anomaly_score?));
        Some(Scored {
            id,
            score,
            reason: Some("reported".into()),
            detail: "It was read with a mark as unusual.".into(),
        })
    }

    /// Whether another is taken for the same purchase, as a transaction that a user types in would be.
    fn is_like(&self, other: &Self) -> bool {
        let (a, b) = (&self.made, &other.made);
        let merchant = |made: &Transaction| made.merchant.as_ref().map(|merchant| merchant.id);
        (a.date, a.amount.amount(), &a.currency) == (b.date, b.amount.amount(), &b.currency)
            && (self.key == other.key || (merchant(a).is_some() && merchant(a) == merchant(b)))
    }
}

/// Stores a user's new transactions, decides budget alerts, and tells the user's apps.
async fn insert(
    tx: &mut Tx,
    call: &Call,
    account: &sql::Account,
    user_id: Uuid,
    mut new: Vec<New>,
) -> Result<Vec<RowOutcome>, Problem> {
    let mut turn = Turn::take(tx, user_id, call.now).await?;
    let looks = new.iter().map(|one| sql::Look {
        date: one.made.date,
        amount: one.made.amount.amount(),
        currency: one.made.currency.clone(),
        key: one.key,
        merchant_id: one.made.merchant.as_ref().map(|merchant| merchant.id),
    });
    let alike = sql::alike(tx, user_id, &looks.collect::<Vec<_>>()).await?;
    for (place, found) in alike.into_iter().enumerate() {
        let before = new.get(..place).unwrap_or_default();
        let within =
            || before.iter().find(|one| new.get(place).is_some_and(|own| own.is_like(one))).map(|one| one.made.id);
        let duplicate_of = found.or_else(within);
        if let Some(one) = new.get_mut(place) {
            (one.made.duplicate_of, one.made.changed_seq) = (duplicate_of, turn.changed_seq);
        }
    }
    let mut bulk = Bulk::default();
    for one in &new {
        bulk.ids.push(one.made.id);
        bulk.amounts.push(one.made.amount.amount());
        bulk.currencies.push(one.made.currency.clone());
        bulk.dates.push(one.made.date);
        bulk.merchants_raw.push(one.made.merchant_raw.clone());
        bulk.merchant_keys.push(one.key);
        bulk.merchant_ids.push(one.made.merchant.as_ref().map(|merchant| merchant.id));
        bulk.categories.push(one.made.category.clone());
        bulk.notes.push(one.made.note.clone());
        bulk.external_ids.push(Some(one.external_id.clone()));
        bulk.occurrences.push(1);
        bulk.duplicates_of.push(one.made.duplicate_of);
        bulk.sources.push(one.made.source.clone());
        bulk.confidences.push(one.made.confidence.clone());
        bulk.receipt_urls.push(one.made.receipt_url.clone());
        bulk.external_hashes.push(one.hash.clone());
    }
    bulk_insert(tx, user_id, None, turn.changed_seq, call.now, &bulk).await?;
    if new.len() > TOLD {
        turn.push("import_update", &summary(new.len()))?;
    } else {
        new.iter().try_for_each(|one| turn.push("transaction_update", &one.made))?;
    }
    let scored: Vec<_> = new.iter().filter_map(New::scored).collect();
    if !scored.is_empty() {
        anomalies::record(tx, &mut turn, user_id, &scored, call.now).await?;
    }
    let spent: HashSet<_> = new.iter().map(|one| (one.made.category.clone(), one.made.currency.clone())).collect();
    let spent: Vec<_> = spent.into_iter().collect();
    for alert in budgets::check(tx, user_id, account.today, call.now, &spent).await? {
        turn.push("budget_alert", &alert)?;
    }
    turn.finish(tx).await?;
    Ok(new.into_iter().map(outcome).collect())
}

fn outcome(one: New) -> RowOutcome {
    let New { index, made, .. } = one;
    let (category, duplicate_of) = (Some(made.category), made.duplicate_of);
    RowOutcome { category, duplicate_of, ..RowOutcome::of(index, "created", made.id) }
}

/// What an import would tell, of none.
fn summary(rows: usize) -> Value {
    json!({
        "id": null,
        "status": "completed",
        "rows": rows,
        "imported": rows,
        "duplicates": 0,
        "errors": 0,
        "reverted": 0,
    })
}
