//! What a client may say about a file, and what was found out about it: one type for both, so that a detected mapping
//! can be saved, mended and sent again.

use serde::{Deserialize, Serialize};

/// How to read one bank's files. Every part left out is found from the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Character encoding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
    /// What stands between two cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<Delimiter>,
    /// Whether a row of column names stands above the data.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The booking date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Column>,
    /// Read in rows whose `date` is blank, as those of pending purchases often are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_date: Option<Column>,
    /// The one amount column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Column>,
    /// Money out, where it has a column of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debit: Option<Column>,
    /// Money in, where it has a column of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<Column>,
    /// Says of an unsigned `amount` whether it is debit or credit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<Column>,
    /// The other party; of money out only, if `payer` is given as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payee: Option<Column>,
    /// The other party of money in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payer: Option<Column>,
    /// Text columns, joined: the description, or the note where the other party is named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub description: Vec<Column>,
    /// The kind of transaction; the description where nothing else describes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Column>,
    /// Remarks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub note: Vec<Column>,
    /// ISO 4217 code of the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Column>,
    /// The bank's own, unique id of the transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Column>,
    /// Booked, pending, declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Column>,
    /// What the bank took beside `amount`; always money out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fee: Option<Column>,
    /// Order of day, month and year in numeric dates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// What stands before the cents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal_mark: Option<DecimalMark>,
    /// The sign that spending has in `amount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign: Option<SpendingSign>,
}

/// A column by its place, counted from 1, or by its name in the header row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Column {
    /// Counted from 1, as spreadsheets do.
    Number(u16),
    /// As in the header row; case and surrounding blanks do not matter.
    Name(String),
}

/// Encodings banks export in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// With or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// Little endian.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// Big endian.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Central European Windows.
    #[serde(rename = "windows-1250")]
    Windows1250,
    /// Western Windows; ISO-8859-1 is read as this, its superset.
    #[serde(rename = "windows-1252", alias = "iso-8859-1")]
    Windows1252,
    /// Central European ISO.
    #[serde(rename = "iso-8859-2")]
    Iso8859_2,
    /// Cyrillic Windows.
    #[serde(rename = "windows-1251")]
    Windows1251,
    /// Greek Windows.
    #[serde(rename = "windows-1253")]
    Windows1253,
    /// Turkish Windows; ISO-8859-9 is read as this, its superset.
    #[serde(rename = "windows-1254", alias = "iso-8859-9")]
    Windows1254,
    /// Baltic Windows.
    #[serde(rename = "windows-1257")]
    Windows1257,
}

/// Cell delimiters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delimiter {
    /// `,`
    #[serde(rename = ",")]
    Comma,
    /// `;`
    #[serde(rename = ";")]
    Semicolon,
    /// Tabulator.
    #[serde(rename = "\t", alias = "tab")]
    Tab,
    /// `|`
    #[serde(rename = "|")]
    Pipe,
}

impl Delimiter {
    pub(super) const ALL: [Self; 4] = [Self::Comma, Self::Semicolon, Self::Tab, Self::Pipe];

    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
            Self::Pipe => b'|',
        }
    }
}

/// Order of the parts of a numeric date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
    /// Year, month, day.
    Ymd,
}

/// What stands before the cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecimalMark {
    /// `1.234,56`
    #[serde(rename = ",")]
    Comma,
    /// `1,234.56`
    #[serde(rename = ".")]
    Point,
}

/// The sign of spending in a single amount column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendingSign {
    /// Purchases are negative: accounts, nearly always.
    Negative,
    /// Purchases are positive: some credit cards, and Tallybook's own export.
    Positive,
}
