//! Lists of transactions.

use super::{Source, Transaction, sql};
use crate::{
    domain::{
        auth::Me,
        categories::Category,
        money::{Currency, Money},
        pages::{COUNTED, Day, Page, PageQuery, Place, range},
    },
    platform::{
        db::Tx,
        fields::{Fault, Field, Fields, Read, Text},
        jwt::KeySet,
        problem::Problem,
    },
};
use std::fmt::Write as _;
use uuid::Uuid;

/// Which transactions.
#[derive(Clone, Debug, Default)]
pub struct Filters {
    /// From this date on.
    pub since: Option<Day>,
    /// Up to this date.
    pub until: Option<Day>,
    /// Of this category.
    pub category: Option<Category>,
    /// Of this source.
    pub source: Option<Source>,
    /// Of at least this amount.
    pub min_amount: Option<Money>,
    /// Of at most this amount.
    pub max_amount: Option<Money>,
    /// Of this merchant.
    pub merchant_id: Option<Uuid>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// Whose merchant or note has these words.
    pub q: Option<Text<1, 200>>,
    /// Deleted ones, too.
    pub deleted: bool,
}

struct Include;

impl Field for Include {
    fn from_text(text: &str) -> Result<Self, Fault> {
        if text == "deleted" {
            Ok(Self)
        } else {
            Err(Fault::new("not_an_include", "Send include=deleted, or leave it out."))
        }
    }
}

/// An amount to filter by: zero is one here.
struct Bound(Money);

impl Field for Bound {
    fn from_text(text: &str) -> Result<Self, Fault> {
        match Money::parse(text) {
            Err(fault) if fault.code == "zero_amount" => Ok(Self(Money::of(rust_decimal::Decimal::ZERO))),
            other => other.map(Self),
        }
    }
}

impl Filters {
    pub(super) fn read(fields: &mut Fields) -> Self {
        let (since, until) = range(fields);
        let filters = Self {
            since,
            until,
            category: fields.optional("category"),
            source: fields.optional("source"),
            min_amount: fields.optional::<Bound>("min_amount").map(|bound| bound.0),
            max_amount: fields.optional::<Bound>("max_amount").map(|bound| bound.0),
            merchant_id: fields.optional("merchant_id"),
            currency: fields.optional("currency"),
            q: fields.optional("q"),
            deleted: fields.optional::<Include>("include").is_some(),
        };
        if filters.min_amount.zip(filters.max_amount).is_some_and(|(min, max)| min > max) {
            fields.refuse("max_amount", Fault::new("max_below_min", "Send a max_amount that is not below min_amount."));
        }
        filters
    }

    /// The words to search for, split as the stored ones are: punctuation separates. What `websearch_to_tsquery` gives a
    /// meaning stays: quotes, and a minus before a word.
    pub(super) fn words(&self) -> Option<String> {
        let mut before = ' ';
        let mut keep = |c: char| {
            // As Postgres's [[:alnum:]] has it: digits of other scripts are none.
            let kept = c.is_alphabetic() || c.is_ascii_digit() || c == '"' || (c == '-' && before.is_whitespace());
            before = c;
            if kept { c } else { ' ' }
        };
        self.q.as_ref().map(|q| q.as_str().chars().map(&mut keep).collect())
    }

    /// Whether it is kept how many there are.
    pub(super) fn are_counted(&self) -> bool {
        let Self { since, until, category: _, source, min_amount, max_amount, merchant_id, currency: _, q, deleted } =
            self;
        !deleted
            && since.is_none()
            && until.is_none()
            && source.is_none()
            && min_amount.is_none()
            && max_amount.is_none()
            && merchant_id.is_none()
            && q.is_none()
    }

    /// One text for equal filters: what a cursor is bound to.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = String::new();
        let _ = write!(text, "{self:?}");
        text
    }
}

/// What `GET /transactions` takes.
pub struct List {
    /// Which ones.
    pub filters: Filters,
    /// Which page of them.
    pub page: PageQuery,
}

impl Read for List {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { filters: Filters::read(fields), page: PageQuery::read(fields) })
    }
}

/// The form of [`Filters`], for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by the OpenAPI derive alone")]
pub struct FilterQuery {
    /// From this date on.
    #[param(format = Date)]
    since: Option<String>,
    /// Up to this date.
    #[param(format = Date)]
    until: Option<String>,
    /// Of this category.
    category: Option<String>,
    /// `ocr`, `sms`, `csv` or `manual`.
    source: Option<String>,
    /// Of at least this amount.
    #[param(example = "10.00")]
    min_amount: Option<String>,
    /// Of at most this amount.
    max_amount: Option<String>,
    /// Of this merchant.
    merchant_id: Option<Uuid>,
    /// In this currency.
    currency: Option<String>,
    /// Whose merchant or note has these words; `"a phrase"`, `or` and `-without` work.
    q: Option<String>,
    /// `deleted`: deleted ones, too.
    include: Option<String>,
}

/// A page of the user's transactions, newest first.
pub async fn list(tx: &mut Tx, keys: &KeySet, me: &Me, asked: &List) -> Result<Page<Transaction>, Problem> {
    let canonical = asked.filters.canonical();
    let place = asked.page.place(keys, me.user_id, &canonical)?;
    let (data, counted) = sql::list(tx, me.user_id, &asked.filters, &asked.page, place).await?;
    let exact = asked.filters.are_counted();
    let total = if exact { counted } else { counted.min(COUNTED) };
    let place = |last: &Transaction| Place { date: last.date, id: last.id };
    let page = asked.page.page(keys, me.user_id, &canonical, total, data, place);
    Ok(Page { total_capped: !exact && counted > COUNTED, ..page })
}
