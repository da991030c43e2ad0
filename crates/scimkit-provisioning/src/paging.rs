//! Pages that follow each other until there are no more.

use crate::source::{Position, SourceError, SourceErrorKind};

/// How many pages in a row may be empty.
const MOST_EMPTY_PAGES: u32 = 10_000;

/// Finds out that a reading does not come to an end.
///
/// One position is remembered, and another one whenever twice as many pages were read; so pages that lead in a ring are found in a time
/// that is proportional to its length.
#[derive(Debug)]
pub(crate) struct Paging<'a> {
    /// What is read.
    what: &'a str,
    /// How many pages in a row were empty.
    empty: u32,
    remembered: Option<Position>,
    /// How many pages were read since a position was remembered, and after how many another one is.
    pages: u64,
    limit: u64,
}

impl<'a> Paging<'a> {
    pub(crate) const fn new(what: &'a str) -> Self {
        Self { what, empty: 0, remembered: None, pages: 0, limit: 1 }
    }

    /// Notes that the page at a position was read and leads to another one.
    pub(crate) fn follow(&mut self, asked: Option<&Position>, next: &Position, is_empty: bool) -> Result<(), SourceError> {
        if asked == Some(next) {
            return Err(self.endless("one that leads to itself"));
        }
        if self.remembered.as_ref() == Some(next) {
            return Err(self.endless("one that leads back to one before"));
        }
        self.empty = if is_empty { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY_PAGES {
            return Err(self.endless(&format!("{MOST_EMPTY_PAGES} empty ones in a row")));
        }
        self.pages += 1;
        if self.pages >= self.limit {
            (self.pages, self.limit) = (0, self.limit.saturating_mul(2));
            self.remembered = Some(next.clone());
        }
        Ok(())
    }

    fn endless(&self, found: &str) -> SourceError {
        SourceError::new(SourceErrorKind::Invalid, format!("expected pages of `{}` that come to an end, found {found}", self.what))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Follows pages whose positions are given by their numbers, and returns after how many of them that was refused and why.
    fn refusal(position: impl Fn(u64) -> u64, is_empty: impl Fn(u64) -> bool, most: u64) -> Option<(u64, String)> {
        let mut paging = Paging::new("User");
        let mut asked = None;
        for number in 0..most {
            let next = Position::new(position(number).to_string());
            if let Err(error) = paging.follow(asked.as_ref(), &next, is_empty(number)) {
                assert_eq!(error.kind, SourceErrorKind::Invalid);
                return Some((number, error.message));
            }
            asked = Some(next);
        }
        None
    }

    #[test]
    fn page_that_leads_to_itself_is_refused_at_once() {
        let (number, message) = refusal(|number| number.min(5), |_| false, 100).unwrap();
        assert_eq!((number, message.as_str()), (6, "expected pages of `User` that come to an end, found one that leads to itself"));
    }

    #[test]
    fn empty_pages_are_refused_only_if_too_many_follow_each_other() {
        let most = u64::from(MOST_EMPTY_PAGES);
        assert_eq!(refusal(|number| number, |number| number % most != 7, 3 * most), None);
        let (number, message) = refusal(|number| number, |number| number != 7, 3 * most).unwrap();
        assert_eq!((number, message.ends_with("found 10000 empty ones in a row")), (8 + most, true));
    }

    proptest! {
        #[test]
        fn ring_of_any_length_is_found_after_any_beginning(beginning in 0_u64..200, length in 1_u64..200) {
            let position = |number| if number < beginning { number } else { beginning + (number - beginning) % length };
            let found = refusal(position, |_| false, 4 * (beginning + length) + 8);
            prop_assert!(found.is_some_and(|(number, _)| number >= beginning + length));
        }

        #[test]
        fn pages_that_go_on_are_never_refused(most in 0_u64..5_000) {
            prop_assert_eq!(refusal(|number| number, |_| false, most), None);
        }
    }
}
