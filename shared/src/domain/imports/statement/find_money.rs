//! Which columns hold the money: by the header's words, or by what the numbers do.

use super::amounts;
use super::balances::{Chain, chain_of};
use super::columns::{Board, Money};
use super::headers::{Role, currency_of};
use super::mapping::DecimalMark;
use super::stats::{Marks, Sampled, Stat, mark_of, number};
use super::words::flag_word;

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
        // After fees is what the account saw; without a column of fees "net" may be net of anything.
        let net = board.fullest(&[Role::Net], Stat::is_amount);
        if net.is_some() && board.fullest(&[Role::Fee], Stat::is_amount).is_some() {
            return net;
        }
        let Some(full) = board.fullest(&[Role::Amount], Stat::is_amount) else {
            return net;
        };
        // Of equally filled ones the more specific heading counts.
        board.best(&[Role::Amount], |s| s.is_amount() && s.filled == board.stat(full).filled)
    });
    if let Some(at) = amount
        && let Some(other) = twin(board, at)
    {
        // Two amounts of one name: the one that the balance follows, or neither.
        let balance = board.fullest(&[Role::Balance], Stat::is_amount)?;
        let mark = mark_of(board.rows.iter().map(|row| row.cell(at))).decide()?;
        return by_balance(board, &[at, other], Some(balance), mark, &Money::Signed).map(|(money, _)| money);
    }
    let side = |role: Role| board.fullest(&[role], |s| s.filled == 0 || s.is_amount());
    let (debit, credit) = (side(Role::Debit), side(Role::Credit));
    let filled = |at: Option<usize>| at.is_some_and(|at| board.stat(at).filled > 0);
    let flag = board.fullest(&[Role::Flag], Stat::is_flag);
    if let Some(at) = amount {
        let negative = board.stat(at).negative > 0;
        if let Some(flag) = flag
            && (!negative || !signs_follow(board.rows, at, flag))
        {
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

/// Whether the sign of an amount goes with its flag, one way or the other, so that the flag adds nothing to it.
fn signs_follow(rows: &[Sampled], at: usize, flag: usize) -> bool {
    let (mut same, mut other) = (0_usize, 0_usize);
    for row in rows {
        if let (Some(lexed), Some(out)) = (amounts::lex(row.cell(at)), flag_word(row.cell(flag))) {
            same += usize::from(out == lexed.minus);
            other += usize::from(out != lexed.minus);
        }
    }
    same.max(other) * 10 >= (same + other) * 9
}

/// Another column of the same name whose amounts differ.
fn twin(board: &Board<'_>, at: usize) -> Option<usize> {
    let name = |at: usize| board.names.get(at).filter(|name| !name.is_empty()).map(|name| name.to_lowercase());
    let differs = |other: usize| board.rows.iter().any(|row| row.cell(at) != row.cell(other));
    board
        .all(&[Role::Amount])
        .into_iter()
        .filter(|other| *other != at && name(*other).is_some() && name(*other) == name(at))
        .find(|other| {
            board.stat(*other).filled == board.stat(at).filled && board.stat(*other).is_amount() && differs(*other)
        })
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
    let tried = marks.decide().map_or(vec![DecimalMark::Comma, DecimalMark::Point], |mark| vec![mark]);
    for mark in tried {
        if let Some((money, b)) = by_balance(board, &found, *balance, mark, &single) {
            *balance = Some(b);
            return Some(money);
        }
    }
    let mark = marks.decide()?;
    let column = |at: usize, row: &Sampled| number(row.cell(at), mark);
    let signed: Vec<usize> = found.iter().copied().filter(|at| board.stat(*at).negative > 0).collect();
    if let [a, b] = found.as_slice() {
        let currency = |at: usize| board.names.get(at).and_then(|name| currency_of(name));
        if currency(*a) != currency(*b) {
            return None;
        }
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

/// Finds an amount, or a debit and a credit, that a balance follows. More than one answer is none.
fn by_balance(
    board: &Board<'_>,
    found: &[usize],
    known: Option<usize>,
    mark: DecimalMark,
    single: &impl Fn(usize) -> Money,
) -> Option<(Money, usize)> {
    let chain = |money: Money, b: usize| chain_of(board.rows, money, b, mark);
    let balances: Vec<usize> = known.map_or_else(|| found.iter().rev().copied().collect(), |at| vec![at]);
    let others = |b: usize| found.iter().copied().filter(move |at| *at != b);
    let full = |at: &usize| board.stat(*at).filled * 10 >= board.rows.len() * 9;
    let only = |list: Vec<(Money, usize)>| {
        let first = list.first().copied()?;
        list.iter().all(|(money, _)| *money == first.0).then_some(first)
    };
    let mut split = Vec::new();
    for b in balances.iter().copied() {
        for (d, c) in others(b).flat_map(|d| others(b).filter(move |c| *c != d).map(move |c| (d, c))) {
            let (one, both) = complementary(board.rows, d, c);
            let money = Money::Split(Some(d), Some(c));
            if both == 0 && one > 0 && chain(money, b).rises(board.dates_rise) == Some(true) {
                split.push((money, b));
            }
        }
    }
    if !split.is_empty() {
        return only(split);
    }
    let alone = |fits: fn(Chain) -> bool| -> Vec<(Money, usize)> {
        let pairs = balances.iter().flat_map(|b| others(*b).filter(full).map(|a| (single(a), *b)));
        pairs.filter(|(money, b)| fits(chain(*money, *b))).collect()
    };
    let plain = alone(Chain::plain);
    if !plain.is_empty() {
        return only(plain);
    }
    only(alone(Chain::any))
}
