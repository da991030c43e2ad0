//! A small generator of pseudo-random numbers whose sequence never changes.

/// The generator `SplitMix64`: 64 bits of state, every seed gives a full period.
#[derive(Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `bound`; 0 when the bound is 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the elements; `None` when there are none.
    pub(crate) fn pick<'a, T>(&mut self, elements: &'a [T]) -> Option<&'a T> {
        elements.get(self.below(elements.len()))
    }

    /// Brings the elements into another order.
    pub(crate) fn shuffle<T>(&mut self, elements: &mut [T]) {
        for last in (1..elements.len()).rev() {
            elements.swap(last, self.below(last + 1));
        }
    }

    /// A GUID in the form of version 4.
    pub(crate) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let version = (high & 0xFFFF_FFFF_FFFF_0FFF) | 0x4000;
        let variant = (low & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;
        let text = format!("{version:016x}{variant:016x}");
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    }

    /// The pattern with a digit in place of every `#`.
    pub(crate) fn digits(&mut self, pattern: &str) -> String {
        pattern
            .chars()
            .map(|character| if character == '#' { char::from(b'0' + u8::try_from(self.below(10)).unwrap_or(0)) } else { character })
            .collect()
    }

    /// The opaque part of a link.
    pub(crate) fn token(&mut self) -> String {
        (0..5).map(|_| format!("{:016x}", self.next())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of the published reference implementation for the seed 1234567.
    #[test]
    fn numbers_are_those_of_the_reference() {
        let mut random = Random::new(1_234_567);
        assert_eq!(
            [random.next(), random.next(), random.next()],
            [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]
        );
    }

    #[test]
    fn guids_have_version_and_variant() {
        let guid = Random::new(7).guid();
        assert_eq!(guid.len(), 36);
        assert_eq!(guid.as_bytes()[14], b'4');
        assert!(b"89ab".contains(&guid.as_bytes()[19]));
    }
}
