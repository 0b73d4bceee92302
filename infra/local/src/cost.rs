//! What it costs to run: list prices times what was measured. Both are tables in `infra/data`, and each line of them says
//! where it is from; nothing is known here but how to multiply.

mod bill;
mod tables;

use std::fmt::Write as _;

use anyhow::Result;

use self::{
    bill::{Bill, MONTH_DAYS, PARTS, Pico, a_month, fixed, request},
    tables::{Measured, Prices, Request},
};
use crate::{paths::Paths, progress::say};

/// What a million requests may cost beyond the database, in dollars: the project's own aim.
const AIM: Pico = 2_500_000_000_000;
const MILLION: u128 = 1_000_000;

#[derive(clap::Args)]
pub struct Options {
    /// Users that a month is reckoned for
    #[arg(long, default_value_t = 1000)]
    users: u64,
    /// Functions on arm64
    #[arg(long)]
    arm: bool,
}

pub fn reckon(paths: &Paths, options: &Options) -> Result<()> {
    let (prices, measured) = tables::read(&paths.root.join("infra/data"), options.arm)?;
    say(report(&prices, &measured, options)?);
    Ok(())
}

fn report(prices: &Prices, measured: &Measured, options: &Options) -> Result<String> {
    let mut out = String::new();
    let kinds: Vec<(&Request, Bill)> =
        measured.requests.iter().map(|kind| Ok((kind, request(prices, measured, kind)?))).collect::<Result<_>>()?;
    let all: u128 = kinds.iter().map(|(kind, _)| kind.a_day_hundredths).sum();
    let mixed = kinds.iter().fold(Bill::default(), |sum, (kind, bill)| sum.plus(bill, kind.a_day_hundredths)).over(all);

    writeln!(out, "Dollars for a million requests, at list prices of {}\n", prices.region)?;
    write!(out, "{:<34}", "")?;
    kinds.iter().try_for_each(|(kind, _)| write!(out, "{:>10}", kind.name))?;
    writeln!(out, "{:>10}", "mixed")?;
    write!(out, "{:<34}", "of a hundred requests")?;
    for (kind, _) in &kinds {
        write!(out, "{:>10}", tenths(kind.a_day_hundredths.saturating_mul(1000) / all.max(1)))?;
    }
    writeln!(out)?;
    write!(out, "{:<34}", "billed ms")?;
    kinds.iter().try_for_each(|(_, bill)| write!(out, "{:>10}", bill.ms))?;
    writeln!(out)?;
    for part in PARTS {
        write!(out, "{:<34}", part.name())?;
        for bill in kinds.iter().map(|(_, bill)| bill).chain([&mixed]) {
            write!(out, "{:>10}", dollars(bill.of(part).saturating_mul(MILLION)))?;
        }
        writeln!(out)?;
    }
    write!(out, "{:<34}", "beyond the database")?;
    for bill in kinds.iter().map(|(_, bill)| bill).chain([&mixed]) {
        write!(out, "{:>10}", dollars(bill.sum().saturating_mul(MILLION)))?;
    }
    let million = mixed.sum().saturating_mul(MILLION);
    let verdict = if million < AIM { "holds" } else { "does NOT hold" };
    writeln!(out, "\n\nUnder {} a million: {verdict}, at {}.", dollars(AIM), dollars(million))?;
    let bytes =
        kinds.iter().map(|(kind, _)| kind.bytes_out.saturating_mul(kind.a_day_hundredths)).sum::<u128>() / all.max(1);
    let sent = prices.cost("byte_out", bytes)?.saturating_mul(MILLION);
    writeln!(
        out,
        "Beside that, what answers are sent to the internet as: {} for {bytes} bytes each.\n",
        dollars(sent)
    )?;

    let users = u128::from(options.users);
    let asked = all.saturating_mul(users).saturating_mul(MONTH_DAYS) / 100;
    writeln!(out, "Dollars a month for {users} users, who ask {asked} times\n")?;
    let mut sum = 0;
    let mut line = |name: &str, pico: Pico| {
        sum += pico;
        writeln!(out, "{name:<48}{:>10}", dollars(pico))
    };
    line("requests, with what follows them", mixed.sum().saturating_mul(asked))?;
    line("answers to the internet", prices.cost("byte_out", bytes.saturating_mul(asked))?)?;
    for (name, pico) in a_month(prices, measured, users)? {
        line(name, pico)?;
    }
    let (services, database) = fixed(prices, measured)?;
    for (name, pico) in services {
        line(name, pico)?;
    }
    writeln!(out, "{:<48}{:>10}\n", "beyond the database", dollars(sum))?;
    for (name, pico) in database {
        writeln!(out, "{name:<48}{:>10}", dollars(pico))?;
        sum += pico;
    }
    writeln!(out, "{:<48}{:>10}", "together", dollars(sum))?;
    writeln!(
        out,
        "\nPrices: infra/data/prices.json, with where each was read and when. Figures: infra/data/measured.json."
    )?;
    Ok(out)
}

/// `$1.23`, rounded to cents; of less than a cent as many digits as tell it.
fn dollars(pico: Pico) -> String {
    let cents = pico.saturating_add(5_000_000_000) / 10_000_000_000;
    if pico > 0 && cents == 0 {
        return "<$0.01".to_owned();
    }
    format!("${}.{:02}", cents / 100, cents % 100)
}

fn tenths(value: u128) -> String {
    format!("{}.{}", value / 10, value % 10)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn tables(arm: bool) -> (Prices, Measured) {
        tables::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data"), arm).unwrap()
    }

    #[test]
    fn dollars_are_rounded_to_cents_and_never_to_nothing() {
        let told = [0, 1, 4_999_999_999, 5_000_000_000, 1_234_999_999_999, 2_500_000_000_000].map(dollars);
        assert_eq!(told, ["$0.00", "<$0.01", "<$0.01", "$0.01", "$1.23", "$2.50"]);
    }

    #[test]
    fn a_million_requests_cost_less_than_the_aim_on_either_processor() {
        for arm in [false, true] {
            let (prices, measured) = tables(arm);
            let text = report(&prices, &measured, &Options { users: 1000, arm }).unwrap();
            assert!(text.contains("Under $2.50 a million: holds"), "{text}");
        }
    }

    #[test]
    fn twice_the_users_cost_twice_what_goes_by_users() {
        let (prices, measured) = tables(false);
        let of = |users| a_month(&prices, &measured, users).unwrap().into_iter().map(|(_, pico)| pico).sum::<Pico>();
        let (one, two) = (of(1000), of(2000));
        assert!(one > 0 && two.abs_diff(one * 2) < 1000, "{one} {two}");
    }
}
