//! Choices from a seed.

use std::fmt;

use scimkit_client::random_from_seed;

/// Draws choices from a seed: the same seed gives the same ones in the same order.
///
/// ```
/// use scimkit_testing::Draw;
/// let (one, other) = (Draw::from_seed(7), Draw::from_seed(7));
/// assert_eq!([one.below(10), one.below(10)], [other.below(10), other.below(10)]);
/// assert!([1, 2, 3].contains(&one.one_of(&[1, 2, 3]).copied().unwrap_or_default()));
/// ```
pub struct Draw(Box<dyn Fn() -> u64 + Send + Sync>);

impl fmt::Debug for Draw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draw").finish_non_exhaustive()
    }
}

impl Draw {
    /// The choices of a seed.
    pub fn from_seed(seed: u64) -> Self {
        Self(Box::new(random_from_seed(seed)))
    }

    /// A number below another one; 0 if there is none.
    pub fn number(&self, below: u64) -> u64 {
        ((self.0)() >> 11) % below.max(1)
    }

    /// An index below a length; 0 if there is none.
    pub fn below(&self, length: usize) -> usize {
        usize::try_from(self.number(u64::try_from(length).unwrap_or(u64::MAX))).unwrap_or_default()
    }

    /// A small number below another one; 0 if there is none.
    pub fn small(&self, below: u32) -> u32 {
        u32::try_from(self.number(u64::from(below))).unwrap_or_default()
    }

    /// Heads or tails.
    pub fn is(&self) -> bool {
        self.number(2) == 0
    }

    /// One of these; `None` if there is none.
    pub fn one_of<'a, T>(&self, choices: &'a [T]) -> Option<&'a T> {
        choices.get(self.below(choices.len()))
    }
}
