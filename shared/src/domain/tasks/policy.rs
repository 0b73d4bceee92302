//! How often a task is tried, and when again.

use std::time::Duration;

/// How a kind of task is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tries after the first.
    pub retries: u16,
    /// Whether the pauses between them grow.
    pub backoff: bool,
    /// What one try may take.
    pub deadline: Duration,
}

/// No pause is longer.
const LONGEST_S: u16 = 600;

impl Policy {
    /// Work in the database, which may be busy or away.
    pub const DATABASE: Self = Self { retries: 5, backoff: true, deadline: Duration::from_mins(2) };
    /// Calls to somebody else's service.
    pub const NETWORK: Self = Self { retries: 3, backoff: true, deadline: Duration::from_secs(30) };
    /// Mails: sent soon or not at all.
    pub const MAIL: Self = Self { retries: 2, backoff: false, deadline: Duration::from_secs(20) };
    /// What the clock does anew every minute.
    pub const CLOCK: Self = Self { retries: 0, backoff: false, deadline: Duration::from_secs(50) };

    /// Whether that try, counted from one, was the last.
    #[must_use]
    pub fn is_last(&self, attempt: u32) -> bool {
        attempt > u32::from(self.retries)
    }

    /// Seconds to wait after a try, counted from one, that failed: twice as long each time, up to ten minutes, and half of
    /// it by chance, so that tasks which failed together do not come back together. `base` is the first pause; `chance` any
    /// byte.
    #[must_use]
    pub fn pause(&self, attempt: u32, base: u16, chance: u8) -> u16 {
        if !self.backoff {
            return base;
        }
        let doubled = 1_u32.checked_shl(attempt.saturating_sub(1)).map_or(u32::MAX, |n| n.saturating_mul(base.into()));
        let full = doubled.min(LONGEST_S.into());
        let half = full / 2;
        let some = half.saturating_mul(chance.into()) / 255;
        u16::try_from(full.saturating_sub(some)).unwrap_or(LONGEST_S)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes_and_half_of_them_is_chance() {
        let longest = |attempt| Policy::DATABASE.pause(attempt, 5, 0);
        assert_eq!([1, 2, 3, 8, 9, 40, u32::MAX].map(longest), [5, 10, 20, 600, 600, 600, 600]);
        assert_eq!([1, 2, 9].map(|attempt| Policy::DATABASE.pause(attempt, 5, 255)), [3, 5, 300]);
        assert_eq!(Policy::MAIL.pause(2, 5, 200), 5);
    }

    #[test]
    fn database_work_is_tried_six_times_calls_four_times_and_mail_three_times() {
        for (policy, tries) in [(Policy::DATABASE, 6), (Policy::NETWORK, 4), (Policy::MAIL, 3), (Policy::CLOCK, 1)] {
            assert!(!policy.is_last(tries - 1) && policy.is_last(tries), "{policy:?}");
        }
    }
}
