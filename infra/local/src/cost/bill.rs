//! The arithmetic: one request of each kind, what a month has besides, and what is paid while nobody asks.

use anyhow::Result;

use super::tables::{Measured, Prices, Request};

/// Millionths of a millionth of a dollar: a request costs a few millionths, and each of its parts less.
pub type Pico = u128;

pub const MONTH_DAYS: u128 = 30;
const MONTH_HOURS: u128 = MONTH_DAYS * 24;
const MONTH_MINUTES: u128 = MONTH_HOURS * 60;
const BYTES_OF_KB: u128 = 1024;
/// A message of a queue is sent, received and deleted.
const OF_A_MESSAGE: u128 = 3;
/// The gateway counts a request for each 512 KB of an answer that are begun.
const COUNTED_AS_ONE: u128 = 512 * BYTES_OF_KB;

/// What a request is billed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Gateway,
    Invocation,
    Time,
    Tables,
    Behind,
    Logs,
}

pub const PARTS: [Part; 6] = [Part::Gateway, Part::Invocation, Part::Time, Part::Tables, Part::Behind, Part::Logs];

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Self::Gateway => "API Gateway",
            Self::Invocation => "Lambda, invocation",
            Self::Time => "Lambda, time",
            Self::Tables => "DynamoDB (limits, tickets)",
            Self::Behind => "relay and deliver (SQS, Lambda, …)",
            Self::Logs => "CloudWatch, the request's line",
        }
    }
}

/// What a request costs, part by part in the order of [`PARTS`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bill {
    parts: [Pico; 6],
    pub ms: u128,
}

impl Bill {
    pub fn of(&self, part: Part) -> Pico {
        PARTS.iter().zip(self.parts).find(|(one, _)| **one == part).map_or(0, |(_, pico)| pico)
    }

    pub fn sum(&self) -> Pico {
        self.parts.iter().sum()
    }

    /// With another so many times.
    pub fn plus(mut self, other: &Self, times: u128) -> Self {
        for (own, more) in self.parts.iter_mut().zip(other.parts) {
            *own = own.saturating_add(more.saturating_mul(times));
        }
        self
    }

    /// A share of it.
    pub fn over(mut self, parts: u128) -> Self {
        self.parts.iter_mut().for_each(|own| *own /= parts.max(1));
        self
    }
}

/// What is billed of a function's time: whole milliseconds. Of a core a function has as much as its memory buys.
fn billed_us(measured: &Measured, memory: u128, core_us: u128, trips_tenths: u128, waits_us: u128) -> u128 {
    let core = core_us.saturating_mul(measured.mb_of_a_core.max(memory)) / memory.max(1);
    let trips = trips_tenths.saturating_mul(measured.round_trip_us) / 10;
    let cold = measured.cold_start_us.saturating_mul(measured.cold_starts_per_mille) / 1000;
    (core + trips + waits_us + cold).div_ceil(1000) * 1000
}

pub fn request(prices: &Prices, measured: &Measured, kind: &Request) -> Result<Bill> {
    let us = billed_us(measured, kind.memory, kind.core_us, kind.round_trips_tenths, kind.waits_us);
    let line = prices.cost("log_byte", measured.log_bytes)? + prices.cost("log_byte_month", measured.log_bytes)?;
    let mut behind = 0;
    for one in &measured.behind_a_write {
        let us = billed_us(measured, one.memory, one.core_us, one.round_trips_tenths, one.waits_us);
        behind += prices.cost("fifo_request", OF_A_MESSAGE)?
            + prices.cost("invocation", 1)?
            + prices.time(one.memory, us)?
            + prices.cost("table_read", one.table_reads)?
            + prices.cost("socket_message", one.messages_percent)? / 100
            + line;
    }
    let counted = kind.bytes_out.div_ceil(COUNTED_AS_ONE).max(1);
    let parts = [
        prices.cost("http_request", counted)?,
        prices.cost("invocation", 1)?,
        prices.time(kind.memory, us)?,
        prices.cost("table_write", kind.table_writes)? + prices.cost("table_read", kind.table_reads)?,
        behind * kind.kicks,
        line,
    ];
    Ok(Bill { parts, ms: us / 1000 })
}

/// Sums by name.
pub type Lines = Vec<(&'static str, Pico)>;

/// What users cost in a month besides their requests.
pub fn a_month(prices: &Prices, measured: &Measured, users: u128) -> Result<Lines> {
    let days = users.saturating_mul(MONTH_DAYS);
    let (live, imports) = (&measured.live, &measured.imports_a_month);
    let files = users.saturating_mul(imports.files);
    Ok(vec![
        (
            "sockets: minutes and messages",
            prices.cost("socket_minute", days * live.minutes_a_day)?
                + prices.cost("socket_message", days * live.messages_a_day)?
                + (prices.cost("invocation", 1)? + prices.time(256, 20_000)?) * days * live.messages_a_day,
        ),
        (
            "imports: workers and files",
            prices.time(imports.memory, imports.seconds * 1_000_000)? * files
                + prices.cost("file_write", files)?
                + prices.cost("file_byte_month", files * imports.file_bytes)?,
        ),
        ("mails", prices.cost("mail", users * measured.mails_a_month)?),
    ])
}

/// What is paid while nobody asks: services, and the database with what stands before it.
pub fn fixed(prices: &Prices, measured: &Measured) -> Result<(Lines, Lines)> {
    let fixed = &measured.fixed;
    let tasks = fixed.tasks_a_minute * MONTH_MINUTES;
    let services = vec![
        (
            "the clock and what it does",
            prices.cost("schedule_call", MONTH_MINUTES)?
                + prices.cost("queue_request", tasks * OF_A_MESSAGE)?
                + prices.cost("invocation", tasks)?
                + prices.time(fixed.task_memory, fixed.task_us)? * tasks,
        ),
        (
            "looking into empty queues",
            prices.cost("queue_request", fixed.queues * fixed.polls_a_minute * MONTH_MINUTES)?,
        ),
        ("secrets", prices.cost("secret_month", fixed.secrets)?),
        (
            "alarms and our own metrics",
            prices.cost("alarm_month", fixed.alarm_metrics)? + prices.cost("metric_month", fixed.own_metrics)?,
        ),
        ("ways out of the network (4 endpoints)", prices.cost("endpoint_hour", fixed.endpoints_by_zone * MONTH_HOURS)?),
    ];
    let database = vec![
        ("database: db.t4g.small in two zones", prices.cost("database_hour", MONTH_HOURS)?),
        ("database: storage", prices.cost("database_gb_month", fixed.database_gb)?),
        ("database: proxy", prices.cost("proxy_vcpu_hour", fixed.proxy_vcpus * MONTH_HOURS)?),
    ];
    Ok((services, database))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{super::tables, *};

    #[test]
    fn a_function_with_less_memory_has_less_of_a_core_and_is_billed_by_whole_milliseconds() {
        let (_, measured) = tables::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data"), false).unwrap();
        let cold = measured.cold_start_us * measured.cold_starts_per_mille / 1000;
        assert!(cold < 1000);
        let whole = billed_us(&measured, 1769, 100_000 - cold, 0, 0);
        assert_eq!(whole, 100_000);
        assert_eq!(billed_us(&measured, 1769, 100_001 - cold, 0, 0), 101_000, "begun is whole");
        assert_eq!(billed_us(&measured, 3538, 100_000 - cold, 0, 0), 100_000, "twice the memory is no faster here");
        let eighth = billed_us(&measured, 221, 1000, 0, 0);
        assert!((8000..=9000).contains(&eighth), "{eighth}");
        let trips = billed_us(&measured, 1769, 0, 100, 0);
        assert_eq!(trips, (10 * measured.round_trip_us + cold).div_ceil(1000) * 1000);
    }

    #[test]
    fn a_write_costs_what_a_read_does_and_what_stands_behind_it() {
        let (prices, measured) = tables::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data"), false).unwrap();
        let bill = |name: &str| {
            let kind = measured.requests.iter().find(|kind| kind.name == name).unwrap();
            request(&prices, &measured, kind).unwrap()
        };
        let (read, write) = (bill("read"), bill("write"));
        assert_eq!(read.of(Part::Gateway), 1_000_000);
        assert_eq!(read.of(Part::Tables), 625_000);
        assert_eq!(read.of(Part::Behind), 0);
        // Two messages of three requests each, at half a millionth, and two invocations.
        assert!(write.of(Part::Behind) > 3_400_000, "{}", write.of(Part::Behind));
        assert_eq!(read.sum(), PARTS.iter().map(|part| read.of(*part)).sum::<Pico>());
        let both = Bill::default().plus(&read, 3).plus(&write, 1).over(4);
        assert!(read.sum() < both.sum() && both.sum() < write.sum());
    }
}
