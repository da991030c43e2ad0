//! Text compared with a key as it streams by, so that no key is made of it.

use std::cmp::Ordering;
use std::ops::ControlFlow;

use scimkit_types::compare::TextComparison;

/// How far a search for a key may go back at each of its bytes (Knuth, Morris and Pratt), so that it takes linear time and no memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Borders(Box<[usize]>);

impl Borders {
    /// The length of the longest border of each beginning of a key: a proper part that it both begins and ends with.
    pub(crate) fn of(key: &str) -> Self {
        let key = key.as_bytes();
        let mut borders = Vec::with_capacity(key.len());
        let mut length = 0;
        for (index, byte) in key.iter().enumerate() {
            while length > 0 && (index == 0 || key.get(length) != Some(byte)) {
                length = previous(&borders, length);
            }
            if index > 0 && key.get(length) == Some(byte) {
                length += 1;
            }
            borders.push(length);
        }
        Self(borders.into_boxed_slice())
    }
}

/// The next shorter length that a match of this length falls back to.
fn previous(borders: &[usize], length: usize) -> usize {
    borders.get(length.wrapping_sub(1)).copied().unwrap_or_default()
}

/// A search that is fed with a text byte by byte.
struct Search<'a> {
    key: &'a [u8],
    borders: &'a [usize],
    /// How much of the key the text ends with so far.
    length: usize,
}

impl<'a> Search<'a> {
    fn new(key: &'a str, borders: &'a Borders) -> Self {
        Self { key: key.as_bytes(), borders: &borders.0, length: 0 }
    }

    fn is_complete(&self) -> bool {
        self.length == self.key.len()
    }

    fn feed(&mut self, byte: u8) {
        while self.length > 0 && self.key.get(self.length) != Some(&byte) {
            self.length = previous(self.borders, self.length);
        }
        if self.key.get(self.length) == Some(&byte) {
            self.length += 1;
        }
    }
}

/// Whether the key is part of the key of a text.
pub(crate) fn contains(text: &str, comparison: TextComparison, key: &str, borders: &Borders) -> bool {
    let mut search = Search::new(key, borders);
    search.is_complete()
        || for_each_byte(text, comparison, |byte| {
            search.feed(byte);
            if search.is_complete() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .is_break()
}

/// Whether the key of a text ends with the key.
pub(crate) fn ends_with(text: &str, comparison: TextComparison, key: &str, borders: &Borders) -> bool {
    let mut search = Search::new(key, borders);
    let _ = for_each_byte(text, comparison, |byte| -> ControlFlow<()> {
        search.feed(byte);
        ControlFlow::Continue(())
    });
    search.is_complete()
}

/// Whether the key of a text starts with the key.
pub(crate) fn starts_with(text: &str, comparison: TextComparison, key: &str) -> bool {
    let mut rest = key.bytes();
    // The first byte that differs, or the end of the key.
    let found = for_each_byte(text, comparison, |byte| match rest.next() {
        Some(wanted) if wanted == byte => ControlFlow::Continue(()),
        other => ControlFlow::Break(other.is_none()),
    });
    match found {
        ControlFlow::Break(is_whole) => is_whole,
        ControlFlow::Continue(()) => rest.next().is_none(),
    }
}

/// Orders the key of a text and a key.
pub(crate) fn compare(text: &str, comparison: TextComparison, key: &str) -> Ordering {
    let mut rest = key.bytes();
    // Bytes of UTF-8 are in the order of code points.
    let found = for_each_byte(text, comparison, |byte| match rest.next().map_or(Ordering::Greater, |other| byte.cmp(&other)) {
        Ordering::Equal => ControlFlow::Continue(()),
        other => ControlFlow::Break(other),
    });
    match found {
        ControlFlow::Break(ordering) => ordering,
        ControlFlow::Continue(()) if rest.next().is_none() => Ordering::Equal,
        ControlFlow::Continue(()) => Ordering::Less,
    }
}

/// The bytes of the key of a text.
fn for_each_byte<B>(text: &str, comparison: TextComparison, mut visit: impl FnMut(u8) -> ControlFlow<B>) -> ControlFlow<B> {
    comparison.try_for_each_of_key(text, |c| c.encode_utf8(&mut [0; 4]).bytes().try_for_each(&mut visit))
}
