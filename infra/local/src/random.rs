//! Numbers that look random and are the same in every run: `SplitMix64`.

/// A stream of its own for every seed.
pub struct Random(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// Seeded by several numbers: a day and a place in a list, so that what one day brings does not depend on where a
    /// statement begins; or a run's seed and the number of one who draws beside others.
    pub fn of(seeds: &[u64]) -> Self {
        seeds.iter().fold(Self(STEP), |mut random, seed| Self(random.next() ^ seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`; 0 when there is nothing below it. The bias of the remainder is far
    /// smaller than a sample statement can show.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Both bounds can come.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let drawn = self.below(high.abs_diff(low).saturating_add(1));
        low.min(high).saturating_add_unsigned(drawn)
    }

    pub fn choose<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(u64::try_from(from.len()).ok()?);
        from.get(usize::try_from(at).ok()?)
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            let with = self.below(u64::try_from(end).unwrap_or(u64::MAX).saturating_add(1));
            all.swap(end, usize::try_from(with).unwrap_or(end));
        }
    }

    pub fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0'.saturating_add(u8::try_from(self.below(10)).unwrap_or(0)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_give_the_same_again_and_each_of_them_counts() {
        let draw = |seeds: &[u64]| {
            let mut random = Random::of(seeds);
            [random.below(1000), random.below(1000), random.below(1000)]
        };
        assert_eq!(draw(&[7, 1]), draw(&[7, 1]));
        assert_ne!(draw(&[7, 1]), draw(&[7, 2]));
        assert_ne!(draw(&[7, 1]), draw(&[8, 1]));
    }
}
