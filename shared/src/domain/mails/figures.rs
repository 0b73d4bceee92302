//! A summary's figures, worked out of what categories cost by period.

use super::sql::figures::Net;
use crate::domain::money::Money;
use rust_decimal::{Decimal, RoundingStrategy};
use std::collections::BTreeMap;

/// One currency's figures. Periods count backwards: 0 is the one that is summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub currency: String,
    /// What categories cost, refunds taken off.
    pub spent: Vec<Decimal>,
    /// What came in: categories that brought more than they cost.
    pub income: Vec<Decimal>,
    /// What cost something in this period or the one before, the dearest first.
    pub categories: Vec<Category>,
    /// Transactions in this period.
    pub count: i64,
    /// Periods before this one, back to the first with a transaction.
    pub known: usize,
}

/// A category in this period, and in the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Category {
    pub name: String,
    pub this: Decimal,
    pub before: Decimal,
}

impl Figures {
    fn new(currency: String, before: usize) -> Self {
        let zeros = || vec![Decimal::ZERO; before.saturating_add(1)];
        Self { currency, spent: zeros(), income: zeros(), categories: Vec::new(), count: 0, known: 0 }
    }

    /// What is left of what came in.
    pub fn net(&self, period: usize) -> Decimal {
        at(&self.income, period).saturating_sub(at(&self.spent, period))
    }

    /// The net of each period.
    pub fn nets(&self) -> Vec<Decimal> {
        (0..self.spent.len()).map(|period| self.net(period)).collect()
    }

    /// The mean of the periods before, as far back as there is anything; none of fewer than two.
    pub fn mean(&self, values: &[Decimal]) -> Option<Decimal> {
        let before = values.get(1..=self.known).filter(|before| before.len() > 1)?;
        let sum = before.iter().fold(Decimal::ZERO, |sum, one| sum.saturating_add(*one));
        Some(rounded(sum.checked_div(Decimal::from(before.len()))?))
    }

    /// What is left of what came in, in percent of it.
    pub fn savings_rate(&self) -> Option<Decimal> {
        let income = at(&self.income, 0);
        let share = self.net(0).checked_mul(Decimal::ONE_HUNDRED)?.checked_div(income)?;
        (income > Decimal::ZERO).then(|| share.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero))
    }
}

pub(super) fn at(values: &[Decimal], period: usize) -> Decimal {
    values.get(period).copied().unwrap_or_default()
}

fn rounded(number: Decimal) -> Decimal {
    number.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// The figures of each currency that this period has anything in: the user's own first, then by how much there is. A
/// category that on balance brought something in a period is income in it, whatever it is called; others are spending.
pub(super) fn figures(nets: Vec<Net>, before: usize, own: &str) -> Vec<Figures> {
    let mut all = BTreeMap::<String, Figures>::new();
    let mut categories = BTreeMap::<(String, String), Category>::new();
    for Net { currency, category, slot, total, count } in nets {
        let Some(slot) = usize::try_from(slot).ok().filter(|slot| *slot <= before) else { continue };
        let of = all.entry(currency.clone()).or_insert_with(|| Figures::new(currency.clone(), before));
        let (values, amount) =
            if total < Decimal::ZERO { (&mut of.income, total.abs()) } else { (&mut of.spent, total) };
        if let Some(value) = values.get_mut(slot) {
            *value = value.saturating_add(amount);
        }
        of.known = of.known.max(slot);
        if slot == 0 {
            of.count = of.count.saturating_add(count);
        }
        if slot <= 1 && total > Decimal::ZERO {
            let new = || Category { name: category.clone(), this: Decimal::ZERO, before: Decimal::ZERO };
            let known = categories.entry((currency, category.clone())).or_insert_with(new);
            *if slot == 0 { &mut known.this } else { &mut known.before } = total;
        }
    }
    for ((currency, _), category) in categories {
        if let Some(of) = all.get_mut(&currency) {
            of.categories.push(category);
        }
    }
    let mut all: Vec<_> = all.into_values().filter(|of| of.count > 0).collect();
    for of in &mut all {
        of.categories.sort_by(|a, b| b.this.cmp(&a.this).then_with(|| a.name.cmp(&b.name)));
    }
    all.sort_by(|a, b| {
        (b.currency == own)
            .cmp(&(a.currency == own))
            .then(b.count.cmp(&a.count))
            .then_with(|| a.currency.cmp(&b.currency))
    });
    all
}

/// An amount as it is written everywhere.
pub(super) fn money(amount: Decimal, currency: &str) -> String {
    let amount = if amount.is_zero() { Decimal::ZERO } else { amount };
    format!("{} {currency}", Money::of(amount).amount())
}

/// How an amount changed since `then`.
pub(super) fn compared(this: Decimal, before: Decimal, currency: &str, then: &str) -> String {
    let by = this.saturating_sub(before);
    match by.cmp(&Decimal::ZERO) {
        std::cmp::Ordering::Greater => format!("{} more than {then}", money(by, currency)),
        std::cmp::Ordering::Less => format!("{} less than {then}", money(by.abs(), currency)),
        std::cmp::Ordering::Equal => format!("as much as {then}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(currency: &str, category: &str, slot: i32, cents: i64) -> Net {
        let (currency, category) = (currency.to_owned(), category.to_owned());
        Net { currency, category, slot, total: Decimal::new(cents, 2), count: 1 }
    }

    fn cents(n: i64) -> Decimal {
        Decimal::new(n, 2)
    }

    #[test]
    fn what_brings_more_than_it_costs_is_income_and_the_own_currency_comes_first() {
        let nets = vec![
            net("USD", "Travel", 0, 1),
            net("USD", "Travel", 3, 1),
            net("USD", "Fuel", 0, 1),
            net("EUR", "Groceries", 0, 5000),
            net("EUR", "Groceries", 1, 3000),
            net("EUR", "Income", 0, -20_000),
            net("EUR", "Shopping", 0, -150),
            net("EUR", "Home", 1, 700),
            net("GBP", "Home", 1, 700),
        ];
        let all = figures(nets, 8, "EUR");
        assert_eq!(all.iter().map(|of| of.currency.as_str()).collect::<Vec<_>>(), ["EUR", "USD"]);
        let eur = &all[0];
        assert_eq!((eur.spent[0], eur.income[0], eur.net(0)), (cents(5000), cents(20_150), cents(15_150)));
        assert_eq!((eur.spent[1], eur.income[1]), (cents(3700), cents(0)));
        let names: Vec<_> = eur.categories.iter().map(|one| (one.name.as_str(), one.this, one.before)).collect();
        assert_eq!(names, [("Groceries", cents(5000), cents(3000)), ("Home", cents(0), cents(700))]);
        assert_eq!(eur.savings_rate(), Some(Decimal::from(75)));
        assert_eq!(all[1].savings_rate(), None, "of nothing");
        // Three weeks back to the first, two of them empty.
        assert_eq!(all[1].mean(&all[1].spent), Some(cents(0)));
        assert_eq!(eur.mean(&eur.spent), None, "one period is no mean");
    }

    #[test]
    fn a_mean_goes_back_to_the_first_period_there_is_and_is_rounded_to_the_cent() {
        let nets = [1, 2, 3].map(|slot| net("EUR", "Home", slot, if slot == 1 { 1000 } else { 1 }));
        let all = figures([nets.to_vec(), vec![net("EUR", "Home", 0, 9)]].concat(), 8, "EUR");
        assert_eq!(all[0].mean(&all[0].spent), Some(cents(334)));
    }

    #[test]
    fn amounts_are_written_alike() {
        assert_eq!(money(Decimal::new(125, 1), "EUR"), "12.50 EUR");
        assert_eq!(money(-Decimal::ZERO, "EUR"), "0.00 EUR");
        let said = [(15, 10), (10, 15), (10, 10)].map(|(a, b)| compared(a.into(), b.into(), "EUR", "in May"));
        assert_eq!(said, ["5.00 EUR more than in May", "5.00 EUR less than in May", "as much as in May"]);
    }
}
