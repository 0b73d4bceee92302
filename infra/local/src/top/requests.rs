//! What functions logged in the last minute, by function.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt::{self, Write},
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use anyhow::Result;
use serde_json::Value;
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use super::tenths;

const WINDOW: Duration = Duration::MINUTE;
/// More than a minute fills, and read in no time.
const BEGINNING: u64 = 4 << 20;

/// A line that ends a request, a frame or a message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    at: OffsetDateTime,
    function: String,
    /// In tenths of a millisecond.
    took: u64,
    status: u64,
    cold: bool,
    mb: u64,
}

impl Entry {
    fn read(line: &str) -> Option<Self> {
        let said: Value = serde_json::from_str(line.split_once('\t').map_or(line, |(_, said)| said)).ok()?;
        let text = |name: &str| said.get(name).and_then(Value::as_str);
        let number = |name: &str| said.get(name).and_then(Value::as_u64);
        let (whole, tenth) = text("ms")?.split_once('.')?;
        Some(Self {
            at: OffsetDateTime::parse(text("timestamp")?, &Rfc3339).ok()?,
            function: text("function")?.to_owned(),
            took: whole.parse::<u64>().ok()?.saturating_mul(10).saturating_add(tenth.parse().ok()?),
            status: number("status")?,
            cold: said.get("cold").and_then(Value::as_bool).unwrap_or_default(),
            mb: number("mb").unwrap_or_default(),
        })
    }
}

/// The log, read on from where it was left.
pub struct Requests {
    file: PathBuf,
    place: Option<u64>,
    lately: VecDeque<Entry>,
}

impl Requests {
    pub fn of(file: &Path) -> Self {
        Self { file: file.to_owned(), place: None, lately: VecDeque::new() }
    }

    pub fn read(&mut self, now: OffsetDateTime) -> Result<()> {
        let length = self.file.metadata().map(|data| data.len()).unwrap_or_default();
        // A new log is shorter than what was read of the old one.
        let place = self.place.filter(|place| *place <= length);
        let place = place.unwrap_or_else(|| length.saturating_sub(BEGINNING));
        if length > place {
            let mut reader = BufReader::new(File::open(&self.file)?);
            reader.seek(SeekFrom::Start(place))?;
            let (mut at, mut line) = (place, Vec::new());
            // A line without its end is left for the next time.
            while reader.read_until(b'\n', &mut line)? > 0 && line.ends_with(b"\n") {
                at = at.saturating_add(u64::try_from(line.len())?);
                self.lately.extend(Entry::read(&String::from_utf8_lossy(&line)));
                line.clear();
            }
            self.place = Some(at);
        }
        let since = now.saturating_sub(WINDOW);
        self.lately.retain(|entry| entry.at >= since);
        Ok(())
    }

    /// With so many functions at most.
    pub fn write(&self, out: &mut String, most: usize) -> fmt::Result {
        let all: Vec<&Entry> = self.lately.iter().collect();
        let sum = Sum::of(&all);
        let rate = sum.count.saturating_mul(10) / 60;
        let share = (sum.errors.saturating_mul(1000)).checked_div(sum.count).unwrap_or_default();
        writeln!(
            out,
            "events      {}, {}/s, {} failed ({} %), p50 {} ms, p95 {} ms, {} cold starts\n",
            sum.count,
            tenths(rate),
            sum.errors,
            tenths(share),
            tenths(sum.p50),
            tenths(sum.p95),
            sum.cold
        )?;
        let mut by_function: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
        for entry in &all {
            by_function.entry(&entry.function).or_default().push(entry);
        }
        let mut rows: Vec<_> = by_function.into_iter().map(|(name, entries)| (name, Sum::of(&entries))).collect();
        // What most time goes into stands first.
        rows.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.total));
        writeln!(
            out,
            "{:<32} {:>7} {:>7} {:>8} {:>8} {:>5}",
            "function", "events", "failed", "p50 ms", "p95 ms", "MB"
        )?;
        for (name, sum) in rows.iter().take(most) {
            let Sum { count, errors, p50, p95, mb, .. } = sum;
            writeln!(out, "{name:<32} {count:>7} {errors:>7} {:>8} {:>8} {mb:>5}", tenths(*p50), tenths(*p95))?;
        }
        match rows.len().saturating_sub(most) {
            0 => Ok(()),
            more => writeln!(out, "and {more} more"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Sum {
    count: u64,
    errors: u64,
    cold: u64,
    total: u64,
    p50: u64,
    p95: u64,
    mb: u64,
}

impl Sum {
    fn of(entries: &[&Entry]) -> Self {
        let mut took: Vec<u64> = entries.iter().map(|entry| entry.took).collect();
        took.sort_unstable();
        let count = |which: fn(&Entry) -> bool| {
            u64::try_from(entries.iter().filter(|entry| which(entry)).count()).unwrap_or(u64::MAX)
        };
        Self {
            count: count(|_| true),
            errors: count(|entry| entry.status >= 500),
            cold: count(|entry| entry.cold),
            total: took.iter().sum(),
            p50: percentile(&took, 50),
            p95: percentile(&took, 95),
            mb: entries.iter().map(|entry| entry.mb).max().unwrap_or_default(),
        }
    }
}

/// The least value that so many of a hundred do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = sorted.len().saturating_mul(percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LINE: &str = "tallybook-local-auth-login\t{\"timestamp\":\"2026-03-15T12:00:00.5Z\",\"level\":\"INFO\",\"event\":\"request\",\"function\":\"auth.login\",\"cold\":true,\"ms\":\"43.9\",\"mb\":31,\"status\":200}\n";

    fn at(text: &str) -> OffsetDateTime {
        OffsetDateTime::parse(text, &Rfc3339).unwrap()
    }

    #[test]
    fn a_line_is_read_and_what_is_none_is_passed_over() {
        let entry = Entry::read(LINE).unwrap();
        assert_eq!((entry.function.as_str(), entry.took, entry.status, entry.mb), ("auth.login", 439, 200, 31));
        assert!(entry.cold);
        assert_eq!(Entry::read("tallybook-local-auth-login\tSTART RequestId: 1"), None);
        assert_eq!(Entry::read("{\"_aws\":{}}"), None);
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        assert_eq!((percentile(&[], 95), percentile(&[7], 50), percentile(&[7], 95)), (0, 7, 7));
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 95)), (50, 95));
    }

    #[test]
    fn a_minute_is_kept_a_half_line_waits_and_a_new_log_is_begun_with() {
        let path = std::env::temp_dir().join(format!("tallybook-top-{}", std::process::id()));
        let mut file = File::create(&path).unwrap();
        let (first, second) = LINE.split_at(40);
        write!(file, "{LINE}{first}").unwrap();
        let mut requests = Requests::of(&path);
        requests.read(at("2026-03-15T12:00:10Z")).unwrap();
        assert_eq!(requests.lately.len(), 1);
        write!(file, "{second}").unwrap();
        requests.read(at("2026-03-15T12:00:11Z")).unwrap();
        assert_eq!(requests.lately.len(), 2);
        let mut text = String::new();
        requests.write(&mut text, 12).unwrap();
        assert!(text.contains("auth.login") && text.contains("p95 43.9 ms, 2 cold"), "{text}");
        // A new log.
        std::fs::write(&path, LINE).unwrap();
        requests.read(at("2026-03-15T12:00:12Z")).unwrap();
        assert_eq!(requests.lately.len(), 3);
        requests.read(at("2026-03-15T12:02:00Z")).unwrap();
        assert_eq!(requests.lately.len(), 0);
        std::fs::remove_file(path).unwrap();
    }
}
