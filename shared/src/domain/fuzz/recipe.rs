//! Random bytes, read as edits to what makes sense already: random text alone gets past no reader's first line.

/// Reads random bytes as choices. Used up, it chooses the first of everything.
pub(super) struct Recipe<'a>(pub &'a [u8]);

impl Recipe<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        let number = usize::from(self.byte()) << 8 | usize::from(self.byte());
        number % limit.max(1)
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    pub(super) fn over(&self) -> bool {
        self.0.is_empty()
    }

    /// One of `seeds` after a few edits, or now and then the raw bytes.
    pub(super) fn edited(&mut self, seeds: &[Vec<u8>], scraps: &[&[u8]]) -> Vec<u8> {
        if self.byte() % 16 == 15 {
            return self.0.to_vec();
        }
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(8) {
            self.edit(&mut bytes, seeds, scraps);
            bytes.truncate(64 * 1024);
        }
        bytes
    }

    fn edit(&mut self, bytes: &mut Vec<u8>, seeds: &[Vec<u8>], scraps: &[&[u8]]) {
        let at = self.below(bytes.len() + 1);
        let to = (at + self.below(40)).min(bytes.len());
        match self.byte() % 10 {
            0 | 1 => drop(bytes.splice(at..at, self.of(scraps).iter().copied())),
            2 => drop(bytes.splice(at..to, self.of(scraps).iter().copied())),
            3 => drop(bytes.drain(at..to)),
            4 => bytes.truncate(at),
            5 if at < bytes.len() => bytes[at] = self.byte(),
            6 => {
                let again = bytes[at..to].repeat(self.below(30));
                drop(bytes.splice(at..at, again));
            }
            7 => {
                let other = &seeds[self.below(seeds.len())];
                let from = self.below(other.len() + 1);
                drop(bytes.splice(at..to, other[from..].iter().copied()));
            }
            // One sign for another, everywhere: delimiters, marks, digits, ends of lines.
            8 => {
                let (old, new) =
                    (self.of(b",;\t|.-/\n\r\" 0123456789"), self.of(b",;\t|.-/\n\r\" 0123456789\0\xa0\x80"));
                bytes.iter_mut().filter(|byte| **byte == old).for_each(|byte| *byte = new);
            }
            _ => {
                let mut lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
                let (one, two) = (self.below(lines.len()), self.below(lines.len()));
                lines.swap(one, two);
                *bytes = lines.join(&b'\n');
            }
        }
    }
}
