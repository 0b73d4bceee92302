//! What the client's mapping asks for, laid over what was found, and the way back: a mapping that says what was found.

use super::columns::{Columns, Missing, Money};
use super::mapping::{Column, Mapping};
use super::shape::{Open, blank};
use super::stats::Sampled;
use super::text::fold_blanks;

/// Where the header that a mapping's names point to stands.
pub(super) enum Named {
    /// The mapping names no column.
    Nothing,
    Row(usize),
    /// No row has this name along with the others.
    Absent(String),
}

fn same(cell: &str, name: &str) -> bool {
    fold_blanks(cell, 80).to_lowercase() == fold_blanks(name, 80).to_lowercase()
}

fn columns_of(asked: &Mapping) -> impl Iterator<Item = &Column> {
    let single = [
        &asked.date,
        &asked.value_date,
        &asked.amount,
        &asked.debit,
        &asked.credit,
        &asked.flag,
        &asked.payee,
        &asked.payer,
        &asked.kind,
        &asked.currency,
        &asked.external_id,
        &asked.status,
        &asked.fee,
    ];
    single.into_iter().flatten().chain(&asked.description).chain(&asked.note)
}

/// Finds the first row that has every name of the mapping.
pub(super) fn named_header(asked: &Mapping, rows: &[Sampled]) -> Named {
    let names: Vec<&String> = columns_of(asked)
        .filter_map(|column| match column {
            Column::Name(name) => Some(name),
            Column::Number(_) => None,
        })
        .collect();
    if names.is_empty() {
        return Named::Nothing;
    }
    let has = |row: &Sampled, name: &str| row.cells.iter().any(|cell| same(cell, name));
    let found = |row: &Sampled| names.iter().filter(|name| has(row, name)).count();
    if let Some(at) = rows.iter().position(|row| found(row) == names.len()) {
        return Named::Row(at);
    }
    let nearest = rows.iter().max_by_key(|row| found(row));
    let absent = names.iter().find(|name| !nearest.is_some_and(|row| has(row, name)));
    Named::Absent(absent.map_or_else(String::new, |name| (*name).clone()))
}

/// A column of the mapping that the file does not have.
pub(super) fn unplaced(asked: &Mapping, names: &[String], width: usize) -> Option<String> {
    columns_of(asked).find_map(|column| match column {
        Column::Number(number) => (!(1..=width).contains(&usize::from(*number))).then(|| number.to_string()),
        Column::Name(name) => (!names.iter().any(|cell| same(cell, name))).then(|| name.clone()),
    })
}

/// Lays the mapping over what was found.
pub(super) fn complete(found: Result<Columns, Missing>, asked: &Mapping, names: &[String]) -> Result<Columns, Missing> {
    let place = |column: &Column| match column {
        Column::Number(number) => usize::from(*number).checked_sub(1),
        Column::Name(name) => names.iter().position(|cell| same(cell, name)),
    };
    let one = |column: &Option<Column>| column.as_ref().and_then(place);
    let money = match (one(&asked.amount), one(&asked.flag), one(&asked.debit), one(&asked.credit)) {
        (Some(amount), Some(flag), ..) => Some(Money::Flagged(amount, flag)),
        (Some(amount), ..) => Some(Money::Signed(amount)),
        (None, _, None, None) => None,
        (None, _, debit, credit) => Some(Money::Split(debit, credit)),
    };
    let date = one(&asked.date);
    let mut columns = match (found, date, money) {
        (Ok(columns), ..) => columns,
        (Err(Missing::Amount(columns)), _, Some(_)) => *columns,
        (Err(_), Some(date), Some(money)) => blank(date, money),
        (Err(missing), ..) => return Err(missing),
    };
    if let Some(date) = date {
        columns.date = date;
        columns.value_date = columns.value_date.filter(|at| *at != date);
    }
    if let Some(money) = money {
        columns.hint = columns.hint.filter(|_| columns.money == money);
        columns.money = money;
        columns.sign = None;
        columns.balance = columns.balance.filter(|at| !money.columns().any(|m| m == *at));
    }
    let many = |list: &[Column]| list.iter().filter_map(place).collect::<Vec<_>>();
    if !asked.description.is_empty() || asked.payee.is_some() || asked.payer.is_some() {
        columns.description = many(&asked.description);
        columns.note = Vec::new();
        columns.payee = one(&asked.payee);
        columns.payer = one(&asked.payer);
        columns.kind = None;
    }
    if !asked.note.is_empty() {
        columns.note = many(&asked.note);
    }
    for (slot, wish) in [
        (&mut columns.value_date, &asked.value_date),
        (&mut columns.kind, &asked.kind),
        (&mut columns.currency, &asked.currency),
        (&mut columns.external_id, &asked.external_id),
        (&mut columns.status, &asked.status),
        (&mut columns.fee, &asked.fee),
    ] {
        *slot = one(wish).or(*slot);
    }
    Ok(columns)
}

/// The mapping that asks for these columns: by name where the name is one column's alone, else by number.
pub(super) fn describe(columns: &Columns, names: &[String], open: &Open<'_>, header: bool) -> Mapping {
    let column = |at: usize| match names.get(at) {
        Some(name) if !name.is_empty() && names.iter().filter(|other| same(other, name)).count() == 1 => {
            Column::Name(name.clone())
        }
        _ => Column::Number(u16::try_from(at.saturating_add(1)).unwrap_or(u16::MAX)),
    };
    let (amount, flag, debit, credit) = match columns.money {
        Money::Signed(at) => (Some(at), None, None, None),
        Money::Flagged(at, flag) => (Some(at), Some(flag), None, None),
        Money::Split(debit, credit) => (None, None, debit, credit),
    };
    Mapping {
        encoding: Some(open.encoding),
        delimiter: Some(open.delimiter),
        header: Some(header),
        date: Some(column(columns.date)),
        value_date: columns.value_date.map(column),
        amount: amount.map(column),
        debit: debit.map(column),
        credit: credit.map(column),
        flag: flag.map(column),
        payee: columns.payee.map(column),
        payer: columns.payer.map(column),
        description: columns.description.iter().copied().map(column).collect(),
        kind: columns.kind.map(column),
        note: columns.note.iter().copied().map(column).collect(),
        currency: columns.currency.map(column),
        external_id: columns.external_id.map(column),
        status: columns.status.map(column),
        fee: columns.fee.map(column),
        date_order: None,
        decimal_mark: None,
        sign: None,
    }
}
