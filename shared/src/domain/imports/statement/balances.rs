//! What a running balance proves: the sign of the amounts, the direction of the file, a fee.

use rust_decimal::Decimal;

use super::columns::{Columns, Money};
use super::mapping::DecimalMark;
use super::stats::{Sampled, number};
use super::words::flag_word;

/// How often a column of amounts explains a column of balances, row by row.
///
/// Each pattern has two readings: a balance after each row in a file that begins with the oldest one looks like the
/// negative of a balance before each row in one that begins with the newest. The dates tell which it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Chain {
    pairs: usize,
    /// The balance rose by the second row's amount.
    down_rises: usize,
    down_falls: usize,
    /// Read upwards, the balance rose by the first row's amount.
    up_rises: usize,
    up_falls: usize,
}

impl Chain {
    pub(super) fn of(rows: &[(Option<Decimal>, Option<Decimal>)]) -> Self {
        let mut chain = Self::default();
        for pair in rows.windows(2) {
            let [(Some(a0), Some(b0)), (Some(a1), Some(b1))] = pair else {
                continue;
            };
            if a0.is_zero() || a1.is_zero() {
                continue;
            }
            let change = b1 - b0;
            chain.pairs += 1;
            chain.down_rises += usize::from(change == *a1);
            chain.down_falls += usize::from(change == -a1);
            chain.up_rises += usize::from(change == -a0);
            chain.up_falls += usize::from(change == *a0);
        }
        chain
    }

    const fn holds(self, count: usize) -> bool {
        self.pairs > 0 && count * 10 >= self.pairs * 8
    }

    /// Whether the balance follows the amounts in the ordinary way.
    pub(super) const fn plain(self) -> bool {
        self.holds(self.down_rises) || self.holds(self.up_rises)
    }

    pub(super) const fn any(self) -> bool {
        self.plain() || self.holds(self.down_falls) || self.holds(self.up_falls)
    }

    /// Whether the file begins with its oldest row.
    pub(super) const fn oldest_first(self) -> Option<bool> {
        match (self.holds(self.down_rises), self.holds(self.up_rises)) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    }

    /// Whether the balance rises by a positive amount, given whether the dates rise; `None` if that stays open.
    pub(super) fn rises(self, dates_rise: Option<bool>) -> Option<bool> {
        let readings = [
            (self.down_rises, Some(dates_rise != Some(false))),
            (self.up_rises, Some(dates_rise != Some(true))),
            (self.down_falls, dates_rise.map(|rise| !rise)),
            (self.up_falls, dates_rise),
        ];
        let mut said = readings.into_iter().filter(|(count, _)| self.holds(*count)).map(|(_, rises)| rises);
        let first = said.next()??;
        said.all(|other| other == Some(first)).then_some(first)
    }
}

/// Compares the amounts with the running balance over the sample.
pub(super) fn balance_chain(rows: &[Sampled], columns: &Columns, mark: DecimalMark) -> Chain {
    let Some(balance) = columns.balance else {
        return Chain::default();
    };
    chain_of(rows, columns.money, balance, mark)
}

/// Compares amounts with a column that may be the balance.
pub(super) fn chain_of(rows: &[Sampled], money: Money, balance: usize, mark: DecimalMark) -> Chain {
    let value = |row: &Sampled, at: usize| number(row.cell(at), mark);
    let change = |row: &Sampled| match money {
        Money::Signed(at) => value(row, at),
        Money::Flagged(at, flag) => {
            let out = flag_word(row.cell(flag))?;
            value(row, at).map(|value| if out { -value } else { value })
        }
        Money::Split(debit, credit) => {
            let side = |at: Option<usize>| at.and_then(|at| value(row, at)).unwrap_or_default().abs();
            Some(side(credit) - side(debit))
        }
    };
    let pairs: Vec<(Option<Decimal>, Option<Decimal>)> =
        rows.iter().map(|row| (change(row), value(row, balance))).collect();
    Chain::of(&pairs)
}

/// Whether the balance shows that the fee was taken beside the amount.
pub(super) fn fee_is_apart(rows: &[Sampled], columns: &Columns, mark: DecimalMark) -> bool {
    let (Money::Signed(amount), Some(fee), Some(balance)) = (columns.money, columns.fee, columns.balance) else {
        return false;
    };
    let value = |row: &Sampled, at: usize| number(row.cell(at), mark);
    let (mut apart, mut within) = (0, 0);
    for pair in rows.windows(2) {
        let [one, two] = pair else { continue };
        for (row, before) in [(two, one), (one, two)] {
            let taken = value(row, fee).unwrap_or_default().abs();
            if let (false, Some(amount), Some(after), Some(before)) =
                (taken.is_zero(), value(row, amount), value(row, balance), value(before, balance))
            {
                apart += usize::from(after - before == amount - taken);
                within += usize::from(after - before == amount);
            }
        }
    }
    apart > within
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balances_confirm_the_sign_in_both_directions() {
        let chain = |list: &[(i64, i64)]| {
            let rows: Vec<_> =
                list.iter().map(|(a, b)| (Some(Decimal::new(*a, 2)), Some(Decimal::new(*b, 2)))).collect();
            Chain::of(&rows)
        };
        let oldest_first = chain(&[(-100, 900), (-250, 650), (500, 1150), (-1, 1149)]);
        assert_eq!((oldest_first.rises(None), oldest_first.oldest_first()), (Some(true), Some(true)));
        let newest_first = chain(&[(-1, 1149), (500, 1150), (-250, 650), (-100, 900)]);
        assert_eq!((newest_first.rises(None), newest_first.oldest_first()), (Some(true), Some(false)));
        let spending_positive = chain(&[(100, 900), (250, 650), (1, 649)]);
        assert_eq!(spending_positive.rises(Some(true)), Some(false));
        assert_eq!(chain(&[(100, 900), (250, 123)]).rises(Some(true)), None);
        // The balance before each row, the newest first, looks the same until the dates are asked.
        let before = chain(&[(-100, 900), (-250, 1150), (500, 650)]);
        assert_eq!((before.rises(Some(false)), before.rises(None)), (Some(true), None));
        // A monthly fee: equal amounts fit forwards and backwards.
        let equal = chain(&[(-500, 9000), (-500, 9500), (-500, 10000)]);
        assert_eq!((equal.rises(Some(false)), equal.rises(None)), (Some(true), None));
    }
}
