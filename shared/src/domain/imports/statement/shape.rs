//! From bytes to the shape of the file: delimiter, header, columns, and what the whole file says of dates and money.

use super::balances::{balance_chain, fee_is_apart};
use super::columns::{Columns, Missing, Money, assign};
use super::dates;
use super::encoding;
use super::headers::{Heading, currency_of, heading};
use super::layout::{
    best_delimiter, day_first, find_header, is_data, leave_preamble, preamble_currency, preamble_dates, separator_line,
    unknown_header,
};
use super::mapping::{DateOrder, DecimalMark, Delimiter, Encoding, Mapping, SpendingSign};
use super::requested::{self, Named};
use super::stats::{Sampled, dates_rise, sample, stats};
use super::survey::{Facts, survey};
use super::text::{fold_blanks, is_blank};
use super::{Options, Refusal, Table, open_question};

/// Records looked at to find columns.
const SAMPLE: usize = 600;

/// What is known before the columns.
pub(super) struct Open<'a> {
    pub(super) text: &'a str,
    pub(super) encoding: Encoding,
    pub(super) delimiter: Delimiter,
    pub(super) rows: Vec<Sampled>,
}

impl Open<'_> {
    pub(super) fn refuse(&self, code: &'static str, detail: String, candidates: Mapping) -> Refusal {
        let cells = |row: &Sampled| row.cells.iter().take(30).map(|cell| fold_blanks(cell, 80)).collect();
        let candidates = Mapping { encoding: Some(self.encoding), delimiter: Some(self.delimiter), ..candidates };
        Refusal {
            code,
            detail,
            preview: self.rows.iter().take(10).map(cells).collect(),
            candidates: Some(Box::new(candidates)),
        }
    }
}

/// Decides the shape of a file.
pub(super) fn detect(bytes: &[u8], options: &Options) -> Result<Table, Refusal> {
    let asked = options.mapping.clone().unwrap_or_default();
    let encoding = match asked.encoding {
        Some(encoding) => encoding,
        None => encoding::detect(bytes).ok_or_else(Refusal::not_text)?,
    };
    let text = encoding::decode(bytes, encoding);
    if is_blank(&text) {
        return Err(Refusal::bare("empty_file", "The file is empty."));
    }
    let (told, from) = separator_line(&text);
    let delimiter = asked.delimiter.or(told).unwrap_or_else(|| best_delimiter(&text, from));
    let open = Open { text: &text, encoding, delimiter, rows: sample(&text, delimiter, from, SAMPLE) };
    shape(&open, &asked, options)
}

fn shape(open: &Open<'_>, asked: &Mapping, options: &Options) -> Result<Table, Refusal> {
    let header = match (asked.header, requested::named_header(asked, &open.rows)) {
        (Some(false), _) => None,
        (_, Named::Row(at)) => Some(at),
        (_, Named::Absent(name)) => {
            let names = find_header(&open.rows)
                .and_then(|at| open.rows.get(at))
                .map(|row| row.cells.join(", "))
                .unwrap_or_default();
            let detail = format!("No row has a column named {name:?}. The columns are: {}.", fold_blanks(&names, 300));
            return Err(open.refuse("unknown_columns", detail, asked.clone()));
        }
        (_, Named::Nothing) => find_header(&open.rows),
    };
    let after = header.map_or(0, |at| at + 1);
    let mut data: Vec<Sampled> = open.rows.iter().skip(after).filter(|row| is_data(row)).cloned().collect();
    if header.is_none() {
        leave_preamble(&mut data);
    }
    let header = header.or_else(|| match asked.header {
        Some(false) => None,
        _ => unknown_header(&open.rows, &data),
    });
    let after = header.map_or(0, |at| at + 1);
    let head = header.and_then(|at| open.rows.get(at));
    let names: Vec<String> =
        head.map(|row| row.cells.iter().map(|cell| fold_blanks(cell, 80)).collect()).unwrap_or_default();
    let headings: Vec<Option<Heading>> =
        head.map(|row| row.cells.iter().map(|cell| heading(cell)).collect()).unwrap_or_default();
    let Some(first) = data.first() else {
        let detail = "No row holds a date. Send the file as the bank exports it, or a mapping that names the date and amount columns.";
        return Err(open.refuse("no_transactions", detail.to_owned(), asked.clone()));
    };
    let width = names.len().max(data.iter().map(|row| row.cells.len()).max().unwrap_or(0));
    if let Some(absent) = requested::unplaced(asked, &names, width) {
        let detail = format!(
            "The file has no column {absent:?}: it has {width}, and names only if a header row stands above them."
        );
        return Err(open.refuse("unknown_columns", detail, asked.clone()));
    }
    let found = assign(&headings, &names, &stats(&data), &data);
    let mut columns = requested::complete(found, asked, &names).map_err(|missing| {
        let detail = match &missing {
            Missing::Date => "No column of dates was found. Send a mapping with \"date\": a column's name, or its number from 1.",
            Missing::Amount(_) => "Which columns hold the money is not clear. Send a mapping with \"amount\", or with \"debit\" and \"credit\": a column's name, or its number from 1.",
        };
        let known = match &missing {
            Missing::Date => asked.clone(),
            Missing::Amount(columns) => requested::describe(columns, &names, open, header.is_some()),
        };
        open.refuse("unknown_columns", detail.to_owned(), known)
    })?;
    let start = match header.and_then(|at| open.rows.get(at + 1)) {
        Some(row) => row.place,
        // A preamble may hold dates too, but not in the column of dates.
        None => data.iter().find(|row| dates::lex(row.cell(columns.date)).is_some()).unwrap_or(first).place,
    };
    let mut facts = survey(open.text, open.delimiter, start, &columns);
    let said = |at: usize| names.get(at).and_then(|name| currency_of(name));
    let money_heading = columns.money.columns().find_map(said);
    // The amount's own heading counts before a column, which may name the currency of the shop.
    if asked.currency.is_none() && money_heading.is_some() {
        columns.currency = None;
    }
    let before = if header.is_some() { after } else { open.rows.iter().take_while(|row| row.place != start).count() };
    let file_currency =
        money_heading.or_else(|| columns.balance.and_then(said)).or_else(|| preamble_currency(open, before));
    let above = preamble_dates(open, before);
    let foreign = headings.iter().flatten().any(|h| h.foreign)
        || day_first(file_currency.as_deref(), &columns, &data)
        || above == Some(DateOrder::Dmy);
    facts.american = above == Some(DateOrder::Mdy);
    let mut shape = Table {
        mapping: requested::describe(&columns, &names, open, header.is_some()),
        encoding: open.encoding,
        delimiter: open.delimiter,
        start,
        width: names.len().max(first.cells.len()),
        names,
        columns,
        order: DateOrder::Dmy,
        mark: DecimalMark::Point,
        sign: SpendingSign::Negative,
        split_signs: facts.split_signs(),
        currency: file_currency.unwrap_or_else(|| options.default_currency.clone()),
    };
    decide(&mut shape, &facts, open, asked, foreign, &data)?;
    Ok(shape)
}

/// Decides what only the whole column shows, and refuses what stays open.
fn decide(
    shape: &mut Table,
    facts: &Facts,
    open: &Open<'_>,
    asked: &Mapping,
    foreign: bool,
    data: &[Sampled],
) -> Result<(), Refusal> {
    let chain = |shape: &Table| balance_chain(data, &shape.columns, shape.mark);
    let by_balance = || facts.balance_marks.decide().filter(|_| facts.balance_marks.sees_mark());
    // A list parted by semicolons is so because the comma is taken; one parted by commas, because it is not.
    let by_delimiter = || match open.delimiter {
        Delimiter::Semicolon if facts.marks.only_unclear_points() => Some(DecimalMark::Comma),
        Delimiter::Comma if facts.marks.only_unclear_commas() => Some(DecimalMark::Point),
        _ => None,
    };
    let mark = asked.decimal_mark.or_else(|| facts.marks.decide()).or_else(by_balance).or_else(by_delimiter);
    shape.mark = mark.unwrap_or(DecimalMark::Point);
    let oldest_first = chain(shape).oldest_first().filter(|_| mark.is_some());
    let order = asked.date_order.or_else(|| facts.date_order(foreign, oldest_first));
    shape.order = order.unwrap_or(DateOrder::Dmy);
    // What the file does not show is not to be saved for the next one.
    shape.mapping.decimal_mark =
        mark.filter(|_| asked.decimal_mark.is_some() || facts.marks.sees_mark() || facts.balance_marks.sees_mark());
    shape.mapping.date_order = order.filter(|_| asked.date_order.is_some() || facts.dates.shows());
    let sign = match shape.columns.money {
        Money::Signed(_) => {
            let sign = asked.sign.or(shape.columns.sign).or_else(|| {
                let chain = chain(shape);
                match chain.rises(dates_rise(data, shape.columns.date, order)) {
                    // Spending is positive, or the balances are those before each row.
                    None if chain.any() && !chain.plain() => None,
                    rises => facts.sign(rises),
                }
            });
            shape.mapping.sign = sign;
            sign
        }
        // Here the column or the flag says which way the money went.
        Money::Split(..) | Money::Flagged(..) => Some(SpendingSign::Negative),
    };
    if asked.fee.is_none() && !fee_is_apart(data, &shape.columns, shape.mark) {
        shape.columns.fee = None;
        shape.mapping.fee = None;
    }
    shape.sign = sign.unwrap_or(SpendingSign::Negative);
    if asked.external_id.is_none() && !facts.ids_unique() {
        shape.columns.external_id = None;
        shape.mapping.external_id = None;
    }
    match open_question(order, mark, sign) {
        None => Ok(()),
        Some((code, detail)) => Err(open.refuse(code, detail.to_owned(), shape.mapping.clone())),
    }
}

/// A blank `Columns` for a mapping that says everything itself.
pub(super) fn blank(date: usize, money: Money) -> Columns {
    Columns {
        date,
        money,
        value_date: None,
        balance: None,
        payee: None,
        payer: None,
        description: Vec::new(),
        kind: None,
        note: Vec::new(),
        currency: None,
        external_id: None,
        status: None,
        fee: None,
        hint: None,
        sign: None,
    }
}
