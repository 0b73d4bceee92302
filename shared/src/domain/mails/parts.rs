//! What weekly and monthly summaries are put together from.

use super::{
    figures::{Category, Figures, at, compared, money},
    page::{Bar, Figure, Line, Part},
    sql::{
        budgets::Used,
        figures::{Large, Merchant},
    },
};
use crate::{domain::money::Money, platform::problem::Problem};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use time::Date;

/// Currencies that are told of whole; of others there is a line.
pub(super) const CURRENCIES: usize = 3;

/// What the periods before are called.
pub(super) struct Before {
    /// The one before, such as `week before`.
    pub one: String,
    /// The same after `than`, such as `the week before`.
    pub then: String,
    /// A period, such as `week`.
    pub each: &'static str,
}

/// What was spent, what came in, and what that leaves, beside what it was.
pub(super) fn totals(of: &Figures, before: &Before) -> Part {
    let figure = |label, values: &[Decimal]| {
        let mut notes = Vec::new();
        if of.known > 0 {
            notes.push(format!("{}: {}", before.one, money(at(values, 1), &of.currency)));
        }
        if let Some(mean) = of.mean(values) {
            notes.push(format!("{}-{} mean: {}", of.known, before.each, money(mean, &of.currency)));
        }
        Figure { label, value: money(at(values, 0), &of.currency), notes }
    };
    Part::Figures(vec![figure("Spent", &of.spent), figure("Income", &of.income), figure("Net", &of.nets())])
}

/// The dearest categories with how they changed.
pub(super) fn categories(of: &Figures, most: usize, before: &Before) -> Vec<Part> {
    let line = |one: &Category| Line {
        label: one.name.clone(),
        value: money(one.this, &of.currency),
        note: if one.before.is_zero() {
            format!("nothing {}", before.then)
        } else {
            compared(one.this, one.before, &of.currency, &before.then)
        },
    };
    let spent = of.categories.iter().filter(|one| one.this > Decimal::ZERO);
    headed("Where it went", spent.take(most).map(line).collect())
}

/// Lines under their heading; nothing without a line.
pub(super) fn headed(heading: &str, lines: Vec<Line>) -> Vec<Part> {
    if lines.is_empty() { Vec::new() } else { vec![Part::Heading(heading.to_owned()), Part::Lines(lines)] }
}

pub(super) fn merchants(all: &[Merchant], currency: &str) -> Vec<Part> {
    let line = |one: &Merchant| Line {
        label: one.name.clone(),
        value: money(one.total, currency),
        note: if one.times == 1 { "once".to_owned() } else { format!("{} times", one.times) },
    };
    headed("Top merchants", all.iter().filter(|one| one.currency == currency).map(line).collect())
}

pub(super) fn largest(all: &[Large], currency: &str) -> Vec<Part> {
    let line = |one: &Large| Line {
        label: one.name.clone(),
        value: money(one.amount, currency),
        note: format!("{} · {}", day(one.date), one.category),
    };
    headed("Largest", all.iter().filter(|one| one.currency == currency).map(line).collect())
}

/// How a budget stands; `ending` says when it ends, or ended.
pub(super) fn bar(used: &Used, ending: &str) -> Bar {
    let left = used.amount.saturating_sub(used.spent);
    let over = left < Decimal::ZERO;
    let percent = used.spent.checked_mul(Decimal::ONE_HUNDRED).and_then(|part| part.checked_div(used.amount));
    let percent = percent.unwrap_or_default().round_dp_with_strategy(0, RoundingStrategy::ToZero);
    let rest = if over {
        format!("{} over", money(left.abs(), &used.currency))
    } else {
        format!("{} left", money(left, &used.currency))
    };
    Bar {
        label: used.category.clone(),
        value: format!("{} of {}", Money::of(used.spent).amount(), money(used.amount, &used.currency)),
        note: format!("{percent} % · {rest} · {ending}"),
        percent: percent.clamp(Decimal::ZERO, Decimal::ONE_HUNDRED).to_u8().unwrap_or(0),
        over,
    }
}

/// What was spent, in a sentence.
pub(super) fn lead(of: &Figures, when: &str, before: &Before) -> String {
    let (this, earlier) = (at(&of.spent, 0), at(&of.spent, 1));
    let spent = money(this, &of.currency);
    if of.known == 0 {
        return format!("You spent {spent} {when}.");
    }
    format!("You spent {spent} {when}, {}.", compared(this, earlier, &of.currency, &before.then))
}

/// What else there is, a line by currency.
pub(super) fn others(all: &[Figures]) -> Vec<Part> {
    let line = |of: &Figures| Line {
        label: of.currency.clone(),
        value: format!("{} spent", money(at(&of.spent, 0), &of.currency)),
        note: format!("{} income", money(at(&of.income, 0), &of.currency)),
    };
    headed("Other currencies", all.iter().skip(CURRENCIES).map(line).collect())
}

/// The day that a mail is about, as it was stored.
pub(super) fn date(text: &str) -> Result<Date, Problem> {
    let form = time::macros::format_description!("[year]-[month]-[day]");
    Date::parse(text, form).map_err(|_| Problem::internal("a mail about a day that is none"))
}

/// A day as people say it.
pub(super) fn day(date: Date) -> String {
    let weekday: String = date.weekday().to_string().chars().take(3).collect();
    format!("{weekday} {} {}", date.day(), date.month())
}

/// Days as people say them: `9 – 15 March 2026`.
pub(super) fn days(first: Date, last: Date) -> String {
    let end = format!("{} {} {}", last.day(), last.month(), last.year());
    if (first.month(), first.year()) == (last.month(), last.year()) {
        format!("{} – {end}", first.day())
    } else if first.year() == last.year() {
        format!("{} {} – {end}", first.day(), first.month())
    } else {
        format!("{} {} {} – {end}", first.day(), first.month(), first.year())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::date;

    #[test]
    fn days_are_said_as_people_say_them() {
        assert_eq!(day(date!(2028 - 02 - 29)), "Tue 29 February");
        assert_eq!(days(date!(2026 - 03 - 09), date!(2026 - 03 - 15)), "9 – 15 March 2026");
        assert_eq!(days(date!(2026 - 03 - 30), date!(2026 - 04 - 05)), "30 March – 5 April 2026");
        assert_eq!(days(date!(2026 - 12 - 28), date!(2027 - 01 - 03)), "28 December 2026 – 3 January 2027");
    }

    #[test]
    fn a_bar_says_what_is_left_or_over() {
        let used = |spent: i64| Used {
            category: "Groceries".into(),
            currency: "EUR".into(),
            amount: Decimal::from(400),
            spent: Decimal::new(spent, 2),
            end_date: date!(2026 - 03 - 31),
        };
        let under = bar(&used(39_999), "until 31 March");
        assert_eq!((under.percent, under.over), (99, false));
        assert_eq!(under.value, "399.99 of 400.00 EUR");
        assert_eq!(under.note, "99 % · 0.01 EUR left · until 31 March");
        let over = bar(&used(44_000), "ended 31 March");
        assert_eq!((over.percent, over.over), (100, true));
        assert_eq!(over.note, "110 % · 40.00 EUR over · ended 31 March");
    }
}
