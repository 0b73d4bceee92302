//! A year of a household's bank statement, in a bank's own shape: the same text for the same day.

mod profile;

use anyhow::{Context, Result, bail};
use time::{Date, Duration, Month};

use self::profile::{Everyday, Kind, Profile, Recurring, Shift};
use super::cents::Cents;
use crate::random::Random;

/// Any number would do; this one stays, so that everybody sees the same statement.
const SEED: u64 = 20_240_229;
const CARDS: [&str; 2] = ["K1", "K2"];

pub struct Statement {
    pub text: String,
    pub rows: usize,
}

struct Row {
    booked: Date,
    bought: Date,
    description: String,
    amount: Cents,
    kind: Kind,
}

impl Statement {
    /// The year that ends with `today`.
    pub fn until(today: Date) -> Result<Self> {
        Self::generate(&Profile::sample()?, SEED, today)
    }

    fn generate(profile: &Profile, seed: u64, today: Date) -> Result<Self> {
        let from = year_before(today)? + Duration::DAY;
        let mut rows = recurring(profile, seed, from, today)?;
        let mut day = from;
        while day <= today {
            everyday(profile, seed, day, today, &mut rows)?;
            day += Duration::DAY;
        }
        // Stable: what is equal stays in the order it was drawn.
        rows.sort_by(|one, other| one.booked.cmp(&other.booked).then(one.bought.cmp(&other.bought)));
        Ok(Self { text: print(profile, from, today, &rows), rows: rows.len() })
    }
}

fn recurring(profile: &Profile, seed: u64, from: Date, today: Date) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    // A month more on either side: a shift over a weekend can lead into the period.
    let (mut year, mut month) = previous(from.year(), from.month());
    let beyond = following(today.year(), today.month());
    loop {
        for (place, item) in (0_u64..).zip(&profile.recurring) {
            if !item.months.contains(&u8::from(month)) {
                continue;
            }
            let booked = due(item, year, month)?;
            if !(from..=today).contains(&booked) {
                continue;
            }
            let mut random = Random::of(&[seed, number(booked), 1, place]);
            let amount = Cents(random.between(item.min.0, item.max.0));
            let description = fill(&item.descriptor, |name| common(name, booked, &mut random))?;
            rows.push(Row { booked, bought: booked, description, amount, kind: item.kind });
        }
        if (year, month) == beyond {
            return Ok(rows);
        }
        (year, month) = following(year, month);
    }
}

fn due(item: &Recurring, year: i32, month: Month) -> Result<Date> {
    let date = Date::from_calendar_date(year, month, item.day.min(month.length(year)))?;
    let step = if item.shift == Shift::Next { Duration::DAY } else { -Duration::DAY };
    Ok(weekday_from(date, step))
}

fn everyday(profile: &Profile, seed: u64, day: Date, today: Date, rows: &mut Vec<Row>) -> Result<()> {
    let mut random = Random::of(&[seed, number(day), 0]);
    let weekday = usize::from(day.weekday().number_days_from_monday());
    let (low, high) = *profile.rules.rows_per_day.monday_first.get(weekday).context("a week of seven days")?;
    for _ in 0..random.between(low, high) {
        let item = draw(&profile.everyday, weekday, &mut random).context("nothing is bought on this weekday")?;
        let pattern = random.choose(&item.patterns).context("an item without a pattern")?;
        let amount = price(item, &mut random);
        // A purchase without a terminal is booked a day later. What would be booked after the
        // statement's end is shown on its last day, so that a weekend's statement reaches it, too.
        let sent = if pattern.contains("{terminal}") { day } else { day + Duration::DAY };
        let booked = weekday_from(sent, Duration::DAY).min(today);
        let description = fill(pattern, |name| match name {
            "amount:12" => Ok(format!("{:>12}", amount.printed(""))),
            "card" => random.choose(&CARDS).map(ToString::to_string).context("no card"),
            "day" => Ok(format!("{:02}.{:02}.", day.day(), u8::from(day.month()))),
            "time" => Ok(format!("{:02}:{:02}", random.between(item.hours.0, item.hours.1), random.below(60))),
            "terminal" => random.choose(&item.terminals).cloned().context("an item without terminals"),
            "branch" => random.choose(&item.branches).cloned().context("an item without branches"),
            "machine" => Ok(random.digits(8)),
            "code" => Ok(code(&mut random)),
            _ => common(name, booked, &mut random),
        })?;
        rows.push(Row { booked, bought: day, description, amount, kind: item.kind });
    }
    Ok(())
}

fn draw<'a>(items: &'a [Everyday], weekday: usize, random: &mut Random) -> Option<&'a Everyday> {
    let share = |item: &Everyday| item.weekdays.get(weekday).map_or(0, |percent| item.weight * percent);
    let mut left = random.below(items.iter().map(share).sum());
    items.iter().find(|item| match left.checked_sub(share(item)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    })
}

/// The lower of two draws: small purchases are the common ones.
fn price(item: &Everyday, random: &mut Random) -> Cents {
    let (min, max) = (item.min.0, item.max.0);
    match item.prices.as_slice() {
        [] => Cents(random.between(min, max).min(random.between(min, max))),
        prices => random.choose(prices).copied().unwrap_or(item.min),
    }
}

fn code(random: &mut Random) -> String {
    const LETTERS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut letters: Vec<char> =
        (0..9).filter_map(|_| random.choose(LETTERS)).map(|letter| char::from(*letter)).collect();
    if !letters.iter().any(char::is_ascii_digit) {
        letters.truncate(8);
        letters.extend(random.digits(1).chars());
    }
    letters.into_iter().collect()
}

/// The placeholders that need no purchase.
fn common(name: &str, booked: Date, random: &mut Random) -> Result<String> {
    Ok(match name {
        "ref" => random.digits(10),
        "month" => format!("{:02}", u8::from(booked.month())),
        "year" => booked.year().to_string(),
        _ => bail!("the sample profile uses {{{name}}}, which nothing fills"),
    })
}

fn fill(pattern: &str, mut value: impl FnMut(&str) -> Result<String>) -> Result<String> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').with_context(|| format!("`{pattern}` has an open brace"))?;
        filled.push_str(before);
        filled.push_str(&value(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn print(profile: &Profile, from: Date, today: Date, rows: &[Row]) -> String {
    let file = &profile.file;
    let mut text = String::new();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push_str(&file.line_end);
    };
    for known in &file.preamble {
        line(&known.replace("{from}", &dotted(from)).replace("{to}", &dotted(today)));
    }
    line(&file.header);
    let mut balance = file.opening_balance;
    for row in rows {
        let amount = row.amount.printed(&file.thousands);
        let (debit, credit) = match row.kind {
            Kind::Expense => (amount, String::new()),
            Kind::Income => (String::new(), amount),
        };
        balance.0 += if row.kind == Kind::Income { row.amount.0 } else { -row.amount.0 };
        let fields = [
            dotted(row.booked),
            dotted(row.bought),
            quoted(&row.description, &file.delimiter),
            debit,
            credit,
            balance.printed(&file.thousands),
            file.currency.clone(),
        ];
        line(&fields.join(&file.delimiter));
    }
    text
}

fn quoted(field: &str, delimiter: &str) -> String {
    if field.contains(delimiter) || field.contains(['"', '\r', '\n']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

fn dotted(date: Date) -> String {
    format!("{:02}.{:02}.{:04}", date.day(), u8::from(date.month()), date.year())
}

fn weekday_from(mut date: Date, step: Duration) -> Date {
    while date.weekday().number_days_from_monday() > 4 {
        date += step;
    }
    date
}

fn year_before(date: Date) -> Result<Date> {
    let (year, month) = (date.year() - 1, date.month());
    Ok(Date::from_calendar_date(year, month, date.day().min(month.length(year)))?)
}

fn previous(year: i32, month: Month) -> (i32, Month) {
    (if month == Month::January { year - 1 } else { year }, month.previous())
}

fn following(year: i32, month: Month) -> (i32, Month) {
    (if month == Month::December { year + 1 } else { year }, month.next())
}

fn number(date: Date) -> u64 {
    u64::from(date.to_julian_day().unsigned_abs())
}

#[cfg(test)]
mod tests;
