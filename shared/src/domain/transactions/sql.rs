//! Statements on transactions.

pub(super) mod changes;
pub(super) mod corrections;
pub(super) mod duplicates;
pub(super) mod edit;
pub(super) mod export;
pub(super) mod lookalikes;
pub(super) mod search;
pub(super) mod similar;

use super::{Filters, Recognised, Transaction};
use crate::{
    domain::{
        merchants::Merchant,
        money::Money,
        pages::{COUNTED, PageQuery, Place},
    },
    platform::db::Tx,
};
use rust_decimal::Decimal;
use serde_json::Value;
use sqlx::{Decode, Error, FromRow, Postgres, QueryBuilder, Row, Type, postgres::PgRow};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

/// The columns of [`Transaction`] in the order they are read in, for a `t` joined with its merchant `m`. They come first in
/// a statement.
const COLUMNS: &str = "t.id, t.amount, t.currency, t.date, t.merchant_raw, m.id AS merchant_id, m.canonical_name,
    m.category AS merchant_category, t.category, t.source::text, t.note,
    t.confidence, t.anomaly_score, t.duplicate_of, t.import_id, t.receipt_url, t.ipfs_cid, t.is_deleted, t.created_at,
    t.updated_at, t.changed_seq";

/// Reads columns one after the other: a name would be looked up, and a type compared, for each of a page's thousand values.
/// What the macros of sqlx write does neither, too; they have the types compared when they are compiled, and here each
/// test that reads a transaction would find another.
struct Columns<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> Columns<'r> {
    fn take<T: Decode<'r, Postgres> + Type<Postgres>>(&mut self) -> Result<T, Error> {
        let column = self.next;
        self.next = column.saturating_add(1);
        self.row.try_get_unchecked(column)
    }
}

impl FromRow<'_, PgRow> for Transaction {
    fn from_row(row: &PgRow) -> Result<Self, Error> {
        let mut columns = Columns { row, next: 0 };
        Ok(Self {
            id: columns.take()?,
            amount: Money::of(columns.take()?),
            currency: columns.take()?,
            date: columns.take()?,
            merchant_raw: columns.take()?,
            merchant: match (columns.take()?, columns.take()?, columns.take()?) {
                (Some(id), Some(canonical_name), Some(category)) => Some(Merchant { id, canonical_name, category }),
                _ => None,
            },
            category: columns.take()?,
            source: columns.take()?,
            note: columns.take()?,
            confidence: columns.take()?,
            anomaly_score: columns.take()?,
            duplicate_of: columns.take()?,
            import_id: columns.take()?,
            receipt_url: columns.take()?,
            ipfs_cid: columns.take()?,
            is_deleted: columns.take()?,
            created_at: columns.take()?,
            updated_at: columns.take()?,
            changed_seq: columns.take()?,
        })
    }
}

pub(super) async fn get(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<Option<Transaction>, Error> {
    let mut query = QueryBuilder::<Postgres>::new("SELECT ");
    query.push(COLUMNS).push(
        " FROM transactions t LEFT JOIN merchant_master m ON m.id = t.merchant_id WHERE NOT t.is_deleted AND t.user_id = ",
    );
    query.push_bind(user_id).push(" AND t.id = ").push_bind(id);
    query.build_query_as().fetch_optional(tx).await
}

/// What is known about a merchant's text, for this user.
pub(super) struct Known {
    pub merchant_id: Option<Uuid>,
    pub canonical_name: Option<String>,
    pub merchant_category: Option<String>,
    /// The category the user last corrected it to.
    pub corrected: Option<String>,
    /// The first transaction that looks the same.
    pub duplicate_of: Option<Uuid>,
}

pub(super) async fn known(
    tx: &mut Tx,
    user_id: Uuid,
    recognised: &Recognised,
    amount: Decimal,
    date: Date,
    currency: &str,
) -> Result<Known, Error> {
    sqlx::query_as!(
        Known,
        r#"SELECT m.id AS "merchant_id?", m.canonical_name AS "canonical_name?", m.category AS "merchant_category?",
                  (SELECT new_category FROM (
                       (SELECT new_category, created_at FROM user_corrections
                        WHERE user_id = $1 AND merchant_key = $2 ORDER BY created_at DESC LIMIT 1)
                       UNION ALL
                       (SELECT new_category, created_at FROM user_corrections
                        WHERE user_id = $1 AND merchant_id = m.id ORDER BY created_at DESC LIMIT 1)
                   ) AS c ORDER BY created_at DESC LIMIT 1) AS corrected,
                  (SELECT t.id FROM transactions t
                   WHERE t.user_id = $1 AND t.date = $4 AND t.amount = $3 AND t.currency = $5 AND NOT t.is_deleted
                     AND (t.merchant_key = $2 OR t.merchant_id = m.id)
                   ORDER BY t.id LIMIT 1) AS duplicate_of
           FROM (VALUES (1)) AS one(row)
           LEFT JOIN LATERAL (
               SELECT m.id, m.canonical_name, m.category
               FROM merchant_aliases a JOIN merchant_master m ON m.id = a.merchant_id
               WHERE a.alias_key = ANY($6::text[])
               ORDER BY array_position($6::text[], a.alias_key) LIMIT 1
           ) AS m ON true"#,
        user_id,
        recognised.key,
        amount,
        date,
        currency,
        &recognised.candidates,
    )
    .fetch_one(tx)
    .await
}

pub(super) async fn insert(tx: &mut Tx, user_id: Uuid, new: &Transaction, merchant_key: i64) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, merchant_id, category,
             source, note, confidence, duplicate_of, changed_seq, created_seq, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text::transaction_source, $11, $12, $13, $14, $14, $15, $15)",
        user_id,
        new.id,
        new.amount.amount(),
        new.currency,
        new.date,
        new.merchant_raw,
        merchant_key,
        new.merchant.as_ref().map(|merchant| merchant.id),
        new.category,
        new.source,
        new.note,
        new.confidence,
        new.duplicate_of,
        new.changed_seq,
        new.created_at,
    )
    .execute(tx)
    .await
    .map(drop)
}

fn filtered(query: &mut QueryBuilder<Postgres>, user_id: Uuid, filters: &Filters, deleted: bool) {
    query.push(" FROM transactions t WHERE t.user_id = ").push_bind(user_id);
    // Written out, because the indexes are partial: a parameter would hide from the planner which one fits.
    query.push(if deleted { " AND t.is_deleted" } else { " AND NOT t.is_deleted" });
    if let Some(since) = filters.since {
        query.push(" AND t.date >= ").push_bind(since.0);
    }
    if let Some(until) = filters.until {
        query.push(" AND t.date <= ").push_bind(until.0);
    }
    if let Some(category) = &filters.category {
        query.push(" AND t.category = ").push_bind(category.as_str().to_owned());
    }
    if let Some(source) = filters.source {
        query.push(" AND t.source = ").push_bind(source.as_str()).push("::text::transaction_source");
    }
    if let Some(min) = filters.min_amount {
        query.push(" AND t.amount >= ").push_bind(min.amount());
    }
    if let Some(max) = filters.max_amount {
        query.push(" AND t.amount <= ").push_bind(max.amount());
    }
    if let Some(merchant_id) = filters.merchant_id {
        query.push(" AND t.merchant_id = ").push_bind(merchant_id);
    }
    if let Some(currency) = &filters.currency {
        query.push(" AND t.currency = ").push_bind(currency.as_str().to_owned());
    }
    if let Some(words) = filters.words() {
        query.push(" AND t.tsv @@ websearch_to_tsquery('simple', ").push_bind(words).push(")");
    }
}

/// How many there are, from what is kept of all and by month.
fn kept_count(query: &mut QueryBuilder<Postgres>, user_id: Uuid, filters: &Filters) {
    if filters.category.is_none() && filters.currency.is_none() {
        query.push("SELECT transactions AS counted FROM user_seq WHERE user_id = ").push_bind(user_id);
        return;
    }
    query
        .push("SELECT coalesce(sum(count), 0)::bigint AS counted FROM transaction_totals WHERE user_id = ")
        .push_bind(user_id);
    if let Some(category) = &filters.category {
        query.push(" AND category = ").push_bind(category.as_str().to_owned());
    }
    if let Some(currency) = &filters.currency {
        query.push(" AND currency = ").push_bind(currency.as_str().to_owned());
    }
}

/// A page and the count, in one statement. Ids are found first, by index alone, and only the page's rows are fetched
/// and joined: an offset then costs index entries and not rows.
pub(super) async fn list(
    tx: &mut Tx,
    user_id: Uuid,
    filters: &Filters,
    page: &PageQuery,
    place: Option<Place>,
) -> Result<(Vec<Transaction>, i64), Error> {
    let kinds: &[bool] = if filters.deleted { &[false, true] } else { &[false] };
    let wanted = page.wanted();
    let mut query = QueryBuilder::<Postgres>::new("WITH p AS MATERIALIZED (SELECT id, date FROM (");
    for (i, deleted) in kinds.iter().enumerate() {
        query.push(if i == 0 { "(SELECT t.id, t.date" } else { " UNION ALL (SELECT t.id, t.date" });
        filtered(&mut query, user_id, filters, *deleted);
        if let Some(place) = place {
            query.push(" AND (t.date, t.id) < (").push_bind(place.date).push(", ").push_bind(place.id).push(")");
        }
        query.push(" ORDER BY t.date DESC, t.id DESC LIMIT ").push_bind(wanted.saturating_add(page.offset)).push(")");
    }
    query
        .push(") AS found ORDER BY date DESC, id DESC LIMIT ")
        .push_bind(wanted)
        .push(" OFFSET ")
        .push_bind(page.offset);
    query.push("), c AS (");
    if filters.are_counted() {
        kept_count(&mut query, user_id, filters);
    } else {
        query.push("SELECT count(*) AS counted FROM (");
        for (i, deleted) in kinds.iter().enumerate() {
            query.push(if i == 0 { "(SELECT 1" } else { " UNION ALL (SELECT 1" });
            filtered(&mut query, user_id, filters, *deleted);
            query.push(" LIMIT ").push_bind(COUNTED.saturating_add(1)).push(")");
        }
        query.push(") AS counted");
    }
    query.push(") SELECT ").push(COLUMNS);
    query
        .push(", c.counted FROM c LEFT JOIN p ON true LEFT JOIN transactions t ON t.id = p.id AND t.user_id = ")
        .push_bind(user_id);
    query.push(" LEFT JOIN merchant_master m ON m.id = t.merchant_id ORDER BY t.date DESC, t.id DESC");
    let rows = query.build().fetch_all(tx).await?;
    let counted = rows.first().map_or(Ok(0), |row| row.try_get("counted"))?;
    // With no row in the page the count stands alone.
    let found = rows.iter().filter(|row| !matches!(row.try_get::<Option<Uuid>, _>(0), Ok(None)));
    Ok((found.map(Transaction::from_row).collect::<Result<_, _>>()?, counted))
}

/// Rows to insert, by column: one statement takes thousands.
#[derive(Default)]
pub struct Bulk {
    /// New ids.
    pub ids: Vec<Uuid>,
    /// Amounts.
    pub amounts: Vec<Decimal>,
    /// Currencies.
    pub currencies: Vec<String>,
    /// Dates.
    pub dates: Vec<Date>,
    /// Merchants' texts.
    pub merchants_raw: Vec<String>,
    /// Hashes of the normalised texts.
    pub merchant_keys: Vec<i64>,
    /// Recognised merchants.
    pub merchant_ids: Vec<Option<Uuid>>,
    /// Categories.
    pub categories: Vec<String>,
    /// Notes.
    pub notes: Vec<Option<String>>,
    /// Ids the bank gave.
    pub external_ids: Vec<Option<String>>,
    /// Which of several equal rows.
    pub occurrences: Vec<i32>,
    /// Rows that look the same and were there before.
    pub duplicates_of: Vec<Option<Uuid>>,
    /// What a program has beyond what a bank's file has: left empty for one.
    pub sources: Vec<String>,
    /// How sure each recognised field is.
    pub confidences: Vec<Value>,
    /// Where the receipts are.
    pub receipt_urls: Vec<Option<String>>,
    /// What was sent for each id.
    pub external_hashes: Vec<Vec<u8>>,
}

#[expect(clippy::as_conversions, reason = "how sqlx's macro is told that an array holds nulls")]
/// Inserts rows in the order of their dates, which keeps the index's pages together.
pub async fn bulk_insert(
    tx: &mut Tx,
    user_id: Uuid,
    import_id: Option<Uuid>,
    changed_seq: i64,
    now: OffsetDateTime,
    rows: &Bulk,
) -> Result<(), Error> {
    // What is left empty is null in every row: unnest fills up what is shorter.
    sqlx::query!(
        r#"INSERT INTO transactions (user_id, id, amount, currency, date, merchant_raw, merchant_key, merchant_id, category,
               source, note, external_id, import_id, occurrence, duplicate_of, confidence, receipt_url, external_hash,
               changed_seq, created_seq, created_at, updated_at)
           SELECT $1, r.id, r.amount, r.currency, r.date, r.merchant_raw, r.merchant_key, r.merchant_id, r.category,
                  coalesce(r.source, 'csv')::transaction_source, r.note, r.external_id, $2, r.occurrence, r.duplicate_of,
                  coalesce(r.confidence, '{}'), r.receipt_url, r.external_hash, $3, $3, $4, $4
           FROM unnest($5::uuid[], $6::numeric[], $7::text[], $8::date[], $9::text[], $10::bigint[], $11::uuid[], $12::text[],
                       $13::text[], $14::text[], $15::int[], $16::uuid[], $17::text[], $18::jsonb[], $19::text[],
                       $20::bytea[])
               AS r(id, amount, currency, date, merchant_raw, merchant_key, merchant_id, category, note, external_id,
                    occurrence, duplicate_of, source, confidence, receipt_url, external_hash)
           ORDER BY r.date, r.id"#,
        user_id,
        import_id,
        changed_seq,
        now,
        &rows.ids,
        &rows.amounts,
        &rows.currencies,
        &rows.dates,
        &rows.merchants_raw,
        &rows.merchant_keys,
        &rows.merchant_ids as &[Option<Uuid>],
        &rows.categories,
        &rows.notes as &[Option<String>],
        &rows.external_ids as &[Option<String>],
        &rows.occurrences,
        &rows.duplicates_of as &[Option<Uuid>],
        &rows.sources,
        &rows.confidences,
        &rows.receipt_urls as &[Option<String>],
        &rows.external_hashes,
    )
    .execute(tx)
    .await
    .map(drop)
}
