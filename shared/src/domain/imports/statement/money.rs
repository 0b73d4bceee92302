//! The money of one row: one signed amount, a debit and a credit column, or an amount and a flag.

use csv::StringRecord;
use rust_decimal::Decimal;

use super::Table;
use super::amounts::{self, Bad, Lexed};
use super::columns::Money;
use super::currencies::{is_supported, said};
use super::mapping::SpendingSign;
use super::text::{is_blank, shown};
use super::words::flag_word;

/// Why a row's money cannot be taken.
pub(super) struct Fault {
    pub(super) at: Option<usize>,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

fn fault(at: usize, code: &'static str, detail: impl Into<String>) -> Fault {
    Fault { at: Some(at), code, detail: detail.into() }
}

/// One number of the row, without a sign.
fn read<'r>(shape: &Table, cell: &'r str, at: usize) -> Result<Option<(Lexed<'r>, Decimal)>, Fault> {
    if is_blank(cell) || matches!(cell.trim(), "-" | "–" | "—") {
        return Ok(None);
    }
    let bad = |bad: Bad| {
        let (code, detail) = bad.told(cell);
        fault(at, code, detail)
    };
    let lexed = amounts::lex(cell).ok_or_else(|| bad(Bad::Form))?;
    let value = amounts::value(&lexed.body, shape.mark).map_err(bad)?;
    Ok(Some((lexed, value)))
}

/// The amount, positive for money out, and its currency.
pub(super) fn amount(shape: &Table, record: &StringRecord) -> Result<(Decimal, String), Fault> {
    let cell = |at: usize| record.get(at).unwrap_or("");
    // First, since an amount in dinars with three decimals is at fault for its currency.
    let told = column_currency(shape, record)?;
    let negate = |negative: bool, value: Decimal| if negative { -value } else { value };
    let missing = |at: usize| fault(at, "missing_amount", "The row has no amount.");
    let (at, value, lexed) = match shape.columns.money {
        Money::Signed(at) => {
            let (lexed, value) = read(shape, cell(at), at)?.ok_or_else(|| missing(at))?;
            let out = match lexed.debit {
                Some(debit) => negate(debit == lexed.minus, value),
                None => negate(lexed.minus != (shape.sign == SpendingSign::Negative), value),
            };
            (at, out, lexed)
        }
        Money::Flagged(at, flag) => {
            let (lexed, value) = read(shape, cell(at), at)?.ok_or_else(|| missing(at))?;
            let debit = flag_word(cell(flag)).ok_or_else(|| {
                fault(flag, "bad_flag", format!("\"{}\" says neither debit nor credit.", shown(cell(flag))))
            })?;
            (at, negate(debit == lexed.minus, value), lexed)
        }
        Money::Split(debit, credit) => {
            let side = |at: Option<usize>| match at {
                Some(at) => Ok(read(shape, cell(at), at)?.map(|(lexed, value)| (at, lexed, value))),
                None => Ok(None),
            };
            let (debit, credit) = (side(debit)?, side(credit)?);
            let (debit_minus, credit_minus) = shape.split_signs;
            match (debit, credit) {
                (Some((at, _, out)), Some((_, _, income))) if !out.is_zero() && !income.is_zero() => {
                    return Err(fault(at, "conflicting_amounts", "The row has a debit and a credit."));
                }
                // A zero stands in for a blank on the other side.
                (Some((at, lexed, out)), credit) if !out.is_zero() || credit.is_none() => {
                    (at, negate(lexed.minus != debit_minus, out), lexed)
                }
                (_, Some((at, lexed, income))) => (at, negate(lexed.minus == credit_minus, income), lexed),
                _ => {
                    let at = shape.columns.money.columns().next().unwrap_or(shape.columns.date);
                    return Err(missing(at));
                }
            }
        }
    };
    let value = match shape.columns.fee {
        Some(at) => value + read(shape, cell(at), at)?.map_or(Decimal::ZERO, |(_, fee)| fee),
        None => value,
    };
    if value.is_zero() {
        return Err(fault(at, "zero_amount", "The amount is zero."));
    }
    let currency = match (told, lexed.currency) {
        (Some(code), _) => code,
        (None, Some(said)) => supported(at, said.resolve(&shape.currency))?,
        (None, None) => supported(at, shape.currency.clone())?,
    };
    Ok((value, currency))
}

/// The currency that the row's own column names; it counts before a sign beside the amount and what holds for the file.
fn column_currency(shape: &Table, record: &StringRecord) -> Result<Option<String>, Fault> {
    let Some(at) = shape.columns.currency else {
        return Ok(None);
    };
    let cell = record.get(at).unwrap_or("").trim();
    if is_blank(cell) {
        return Ok(None);
    }
    let code = said(cell).map_or_else(|| cell.to_ascii_uppercase(), |said| said.resolve(&shape.currency));
    supported(at, code).map(Some)
}

fn supported(at: usize, code: String) -> Result<String, Fault> {
    if is_supported(&code) {
        return Ok(code);
    }
    let detail = format!("\"{}\" is not a supported ISO 4217 code.", shown(&code));
    Err(fault(at, "unsupported_currency", detail))
}
