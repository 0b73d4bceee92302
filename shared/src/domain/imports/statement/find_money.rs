//! Which columns hold the money: by the header's words, or by what the numbers do.

use super::columns::{Board, Money};
use super::headers::Role;
use super::stats::{Marks, Sampled, Stat, agreement, mark_of, number};
use super::text::is_blank;

/// Rows in which exactly one of two columns holds something other than zero, and rows in which both do.
fn complementary(rows: &[Sampled], a: usize, b: usize) -> (usize, usize) {
    let holds = |row: &Sampled, at: usize| row.cell(at).bytes().any(|c| matches!(c, b'1'..=b'9'));
    rows.iter().fold((0, 0), |(one, both), row| match (holds(row, a), holds(row, b)) {
        (true, true) => (one, both + 1),
        (false, false) => (one, both),
        _ => (one + 1, both),
    })
}

/// The money columns that the header names.
pub(super) fn by_words(board: &Board<'_>) -> Option<Money> {
    let amount = board.fullest(&[Role::AmountOut], Stat::is_amount).or_else(|| {
        let full = board.fullest(&[Role::Amount], Stat::is_amount)?;
        // Of equally filled ones the more specific heading counts.
        board.best(&[Role::Amount], |s| s.is_amount() && s.filled == board.stat(full).filled)
    });
    let side = |role: Role| board.fullest(&[role], |s| s.filled == 0 || s.is_amount());
    let (debit, credit) = (side(Role::Debit), side(Role::Credit));
    let filled = |at: Option<usize>| at.is_some_and(|at| board.stat(at).filled > 0);
    let flag = board.fullest(&[Role::Flag], Stat::is_flag);
    if let Some(at) = amount {
        let negative = board.stat(at).negative > 0;
        if !negative && let Some(flag) = flag {
            return Some(Money::Flagged(at, flag));
        }
        if !negative
            && let (Some(d), Some(c)) = (debit, credit)
            && (filled(debit) || filled(credit))
        {
            let (one, both) = complementary(board.rows, d, c);
            if one > both * 10 {
                return Some(Money::Split(debit, credit));
            }
        }
        return Some(Money::Signed(at));
    }
    if filled(debit) || filled(credit) {
        return Some(Money::Split(debit, credit));
    }
    None
}

/// Finds the money among columns that no word explains. A balance shows itself by arithmetic: it changes by the amount.
pub(super) fn by_content(board: &Board<'_>, balance: &mut Option<usize>) -> Option<Money> {
    let mut found = board.unknown(|s| s.is_amount() && s.fractions > 0);
    if found.is_empty() {
        found = board.unknown(|s| s.is_amount() && s.length <= s.filled * 10);
    }
    let flags = board.all(&[Role::Flag]);
    let single = |at: usize| match flags.first() {
        Some(flag) if board.stat(at).negative == 0 => Money::Flagged(at, *flag),
        _ => Money::Signed(at),
    };
    if let [only] = found.as_slice() {
        return Some(single(*only));
    }
    let marks: Marks = mark_of(board.rows.iter().flat_map(|row| found.iter().map(|at| row.cell(*at))));
    let mark = marks.decide()?;
    let column = |at: usize, row: &Sampled| {
        if is_blank(row.cell(at)) { None } else { number(row.cell(at), mark) }
    };
    let known = balance.iter().copied();
    for b in known.chain(found.iter().rev().copied()) {
        for a in found.iter().copied().filter(|a| *a != b) {
            let pairs: Vec<_> = board.rows.iter().map(|row| (column(a, row), column(b, row))).collect();
            let how = agreement(&pairs);
            if how.says_rises() || how.says_falls() {
                *balance = Some(b);
                return Some(single(a));
            }
        }
        for d in found.iter().copied().filter(|d| *d != b) {
            for c in found.iter().copied().filter(|c| *c != b && *c != d) {
                let (one, both) = complementary(board.rows, d, c);
                if both > 0 || one == 0 {
                    continue;
                }
                let net = |row: &Sampled| {
                    let (out, income) =
                        (column(d, row).unwrap_or_default().abs(), column(c, row).unwrap_or_default().abs());
                    Some(income - out)
                };
                let pairs: Vec<_> = board.rows.iter().map(|row| (net(row), column(b, row))).collect();
                if agreement(&pairs).says_rises() {
                    *balance = Some(b);
                    return Some(Money::Split(Some(d), Some(c)));
                }
            }
        }
    }
    let signed: Vec<usize> = found.iter().copied().filter(|at| board.stat(*at).negative > 0).collect();
    if let [a, b] = found.as_slice() {
        let (one, both) = complementary(board.rows, *a, *b);
        if both == 0 && one > 0 {
            let all_negative = |at: usize| board.stat(at).negative == board.stat(at).amounts;
            return match (all_negative(*a), all_negative(*b)) {
                (true, false) => Some(Money::Split(Some(*a), Some(*b))),
                (false, true) => Some(Money::Split(Some(*b), Some(*a))),
                _ => None,
            };
        }
    }
    // Several signed ones with the same cells are one amount twice, in the account's currency and the shop's.
    let first = *signed.first()?;
    let same = signed.iter().all(|at| board.rows.iter().all(|row| column(*at, row) == column(first, row)));
    same.then_some(Money::Signed(first))
}
