//! QIF: lines that begin with a letter, records that end with `^`. It says neither its currency nor how it writes dates
//! and amounts, so these are decided over the whole file, as for delimited ones.

use std::borrow::Cow;
use std::collections::HashSet;

use super::amounts::{self, Bad};
use super::currencies::is_supported;
use super::dates;
use super::encoding;
use super::mapping::{DateOrder, DecimalMark, Encoding, Mapping, SpendingSign};
use super::phrases::{Balance, balance_line, told};
use super::stats::Marks;
use super::survey::{DateVotes, Facts, TEXTS};
use super::text::{append_folded, fold_blanks, is_blank, shown};
use super::{Options, Refusal, Row, RowError, open_question};

const TEXT: usize = 500;

/// What one file is read by.
#[derive(Debug, Clone)]
pub(super) struct Document {
    pub(super) mapping: Mapping,
    encoding: Encoding,
    order: DateOrder,
    mark: DecimalMark,
    sign: SpendingSign,
    /// Whether rows of several accounts are in the file.
    accounts: bool,
    currency: String,
}

/// Decides how to read a QIF file.
pub(super) fn detect(bytes: &[u8], options: &Options) -> Result<Document, Refusal> {
    let asked = options.mapping.clone().unwrap_or_default();
    let Some(encoding) = asked.encoding.or_else(|| encoding::detect(bytes)) else {
        return Err(Refusal::not_text());
    };
    let (mut votes, mut marks, mut facts) = (DateVotes::default(), Marks::default(), Facts::default());
    let (mut accounts, mut preview, mut rows, mut cards) = (HashSet::new(), Vec::new(), 0_usize, 0_usize);
    for entry in Entries::new(encoding::decode(bytes, encoding)) {
        rows += 1;
        cards += usize::from(entry.card);
        votes.add(&entry.day(), true);
        marks.add(&entry.amount);
        if let Some(lexed) = amounts::lex(&entry.amount) {
            facts.add_sign(
                lexed.minus,
                [&entry.payee, &entry.memo].into_iter().filter(|_| rows <= TEXTS).filter_map(|text| told(text)),
            );
        }
        if accounts.len() < 2 {
            accounts.insert(entry.account.clone());
        }
        if preview.len() < 10 {
            let cells = [&entry.date, &entry.amount, &entry.payee, &entry.memo];
            preview.push(cells.map(|cell| fold_blanks(cell, 80)).to_vec());
        }
    }
    if rows == 0 {
        return Err(Refusal::bare(
            "no_transactions",
            "The QIF file holds no transaction of a bank, card or cash account.",
        ));
    }
    let order = asked.date_order.or_else(|| votes.decide(marks.sees_comma(), None));
    let mark = asked.decimal_mark.or_else(|| marks.decide());
    // Money out is negative, on cards too; but some cards' exports have it the other way round, and only they.
    let by_rule = (cards < rows).then_some(SpendingSign::Negative);
    let sign = asked.sign.or(by_rule).or_else(|| facts.sign(None));
    let mapping = Mapping {
        encoding: Some(encoding),
        date_order: order.filter(|_| asked.date_order.is_some() || votes.shows()),
        decimal_mark: mark.filter(|_| asked.decimal_mark.is_some() || marks.sees_mark()),
        sign,
        ..Mapping::default()
    };
    let (Some(order), Some(mark), Some(sign)) = (order, mark, sign) else {
        let (code, detail) = open_question(order, mark, sign).unwrap_or_default();
        return Err(Refusal { code, detail: detail.to_owned(), preview, candidates: Some(Box::new(mapping)) });
    };
    let currency = options.default_currency.clone();
    Ok(Document { mapping, encoding, order, mark, sign, accounts: accounts.len() > 1, currency })
}

impl Document {
    pub(super) fn rows<'a>(&'a self, bytes: &'a [u8]) -> impl Iterator<Item = Result<Row, RowError>> + 'a {
        let entries = Entries::new(encoding::decode(bytes, self.encoding));
        entries.filter(|entry| balance_line(&entry.payee) != Balance::Yes).map(|entry| self.row(&entry))
    }

    fn row(&self, entry: &Entry) -> Result<Row, RowError> {
        let error = |column: &str, code: &'static str, detail: String| RowError {
            line: entry.line,
            column: Some(column.to_owned()),
            code,
            detail,
        };
        if is_blank(&entry.date) {
            return Err(error("D", "missing_date", "The record has no date.".to_owned()));
        }
        let date = dates::lex(&entry.day()).and_then(|lexed| lexed.read(self.order)).ok_or_else(|| {
            error("D", "bad_date", format!("\"{}\" is no date in the order of the file.", shown(&entry.date)))
        })?;
        if is_blank(&entry.amount) {
            return Err(error("T", "missing_amount", "The record has no amount.".to_owned()));
        }
        let bad = |bad: Bad| {
            let (code, detail) = bad.told(&entry.amount);
            error("T", code, detail)
        };
        let lexed = amounts::lex(&entry.amount).ok_or(Bad::Form).map_err(bad)?;
        let value = amounts::value(&lexed.body, self.mark).map_err(bad)?;
        if value.is_zero() {
            return Err(error("T", "zero_amount", "The amount is zero.".to_owned()));
        }
        let currency = lexed.currency.map_or_else(|| self.currency.clone(), |said| said.resolve(&self.currency));
        if !is_supported(&currency) {
            let detail = format!("\"{}\" is not a supported ISO 4217 code.", shown(&currency));
            return Err(error("T", "unsupported_currency", detail));
        }
        let mut texts = [&entry.payee, &entry.memo, &entry.category].into_iter().filter(|text| !is_blank(text));
        let description = texts.next().map_or_else(String::new, |text| fold_blanks(text, TEXT));
        let mut note = fold_blanks(&entry.memo, TEXT);
        if description.starts_with(&note) {
            note.clear();
        }
        if self.accounts && !is_blank(&entry.account) {
            append_folded(&mut note, &format!("Account {}", entry.account), TEXT);
        }
        let out = lexed.minus == (self.sign == SpendingSign::Negative);
        Ok(Row {
            line: entry.line,
            date,
            amount: if out { value } else { -value },
            currency,
            description,
            note: (!note.is_empty()).then_some(note),
            category: None,
            external_id: None,
            pending: false,
        })
    }
}

/// One record, as it stands in the file.
#[derive(Debug, Clone, Default)]
struct Entry {
    line: u32,
    card: bool,
    account: String,
    date: String,
    amount: String,
    payee: String,
    memo: String,
    category: String,
}

impl Entry {
    /// `1/31'26` and ` 1/ 3'26` with the marks of other dates.
    fn day(&self) -> String {
        let mark = self.date.chars().find(|c| matches!(c, '/' | '.' | '-')).unwrap_or('/');
        self.date.chars().filter(|c| *c != ' ').map(|c| if matches!(c, '\'' | '’') { mark } else { c }).collect()
    }
}

/// What the records under the last header are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Transactions,
    Cards,
    Account,
    /// Categories, securities, prices: nothing that moved money.
    Other,
}

struct Entries<'a> {
    text: Cow<'a, str>,
    at: usize,
    line: u32,
    section: Section,
    account: String,
}

impl<'a> Entries<'a> {
    const fn new(text: Cow<'a, str>) -> Self {
        Self { text, at: 0, line: 1, section: Section::Other, account: String::new() }
    }
}

impl Iterator for Entries<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let mut entry = Entry::default();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let ended = rest.is_empty();
            let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default().trim_start_matches('\u{feff}');
            let after = rest.get(length..).unwrap_or_default();
            let feed = if after.starts_with("\r\n") { 2 } else { usize::from(!after.is_empty()) };
            let number = self.line;
            self.at += length + feed;
            self.line = self.line.saturating_add(1);
            let mut chars = line.trim_end().chars();
            let (code, value) = (chars.next(), chars.as_str().trim());
            let moves = matches!(self.section, Section::Transactions | Section::Cards);
            match code {
                Some('!') => {
                    self.section = section(value, self.section);
                    entry = Entry::default();
                    continue;
                }
                Some('^') | None if ended || code.is_some() => {
                    if moves && entry.line > 0 {
                        entry.card = self.section == Section::Cards;
                        self.account.clone_into(&mut entry.account);
                        return Some(entry);
                    }
                    if ended {
                        return None;
                    }
                    entry = Entry::default();
                    continue;
                }
                Some('N') if self.section == Section::Account => value.clone_into(&mut self.account),
                _ => {}
            }
            let slot = match code {
                Some('D') => &mut entry.date,
                Some('T') => &mut entry.amount,
                // The same amount again, in programs that write it twice.
                Some('U') if entry.amount.is_empty() => &mut entry.amount,
                Some('P') => &mut entry.payee,
                Some('M') => &mut entry.memo,
                Some('L') => &mut entry.category,
                _ => continue,
            };
            value.clone_into(slot);
            if entry.line == 0 {
                entry.line = number;
            }
        }
    }
}

fn section(header: &str, before: Section) -> Section {
    let header = header.to_ascii_lowercase();
    let Some(kind) = header.strip_prefix("type:") else {
        return if header.starts_with("account") { Section::Account } else { before };
    };
    match kind.trim() {
        "bank" | "cash" | "oth a" | "oth l" => Section::Transactions,
        "ccard" => Section::Cards,
        _ => Section::Other,
    }
}
