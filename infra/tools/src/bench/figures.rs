//! Figures and how they are shown. Integers throughout.

use std::time::Duration;

/// What was measured many times.
pub struct Sample(Vec<Duration>);

impl Sample {
    pub fn new(mut taken: Vec<Duration>) -> Self {
        taken.sort_unstable();
        Self(taken)
    }

    /// By nearest rank.
    pub fn percentile(&self, percent: usize) -> Duration {
        let rank = self.0.len().saturating_mul(percent).div_ceil(100).max(1);
        self.0.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }

    pub fn p50(&self) -> Duration {
        self.percentile(50)
    }

    /// p50, p95 and p99 in their columns.
    pub fn columns(&self) -> String {
        [50, 95, 99].map(|percent| format!("{:>10}", ms(self.percentile(percent)))).concat()
    }
}

/// Milliseconds with two decimals.
pub fn ms(time: Duration) -> String {
    let hundredths = time.as_micros().saturating_add(5) / 10;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// `a` in multiples of `b`, with two decimals.
pub fn ratio(a: Duration, b: Duration) -> String {
    let hundredths = a.as_nanos().saturating_mul(100) / b.as_nanos().max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Bytes as MB (10⁶) with two decimals.
pub fn mb(bytes: u64) -> String {
    let hundredths = bytes / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// The verdict, in words.
pub fn verdict(holds: bool) -> &'static str {
    if holds { "ok" } else { "OVER" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let sample = Sample::new((1..=200).rev().map(Duration::from_millis).collect());
        let seen = [1, 50, 95, 99, 100].map(|percent| sample.percentile(percent).as_millis());
        assert_eq!(seen, [2, 100, 190, 198, 200]);
        assert_eq!(Sample::new(vec![Duration::from_millis(7)]).p50().as_millis(), 7);
    }

    #[test]
    fn figures_are_rounded_to_hundredths() {
        assert_eq!(ms(Duration::from_micros(12_345)), "12.35");
        assert_eq!(ratio(Duration::from_micros(450), Duration::from_micros(300)), "1.50");
        assert_eq!(mb(11_987_654), "11.98");
    }
}
