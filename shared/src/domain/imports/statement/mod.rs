//! Reading any bank's statement: delimited text, OFX (QFX) and QIF.
//!
//! [`detect`] decides the shape of a whole file from the file alone, or with the [`Mapping`] a client sends, and refuses
//! what stays ambiguous, saying what to send. [`Shape::rows`] then reads row by row. Nothing here touches a database, a
//! clock or the environment.

mod amounts;
mod balances;
mod columns;
mod currencies;
mod dates;
mod encoding;
mod find_money;
mod headers;
mod layout;
mod mapping;
mod money;
mod normal;
mod ofx;
mod phrases;
mod qif;
mod records;
mod requested;
mod rows;
mod shape;
mod stats;
mod survey;
mod tags;
#[cfg(test)]
mod tests;
mod text;
mod vocabulary;
mod words;

use encoding::Format;
use rust_decimal::Decimal;
use time::Date;

pub use currencies::is_supported;
pub use mapping::{Column, DateOrder, DecimalMark, Delimiter, Encoding, Mapping, SpendingSign};
pub use normal::{alias_key, candidates, merchant_key_text};

/// What the caller knows beside the file.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// What the client says about the file.
    pub mapping: Option<Mapping>,
    /// ISO 4217 code of rows that name no currency.
    pub default_currency: String,
}

/// One transaction of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The physical line, from 1, on which the record starts.
    pub line: u32,
    /// The booking date.
    pub date: Date,
    /// Of scale two, never zero; positive is money out.
    pub amount: Decimal,
    /// ISO 4217.
    pub currency: String,
    /// Blanks folded, at most 500 characters; empty if the file describes the row nowhere.
    pub description: String,
    /// What else the file says, at most 2,000 characters.
    pub note: Option<String>,
    /// What it is filed under, in an export of our own; at most 100 characters. A bank's own categories are not the user's.
    pub category: Option<String>,
    /// The bank's own id, at most 200 characters.
    pub external_id: Option<String>,
    /// Not yet booked.
    pub pending: bool,
}

/// A row that cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The physical line, from 1, on which the record starts.
    pub line: u32,
    /// The column's name, or its number from 1 where it has none.
    pub column: Option<String>,
    /// Stable: `bad_date`, `missing_date`, `bad_amount`, `missing_amount`, `too_many_decimals`, `amount_too_large`,
    /// `zero_amount`, `conflicting_amounts`, `bad_flag`, `unsupported_currency`, `declined`, `pending`, `balance_line`, `unclosed_quote`.
    pub code: &'static str,
    /// What was seen and what to send.
    pub detail: String,
}

/// A file that cannot be taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Stable: `empty_file`, `not_text`, `unsupported_format`, `no_transactions`, `unknown_columns`, `ambiguous_dates`,
    /// `ambiguous_decimals`, `ambiguous_sign`.
    pub code: &'static str,
    /// What to send.
    pub detail: String,
    /// The first rows as they were taken apart.
    pub preview: Vec<Vec<String>>,
    /// What was found so far: complete it and send it.
    pub candidates: Option<Box<Mapping>>,
}

/// The shape of one file.
#[derive(Debug, Clone)]
pub struct Shape(Form);

#[derive(Debug, Clone)]
enum Form {
    Table(Box<Table>),
    Ofx(ofx::Document),
    Qif(qif::Document),
}

/// The shape of a delimited file.
#[derive(Debug, Clone)]
struct Table {
    mapping: Mapping,
    encoding: Encoding,
    delimiter: Delimiter,
    start: records::Place,
    width: usize,
    names: Vec<String>,
    columns: columns::Columns,
    order: DateOrder,
    mark: DecimalMark,
    sign: SpendingSign,
    split_signs: (bool, bool),
    currency: String,
}

/// Decides the shape of a whole file.
///
/// # Errors
/// A [`Refusal`] if the file is no statement or stays ambiguous.
pub fn detect(bytes: &[u8], options: &Options) -> Result<Shape, Refusal> {
    let form = match encoding::format(bytes) {
        Format::Ofx => Form::Ofx(ofx::detect(bytes, options)?),
        Format::Qif => Form::Qif(qif::detect(bytes, options)?),
        Format::Text => Form::Table(Box::new(shape::detect(bytes, options)?)),
        Format::Other(what) => {
            let detail = format!("This looks like {what}. Export the statement as CSV, OFX or QIF and send that.");
            return Err(Refusal::bare("unsupported_format", &detail));
        }
    };
    Ok(Shape(form))
}

impl Shape {
    /// Reads the rows of the file that this shape was decided from, one at a time.
    #[must_use]
    pub fn rows<'a>(&'a self, bytes: &'a [u8]) -> Box<dyn Iterator<Item = Result<Row, RowError>> + 'a> {
        match &self.0 {
            Form::Table(table) => Box::new(rows::Rows::new(table, encoding::decode(bytes, table.encoding))),
            Form::Ofx(document) => Box::new(document.rows(bytes)),
            Form::Qif(document) => Box::new(document.rows(bytes)),
        }
    }

    /// What was detected, in a form that can be saved and sent with the next file.
    #[must_use]
    pub const fn mapping(&self) -> &Mapping {
        match &self.0 {
            Form::Table(table) => &table.mapping,
            Form::Ofx(document) => &document.mapping,
            Form::Qif(document) => &document.mapping,
        }
    }
}

impl Refusal {
    fn bare(code: &'static str, detail: &str) -> Self {
        Self { code, detail: detail.to_owned(), preview: Vec::new(), candidates: None }
    }

    fn not_text() -> Self {
        Self::bare("not_text", "The file is not text. Export the statement as CSV and send that.")
    }
}

/// The code of what stays open over a whole file, and what to send.
fn open_question(
    order: Option<DateOrder>,
    mark: Option<DecimalMark>,
    sign: Option<SpendingSign>,
) -> Option<(&'static str, &'static str)> {
    match (order, mark, sign) {
        (None, ..) => Some((
            "ambiguous_dates",
            "The dates can be read day first or month first. Send a mapping with \"date_order\": \"dmy\" or \"mdy\".",
        )),
        (_, None, _) => Some((
            "ambiguous_decimals",
            "The amounts can be read with a decimal comma or a decimal point. Send a mapping with \"decimal_mark\": \",\" or \".\".",
        )),
        (.., None) => Some((
            "ambiguous_sign",
            "Nothing shows whether spending is positive or negative here. Send a mapping with \"sign\": \"positive\" or \"negative\", the sign that spending has.",
        )),
        _ => None,
    }
}
