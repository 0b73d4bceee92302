//! The two tables, as they are kept.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result};
use serde::{Deserialize, de::DeserializeOwned};

use super::bill::Pico;

#[derive(Deserialize)]
struct Price {
    usd: String,
    per: u128,
    #[expect(dead_code, reason = "for people")]
    unit: String,
    #[expect(dead_code, reason = "for people: a price without one is not taken")]
    source: String,
    #[expect(dead_code, reason = "for people")]
    date: String,
}

#[derive(Deserialize)]
pub struct Prices {
    pub region: String,
    #[serde(rename = "prices")]
    all: BTreeMap<String, Price>,
    #[serde(skip)]
    arm: bool,
}

impl Prices {
    /// What so much of something costs, in millionths of a millionth of a dollar.
    pub fn cost(&self, name: &str, amount: u128) -> Result<Pico> {
        let price = self.all.get(name).with_context(|| format!("prices.json has no {name}"))?;
        let pico = pico(&price.usd).with_context(|| format!("the price of {name}"))?;
        Ok(pico.saturating_mul(amount) / price.per)
    }

    /// A function's memory for a time.
    pub fn time(&self, mb: u128, us: u128) -> Result<Pico> {
        let second = self.cost(if self.arm { "gb_second_arm" } else { "gb_second" }, 1)?;
        Ok(second.saturating_mul(mb).saturating_mul(us) / (1024 * 1_000_000))
    }
}

/// `0.0000166667` as it is: no float is exact enough to be added up.
fn pico(usd: &str) -> Result<Pico> {
    let (whole, decimals) = usd.split_once('.').context("without a point")?;
    let digits = format!("{whole}{decimals:0<12}");
    anyhow::ensure!(decimals.len() <= 12, "more than twelve decimals");
    Ok(digits.parse()?)
}

/// A request of a kind.
#[derive(Deserialize)]
pub struct Request {
    pub name: String,
    #[expect(dead_code, reason = "the contract test compares its memory with the table of functions")]
    function: String,
    pub memory: u128,
    pub a_day_hundredths: u128,
    pub core_us: u128,
    pub round_trips_tenths: u128,
    pub waits_us: u128,
    pub table_writes: u128,
    pub table_reads: u128,
    pub kicks: u128,
    pub bytes_out: u128,
}

/// A function that works behind a write.
#[derive(Deserialize)]
pub struct Behind {
    pub memory: u128,
    pub core_us: u128,
    pub round_trips_tenths: u128,
    pub waits_us: u128,
    pub table_reads: u128,
    pub messages_percent: u128,
}

#[derive(Deserialize)]
pub struct Live {
    pub minutes_a_day: u128,
    pub messages_a_day: u128,
}

#[derive(Deserialize)]
pub struct Imports {
    pub files: u128,
    pub file_bytes: u128,
    pub seconds: u128,
    pub memory: u128,
}

#[derive(Deserialize)]
pub struct Fixed {
    pub tasks_a_minute: u128,
    pub task_us: u128,
    pub task_memory: u128,
    pub queues: u128,
    pub polls_a_minute: u128,
    pub secrets: u128,
    pub alarm_metrics: u128,
    pub own_metrics: u128,
    pub endpoints_by_zone: u128,
    pub proxy_vcpus: u128,
    pub database_gb: u128,
}

#[derive(Deserialize)]
pub struct Measured {
    pub round_trip_us: u128,
    pub mb_of_a_core: u128,
    pub log_bytes: u128,
    pub cold_starts_per_mille: u128,
    pub cold_start_us: u128,
    pub requests: Vec<Request>,
    pub behind_a_write: Vec<Behind>,
    pub live: Live,
    pub mails_a_month: u128,
    pub imports_a_month: Imports,
    pub fixed: Fixed,
}

pub fn read(folder: &Path, arm: bool) -> Result<(Prices, Measured)> {
    let prices: Prices = table(&folder.join("prices.json"))?;
    Ok((Prices { arm, ..prices }, table(&folder.join("measured.json"))?))
}

fn table<T: DeserializeOwned>(file: &Path) -> Result<T> {
    let text = fs::read(file).with_context(|| file.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_read_to_its_last_digit_or_refused() {
        assert_eq!(pico("0.0000166667").unwrap(), 16_666_700);
        assert_eq!((pico("1.00").unwrap(), pico("0.023").unwrap()), (1_000_000_000_000, 23_000_000_000));
        for odd in ["1", "x.y", "0.0000000000001", "-1.0"] {
            assert!(pico(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_gigabyte_for_a_second_costs_what_the_table_says() {
        let (prices, _) = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data"), false).unwrap();
        assert_eq!(prices.time(1024, 1_000_000).unwrap(), 16_666_700);
        assert_eq!(prices.time(256, 4_000_000).unwrap(), 16_666_700);
        assert_eq!(prices.cost("http_request", 1_000_000).unwrap(), 1_000_000_000_000);
        assert!(prices.cost("no_such_thing", 1).is_err());
    }
}
