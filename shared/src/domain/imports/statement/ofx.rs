//! OFX 1 (SGML, whose elements need no end tags) and OFX 2 (XML), and QFX, which is OFX. Read with one scanner that believes
//! neither: exports leave out end tags in XML and write bare `&` and `<` in SGML. One row at fault costs one row.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use rust_decimal::Decimal;
use time::Date;

use super::amounts::{self, Bad, Hint};
use super::currencies::is_supported;
use super::dates::{self, Lexed};
use super::encoding;
use super::mapping::{DecimalMark, Encoding, Mapping, SpendingSign};
use super::tags::{Entries, Entry};
use super::text::{append_folded, fold_blanks, is_blank, shown};
use super::words::flag_word;
use super::{Options, Refusal, Row, RowError};

const TEXT: usize = 500;
const ID: usize = 200;

/// What one file is read by.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) mapping: Mapping,
    encoding: Encoding,
    sign: Sign,
    /// Whether the ids are ids.
    ids: bool,
    /// Whether rows of several accounts are in the file.
    accounts: bool,
    currency: String,
}

/// How the sign of `TRNAMT` is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Amount(SpendingSign),
    /// All amounts are bare and `TRNTYPE` tells.
    Type,
}

/// Decides how to read an OFX file.
pub(super) fn detect(bytes: &[u8], options: &Options) -> Result<Document, Refusal> {
    let asked = options.mapping.clone().unwrap_or_default();
    let encoding = asked.encoding.or_else(|| declared(bytes)).or_else(|| encoding::detect(bytes));
    let Some(encoding) = encoding else {
        return Err(Refusal::not_text());
    };
    let (mut signs, mut ids, mut filled) = (Signs::default(), HashSet::new(), 0_usize);
    let (mut accounts, mut preview, mut rows) = (HashSet::new(), Vec::new(), 0_usize);
    for entry in Entries::new(encoding::decode(bytes, encoding)) {
        rows += 1;
        signs.add(&entry);
        filled += usize::from(!is_blank(&entry.id));
        ids.insert(hash(&entry.id));
        if accounts.len() < 2 {
            accounts.insert(entry.account.clone());
        }
        if preview.len() < 10 {
            let cells = [&entry.posted, &entry.kind, &entry.amount, &entry.name, &entry.memo];
            preview.push(cells.map(|cell| fold_blanks(cell, 80)).to_vec());
        }
    }
    if rows == 0 {
        return Err(Refusal::bare("no_transactions", "The OFX file holds no STMTTRN, so no transaction."));
    }
    let sign = asked.sign.map(Sign::Amount).or_else(|| signs.decide());
    let mut mapping = Mapping { encoding: Some(encoding), ..Mapping::default() };
    let Some(sign) = sign else {
        return Err(Refusal {
            code: "ambiguous_sign",
            detail: "TRNTYPE and the sign of TRNAMT contradict each other. Send a mapping with \"sign\": \"positive\" or \"negative\", the sign that spending has.".to_owned(),
            preview,
            candidates: Some(Box::new(mapping)),
        });
    };
    mapping.sign = match sign {
        Sign::Amount(sign) => Some(sign),
        Sign::Type => None,
    };
    Ok(Document {
        mapping,
        encoding,
        sign,
        ids: filled == rows && ids.len() == rows,
        accounts: accounts.len() > 1,
        currency: options.default_currency.clone(),
    })
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The character set that the header of OFX 1 names, for bytes that are not UTF-8 anyway.
fn declared(bytes: &[u8]) -> Option<Encoding> {
    if std::str::from_utf8(bytes).is_ok() {
        return Some(Encoding::Utf8);
    }
    let head = String::from_utf8_lossy(bytes.get(..1024).unwrap_or(bytes)).to_ascii_uppercase();
    let (_, named) = head.split_once("CHARSET:").or_else(|| head.split_once("ENCODING=\""))?;
    let name = named.trim_start().split(|c: char| !c.is_ascii_alphanumeric() && c != '-').next()?;
    match name.trim_start_matches("WINDOWS-").trim_start_matches("CP") {
        "1250" => Some(Encoding::Windows1250),
        "1251" => Some(Encoding::Windows1251),
        "1252" | "ISO-8859-1" | "8859-1" | "ISO-8859-15" => Some(Encoding::Windows1252),
        "1253" => Some(Encoding::Windows1253),
        "1254" | "ISO-8859-9" => Some(Encoding::Windows1254),
        "1257" => Some(Encoding::Windows1257),
        "ISO-8859-2" | "8859-2" => Some(Encoding::Iso8859_2),
        _ => None,
    }
}

/// Whether the signs are those of the standard: money out is negative.
#[derive(Debug, Default)]
struct Signs {
    debit_minus: usize,
    debit_bare: usize,
    credit_minus: usize,
    credit_bare: usize,
    minus: usize,
}

impl Signs {
    fn add(&mut self, entry: &Entry) {
        let Some(lexed) =
            amounts::lex(&entry.amount).filter(|lexed| lexed.body.bytes().any(|b| matches!(b, b'1'..=b'9')))
        else {
            return;
        };
        self.minus += usize::from(lexed.minus);
        match (debit(&entry.kind), lexed.minus) {
            (Some(true), true) => self.debit_minus += 1,
            (Some(true), false) => self.debit_bare += 1,
            (Some(false), true) => self.credit_minus += 1,
            (Some(false), false) => self.credit_bare += 1,
            (None, _) => {}
        }
    }

    fn decide(&self) -> Option<Sign> {
        let fits = self.debit_minus + self.credit_bare;
        let against = self.debit_bare + self.credit_minus;
        if against == 0 || (fits >= against && self.minus > 0) {
            return Some(Sign::Amount(SpendingSign::Negative));
        }
        if fits == 0 && self.debit_bare > 0 && self.credit_minus > 0 {
            return Some(Sign::Amount(SpendingSign::Positive));
        }
        (self.minus == 0 && self.debit_bare > 0 && self.credit_bare > 0).then_some(Sign::Type)
    }
}

/// Whether a `TRNTYPE` says debit; most of them say neither.
fn debit(kind: &str) -> Option<bool> {
    match kind.trim().to_ascii_uppercase().as_str() {
        "POS" | "DIRECTDEBIT" | "SRVCHG" | "FEE" | "ATM" | "CASH" | "PAYMENT" | "REPEATPMT" | "CHECK" => Some(true),
        "DIRECTDEP" | "DEP" | "INT" | "DIV" => Some(false),
        other => flag_word(other),
    }
}

impl Document {
    pub(super) fn rows<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Result<Row, RowError>> + 'a {
        Entries::new(encoding::decode(bytes, self.encoding)).map(|entry| self.row(&entry))
    }

    fn row(&self, entry: &Entry) -> Result<Row, RowError> {
        let error = |column: &str, code: &'static str, detail: String| RowError {
            line: entry.line,
            column: Some(column.to_owned()),
            code,
            detail,
        };
        let posted = if is_blank(&entry.posted) { &entry.user_date } else { &entry.posted };
        if is_blank(posted) {
            return Err(error("DTPOSTED", "missing_date", "The transaction has no date.".to_owned()));
        }
        let date =
            date(posted).ok_or_else(|| error("DTPOSTED", "bad_date", format!("\"{}\" is no date.", shown(posted))))?;
        if is_blank(&entry.amount) {
            return Err(error("TRNAMT", "missing_amount", "The transaction has no amount.".to_owned()));
        }
        let (minus, value) = amount(&entry.amount).map_err(|bad| {
            let (code, detail) = bad.told(&entry.amount);
            error("TRNAMT", code, detail)
        })?;
        if value.is_zero() {
            return Err(error("TRNAMT", "zero_amount", "The amount is zero.".to_owned()));
        }
        let out = match self.sign {
            Sign::Amount(SpendingSign::Negative) => minus,
            Sign::Amount(SpendingSign::Positive) => !minus,
            Sign::Type => debit(&entry.kind).ok_or_else(|| {
                let detail = format!("\"{}\" says neither debit nor credit.", shown(&entry.kind));
                error("TRNTYPE", "bad_flag", detail)
            })?,
        };
        let currency = [&entry.currency, &entry.account_currency, &self.currency]
            .into_iter()
            .find(|code| !is_blank(code))
            .map_or_else(String::new, |code| code.trim().to_ascii_uppercase());
        if !is_supported(&currency) {
            let detail = format!("\"{}\" is not a supported ISO 4217 code.", shown(&currency));
            return Err(error("CURDEF", "unsupported_currency", detail));
        }
        let texts = [&entry.name, &entry.memo, &entry.check, &entry.kind];
        let mut texts = texts.into_iter().filter(|text| !is_blank(text));
        let description = texts.next().map_or_else(String::new, |text| fold_blanks(text, TEXT));
        let mut note = fold_blanks(&entry.memo, TEXT);
        if description.starts_with(&note) {
            note.clear();
        }
        if self.accounts {
            let last: Vec<char> = entry.account.trim().chars().rev().take(4).collect();
            append_folded(&mut note, &format!("Account …{}", last.iter().rev().collect::<String>()), TEXT);
        }
        Ok(Row {
            line: entry.line,
            date,
            amount: if out { value } else { -value },
            currency,
            description,
            note: (!note.is_empty()).then_some(note),
            category: None,
            external_id: self.ids.then(|| fold_blanks(&entry.id, ID)),
            pending: entry.pending,
        })
    }
}

/// `20240131120000.000[-5:EST]`: the day as the bank's own clock had it.
fn date(text: &str) -> Option<Date> {
    let text = text.trim();
    match text.get(..8).filter(|head| head.bytes().all(|b| b.is_ascii_digit())) {
        Some(head) => match dates::lex(head)? {
            Lexed::Sure(date) => Some(date),
            Lexed::Open(_) => None,
        },
        None => match dates::lex(text.split('[').next()?)? {
            Lexed::Sure(date) => Some(date),
            Lexed::Open(_) => None,
        },
    }
}

/// The standard allows a comma or a point before the cents and no thousands; some banks write them nevertheless.
fn amount(text: &str) -> Result<(bool, Decimal), Bad> {
    let lexed = amounts::lex(text).ok_or(Bad::Form)?;
    let mark = match amounts::hint(&lexed.body) {
        Hint::Sure(mark) | Hint::Unclear(mark) => mark,
        Hint::None => DecimalMark::Point,
    };
    Ok((lexed.minus, amounts::value(&lexed.body, mark)?))
}
