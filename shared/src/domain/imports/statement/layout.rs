//! What stands around the data: the delimiter, the header row, the preamble.

use super::amounts;
use super::columns::Columns;
use super::currencies::{Said, is_supported};
use super::dates::{self, Lexed};
use super::headers::{Role, heading};
use super::mapping::{DateOrder, Delimiter};
use super::records::Place;
use super::shape::Open;
use super::stats::{Sampled, sample};
use super::survey::DateVotes;
use super::text::is_blank;

/// The header must stand within so many records.
const HEADER: usize = 60;

/// Excel's first line `sep=;`.
pub(super) fn separator_line(text: &str) -> (Option<Delimiter>, Place) {
    let line = text.lines().next().unwrap_or_default();
    let told = line.trim().trim_matches('"').to_ascii_lowercase();
    let Some(mark) = told.strip_prefix("sep=") else {
        return (None, Place::START);
    };
    let found = Delimiter::ALL.into_iter().find(|d| mark.bytes().next().unwrap_or(b'\t') == d.byte());
    (found, Place { byte: text.find('\n').map_or(text.len(), |at| at + 1), line: 2 })
}

/// The delimiter under which most rows show a date and an amount, or header words where there are few rows.
pub(super) fn best_delimiter(text: &str, from: Place) -> Delimiter {
    let score = |delimiter: Delimiter| {
        let rows = sample(text, delimiter, from, 80);
        let words = rows.iter().map(|row| header_score(row).unwrap_or(0)).max().unwrap_or(0);
        let cells = rows
            .iter()
            .filter(|row| row.cells.len() > 1)
            .map(|row| {
                let date = row.cells.iter().any(|cell| dates::lex(cell).is_some());
                let amount = row.cells.iter().any(|cell| dates::lex(cell).is_none() && amounts::lex(cell).is_some());
                usize::from(date) * 2 + usize::from(date && amount)
            })
            .sum::<usize>();
        let width = rows.iter().map(|row| row.cells.len()).sum::<usize>() / rows.len().max(1);
        (words * 3 + cells, width)
    };
    let mut best = (Delimiter::Comma, score(Delimiter::Comma));
    for delimiter in Delimiter::ALL.into_iter().skip(1) {
        let found = score(delimiter);
        if found > best.1 {
            best = (delimiter, found);
        }
    }
    best.0
}

/// How many header words a row has, if it may be the header: two at least, one of them for a date or an amount, and no
/// date in it.
fn header_score(row: &Sampled) -> Option<usize> {
    if row.cells.len() < 2 || row.cells.iter().any(|cell| dates::lex(cell).is_some()) {
        return None;
    }
    let roles: Vec<Role> = row.cells.iter().filter_map(|cell| heading(cell)).map(|h| h.role).collect();
    let when = roles.iter().any(|role| matches!(role, Role::Booked | Role::Operation | Role::Value));
    let money = roles.iter().any(|role| matches!(role, Role::Amount | Role::AmountOut | Role::Debit | Role::Credit));
    let numbers = row.cells.iter().filter(|cell| amounts::lex(cell).is_some()).count();
    ((when || money) && roles.len() >= 2 && numbers * 2 < roles.len())
        .then_some(roles.len() + usize::from(when && money) * 2)
}

/// The row with the most header words.
pub(super) fn find_header(rows: &[Sampled]) -> Option<usize> {
    let scores =
        rows.iter().take(HEADER).enumerate().filter_map(|(at, row)| header_score(row).map(|score| (at, score)));
    scores.max_by_key(|(at, score)| (*score, usize::MAX - at)).map(|(at, _)| at)
}

/// Whether a row may be data.
pub(super) fn is_data(row: &Sampled) -> bool {
    row.cells.len() > 1 && row.cells.iter().any(|cell| dates::lex(cell).is_some())
}

/// The row of names right above the data, in a language that no table knows.
pub(super) fn unknown_header(rows: &[Sampled], data: &[Sampled]) -> Option<usize> {
    let first = data.first()?;
    let at = rows.iter().position(|row| row.place == first.place)?.checked_sub(1)?;
    let above = rows.get(at)?;
    let plain = |cell: &String| !is_blank(cell) && amounts::lex(cell).is_none() && dates::lex(cell).is_none();
    (above.cells.len() == first.cells.len() && above.cells.iter().all(plain)).then_some(at)
}

/// Takes out of a file without a header what only looks like data.
pub(super) fn leave_preamble(data: &mut Vec<Sampled>) {
    // "Period;01.01.2024" is told from the data by its width, or by where its date stands.
    let width = data.iter().map(|row| row.cells.len()).max().unwrap_or(0);
    data.retain(|row| row.cells.len() * 2 > width);
    let dated = |row: &Sampled, at: usize| dates::lex(row.cell(at)).is_some();
    let filled = |at: usize| data.iter().filter(|row| dated(row, at)).count();
    let Some(column) = (0..width).max_by_key(|at| (filled(*at), usize::MAX - at)) else {
        return;
    };
    data.retain(|row| dated(row, column));
    // A line about the account in front seldom writes its date as the rows do.
    let open = |row: &Sampled| matches!(dates::lex(row.cell(column)), Some(Lexed::Open(_)));
    if let [first, second, rest @ ..] = data.as_slice()
        && open(first) != open(second)
        && rest.iter().all(|row| open(row) == open(second))
        && (!rest.is_empty() || first.cells.len() != second.cells.len() || !open(first))
    {
        data.remove(0);
    }
}

/// Whether the file is in the money of a country that writes the day first.
pub(super) fn day_first(file: Option<&str>, columns: &Columns, data: &[Sampled]) -> bool {
    let told = |code: &str| is_supported(code) && !MONTH_FIRST.contains(&code);
    if let Some(code) = file {
        return told(code);
    }
    let cells = |at: usize| data.iter().map(move |row| row.cell(at).trim()).filter(|cell| !cell.is_empty());
    match columns.currency {
        Some(at) => {
            let mut codes = cells(at).map(str::to_ascii_uppercase);
            codes.next().is_some_and(|first| told(&first) && codes.all(|code| code == first))
        }
        None => columns.money.columns().any(|at| {
            let signs = |cell| amounts::lex(cell).and_then(|lexed| lexed.currency);
            let mut found = cells(at).map(|cell| matches!(signs(cell), Some(Said::One(code)) if told(code)));
            found.next() == Some(true) && found.all(|one| one)
        }),
    }
}

/// Money that is counted where the month may come first.
const MONTH_FIRST: [&str; 6] = ["USD", "CAD", "PHP", "ZAR", "KES", "BZD"];

/// The order that dates above the data show.
pub(super) fn preamble_dates(open: &Open<'_>, before: usize) -> Option<DateOrder> {
    let mut votes = DateVotes::default();
    for cell in open.rows.iter().take(before.min(HEADER)).flat_map(|row| &row.cells).filter(|cell| cell.len() < 200) {
        votes.add(cell, false);
        for word in cell.split([' ', ':', '(', ')']).filter(|word| word.len() >= 8) {
            votes.add(word, false);
        }
    }
    votes.decide(false, None).filter(|_| votes.surely())
}

/// `Currency: EUR` above the data, beside or below its name, or an account or balance there with its currency.
pub(super) fn preamble_currency(open: &Open<'_>, before: usize) -> Option<String> {
    let rows = open.rows.get(..before.min(HEADER).min(open.rows.len()))?;
    let supported = |cell: &str| is_supported(cell.trim()).then(|| cell.trim().to_owned());
    let named = |cell: &String| heading(cell).is_some_and(|h| h.role == Role::Currency);
    for (at, row) in rows.iter().enumerate() {
        for (column, _) in row.cells.iter().enumerate().filter(|(_, cell)| named(cell)) {
            let below = rows.get(at + 1).map_or("", |row| row.cell(column));
            if let Some(code) = supported(row.cell(column + 1)).or_else(|| supported(below)) {
                return Some(code);
            }
        }
    }
    let cells = || rows.iter().flat_map(|row| &row.cells);
    let said = cells().filter_map(|cell| amounts::lex(cell)).find_map(|lexed| lexed.currency);
    if let Some(code) = said.map(|said| said.resolve("")).filter(|code| is_supported(code)) {
        return Some(code);
    }
    // A code that stands alone or behind a number; some codes are words as well.
    let short = cells().filter(|cell| cell.len() < 80 && (cell.trim().len() == 3 || cell.contains(char::is_numeric)));
    let mut codes = short
        .flat_map(|cell| cell.split(|c: char| !c.is_alphanumeric()))
        .filter(|word| is_supported(word) && !["ALL", "TOP", "CUP", "MAD", "PEN", "TRY"].contains(word));
    let first = codes.next()?;
    codes.all(|code| code == first).then(|| first.to_owned())
}
