//! Row by row through the file.

use std::borrow::Cow;
use std::collections::VecDeque;

use csv::StringRecord;
use rust_decimal::Decimal;
use time::Date;

use super::columns::Columns;
use super::dates;
use super::money::amount;
use super::phrases::{Balance, balance_line, is_total};
use super::records::{Next, Records};
use super::text::{append_folded, fold_blanks, is_blank, plain_words, shown};
use super::words::{Status, status_word};
use super::{Row, RowError, Table};

const TEXT: usize = 500;
const NOTE: usize = 2000;
const CATEGORY: usize = 100;
const ID: usize = 200;
/// Lines held back as a possible trailer; a longer tail is no trailer.
const MAX_TAIL: usize = 100;

/// Iterator over the rows of a file.
pub(super) struct Rows<'a> {
    shape: &'a Table,
    records: Records<'a>,
    record: StringRecord,
    /// The last row, which the next record may continue.
    held: Option<Result<Held, RowError>>,
    /// Lines that are a trailer if no further row follows, and errors if one does.
    tail: Vec<RowError>,
    ready: VecDeque<Result<Row, RowError>>,
    /// The last status cell and what it says: they repeat.
    status: (String, Status),
    /// Whether a row was seen.
    begun: bool,
    ended: bool,
}

struct Held {
    row: Row,
    /// Whether the other party is the description, so that more text belongs into the note.
    by_party: bool,
}

enum Class {
    Nothing,
    Continues,
    Row(Held),
    Bad(RowError),
    Tail(RowError),
}

impl<'a> Rows<'a> {
    pub(super) fn new(shape: &'a Table, text: Cow<'a, str>) -> Self {
        let records = Records::new(text, shape.delimiter, shape.start);
        Self {
            shape,
            records,
            record: StringRecord::new(),
            held: None,
            tail: Vec::new(),
            ready: VecDeque::new(),
            status: (String::new(), Status::Booked),
            begun: false,
            ended: false,
        }
    }

    fn release(&mut self) {
        if let Some(held) = self.held.take() {
            self.ready.push_back(held.map(|held| held.row));
        }
    }

    fn hold(&mut self, next: Result<Held, RowError>) {
        self.release();
        self.begun = true;
        self.ready.extend(self.tail.drain(..).map(Err));
        self.held = Some(next);
    }

    fn status(&mut self) -> Status {
        let cell = self.shape.columns.status.and_then(|at| self.record.get(at)).unwrap_or("");
        if self.status.0 != cell {
            self.status = (cell.to_owned(), if is_blank(cell) { Status::Booked } else { status_word(cell) });
        }
        self.status.1
    }

    fn advance(&mut self) {
        let class = match self.records.next_into(&mut self.record) {
            None => {
                self.ended = true;
                return self.release();
            }
            Some(Next::Unclosed(line)) => Class::Bad(RowError {
                line,
                column: None,
                code: "unclosed_quote",
                detail: "A quotation mark opens in this line and never closes.".to_owned(),
            }),
            Some(Next::Record(place)) => {
                let status = self.status();
                classify(self.shape, &self.record, place.line, status)
            }
        };
        match class {
            Class::Nothing => {}
            Class::Row(row) => self.hold(Ok(row)),
            Class::Bad(error) => self.hold(Err(error)),
            // What stands between the header and the first row is no more than a second preamble.
            Class::Tail(_) if !self.begun => {}
            Class::Tail(error) => {
                self.tail.push(error);
                if self.tail.len() > MAX_TAIL {
                    self.release();
                    self.ready.extend(self.tail.drain(..).map(Err));
                }
            }
            Class::Continues => {
                if let Some(Ok(held)) = &mut self.held
                    && self.tail.is_empty()
                {
                    for cell in &self.record {
                        if held.by_party {
                            append_folded(held.row.note.get_or_insert_default(), cell, TEXT);
                        } else {
                            append_folded(&mut held.row.description, cell, TEXT);
                        }
                    }
                }
            }
        }
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.ready.is_empty() && !self.ended {
            self.advance();
        }
        self.ready.pop_front()
    }
}

fn classify(shape: &Table, record: &StringRecord, line: u32, status: Status) -> Class {
    let columns = &shape.columns;
    let cell = |at: usize| record.get(at).unwrap_or("");
    if record.iter().all(is_blank) {
        return Class::Nothing;
    }
    let error = |at: Option<usize>, code: &'static str, detail: String| RowError {
        line,
        column: at.map(|at| name(shape, at)),
        code,
        detail,
    };
    let money_blank = columns.money.columns().all(|at| is_blank(cell(at)));
    let fallback = columns.value_date.filter(|at| is_blank(cell(columns.date)) && !is_blank(cell(*at)));
    let date_at = fallback.unwrap_or(columns.date);
    let date_cell = cell(date_at);
    let Some(date) = dates::lex(date_cell).and_then(|lexed| lexed.read(shape.order)) else {
        // Some files repeat the header on every page.
        if !shape.names.is_empty()
            && shape.names.get(columns.date).is_some_and(|name| fold_blanks(cell(columns.date), 80) == *name)
        {
            return Class::Nothing;
        }
        let only_text = || record.iter().enumerate().all(|(at, cell)| is_blank(cell) || columns.is_text(at));
        if date_cell.len() <= 30 && status_word(date_cell) == Status::Pending {
            let detail = "This row is not booked yet: import the file again once it is.";
            return Class::Bad(error(Some(date_at), "pending", detail.to_owned()));
        }
        if is_blank(date_cell) {
            if money_blank && only_text() {
                return Class::Continues;
            }
            let missing = error(Some(columns.date), "missing_date", "The row has no date.".to_owned());
            return if money_blank || record.iter().any(is_total) { Class::Tail(missing) } else { Class::Bad(missing) };
        }
        let bad = error(
            Some(date_at),
            "bad_date",
            format!("\"{}\" is no date in the order of the column.", shown(date_cell)),
        );
        let short = record.len() * 2 <= shape.width;
        let tail = money_blank || short || is_total(date_cell);
        return if tail { Class::Tail(bad) } else { Class::Bad(bad) };
    };
    match tells_balance(columns, record) {
        Balance::Yes if !is_ours(shape) => return Class::Nothing,
        Balance::Perhaps if !is_ours(shape) => {
            let detail = "This row may tell a balance: if it is a transaction, add it by hand.";
            return Class::Bad(error(None, "balance_line", detail.to_owned()));
        }
        _ => {}
    }
    if status == Status::Void {
        let seen = columns.status.map(|at| shown(cell(at))).unwrap_or_default();
        return Class::Bad(error(columns.status, "declined", format!("The bank did not book this row: \"{seen}\".")));
    }
    match amount(shape, record) {
        Ok((amount, currency)) => {
            Class::Row(describe(shape, record, line, date, amount, currency, status == Status::Pending))
        }
        // An opening or closing balance among the rows.
        Err(fault) if fault.code == "missing_amount" && columns.description.iter().any(|at| is_total(cell(*at))) => {
            Class::Nothing
        }
        Err(fault) => Class::Bad(error(fault.at, fault.code, fault.detail)),
    }
}

/// Whether the row has a date and perhaps an amount, but is an opening or closing balance. One that names another party is
/// none, and a remark counts only where nothing else is said.
pub(super) fn tells_balance(columns: &Columns, record: &StringRecord) -> Balance {
    let filled = |at: &usize| record.get(*at).filter(|cell| !is_blank(cell));
    let most = |texts: &mut dyn Iterator<Item = &str>| texts.map(balance_line).max().unwrap_or(Balance::No);
    let mut parties = columns.payee.iter().chain(&columns.payer).filter_map(filled);
    let mut texts = columns.description.iter().chain(&columns.kind).filter_map(filled).peekable();
    if texts.peek().is_none() && columns.payee.as_ref().and_then(filled).is_none() {
        return most(&mut columns.note.iter().filter_map(filled));
    }
    match parties.next() {
        Some(party) => balance_line(party),
        None => most(&mut texts),
    }
}

/// Whether the file is an export of our own, which holds transactions alone.
fn is_ours(shape: &Table) -> bool {
    let mut money = shape.columns.money.columns().filter_map(|at| shape.names.get(at));
    money.any(|name| plain_words(name) == "amount spending positive")
}

fn name(shape: &Table, at: usize) -> String {
    match shape.names.get(at) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => at.saturating_add(1).to_string(),
    }
}

/// Adds a cell, unless one of the two repeats the other: some banks give a short and a long form.
fn join(into: &mut String, cell: &str) {
    let text = fold_blanks(unquoted(cell), TEXT);
    if text.starts_with(into.as_str()) {
        *into = text;
    } else if !into.contains(&text) {
        append_folded(into, &text, TEXT);
    }
}

/// A text without the apostrophe that keeps spreadsheets from reading it as a formula. Between two of them it is the text's
/// own, unless it would be a formula.
fn unquoted(cell: &str) -> &str {
    let cell = cell.trim();
    let guarded = |rest: &&str| rest.starts_with(['=', '+', '-', '@', '\t', '\r']) || !rest.ends_with('\'');
    cell.strip_prefix('\'').filter(guarded).unwrap_or(cell)
}

fn describe(
    shape: &Table,
    record: &StringRecord,
    line: u32,
    date: Date,
    amount: Decimal,
    currency: String,
    pending: bool,
) -> Held {
    let columns = &shape.columns;
    let filled = |at: &usize| record.get(*at).filter(|cell| !is_blank(cell));
    // Money in comes from the payer; where the file names but one other party, it is that.
    let payer = columns.payer.as_ref().filter(|_| amount.is_sign_negative()).and_then(filled);
    let party = payer.or_else(|| columns.payee.as_ref().and_then(filled));
    let mut description = fold_blanks(unquoted(party.unwrap_or("")), TEXT);
    let mut note = String::new();
    for cell in columns.description.iter().filter_map(filled) {
        join(if party.is_some() { &mut note } else { &mut description }, cell);
    }
    if note == description {
        note.clear();
    }
    for cell in columns.note.iter().filter_map(filled) {
        append_folded(&mut note, unquoted(cell), NOTE);
    }
    if description.is_empty() {
        match columns.kind.as_ref().and_then(filled) {
            Some(kind) => append_folded(&mut description, kind, TEXT),
            None => std::mem::swap(&mut description, &mut note),
        }
    }
    let category = if is_ours(shape) { shape.names.iter().position(|name| name == "category") } else { None };
    let category = category.as_ref().and_then(filled).map(|cell| fold_blanks(unquoted(cell), CATEGORY));
    let external_id = columns.external_id.as_ref().and_then(filled).map(|cell| fold_blanks(cell, ID));
    let note = (!note.is_empty()).then_some(note);
    Held {
        row: Row { line, date, amount, currency, description, note, category, external_id, pending },
        by_party: party.is_some(),
    }
}
