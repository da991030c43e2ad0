//! Reading the target's list of a type page by page, as far as the service shows it.

use scimkit_types::Resource;

use crate::error::Result;
use crate::matching::usable_id;
use crate::run::Run;

/// How many times the pages that are expected of a list are read at most: it may grow while it is read, but not without end, and a
/// service may put less on a page than on the first.
const MOST_PAGES_FACTOR: u64 = 10;

/// Why a service's list cannot be read to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unlistable(pub String);

/// A walk through the target's list of a type.
#[derive(Debug)]
pub(crate) struct Pages<'a> {
    run: &'a Run<'a>,
    resource_type: &'a str,
    count: u64,
    expected: u64,
    seen: u64,
    total: u64,
    /// The id of the first resource of the page before.
    first: Option<String>,
}

impl<'a> Pages<'a> {
    pub(crate) const fn new(run: &'a Run<'a>, resource_type: &'a str) -> Self {
        Self { run, resource_type, count: 0, expected: 1, seen: 0, total: 0, first: None }
    }

    /// How many pages were read.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// How many pages there are, by the first one.
    pub(crate) const fn expected(&self) -> u64 {
        self.expected
    }

    /// How many resources were shown.
    pub(crate) const fn seen(&self) -> u64 {
        self.seen
    }

    /// How many resources there are on all pages, as the service counts.
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// Whether all has been shown.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.count > 0 && self.seen >= self.total
    }

    /// The next page; `None` after the last one. A failure that says nothing about the list ends the cycle.
    pub(crate) async fn next(&mut self) -> Result<Result<Option<Vec<Resource>>, Unlistable>> {
        if self.is_at_end() {
            return Ok(Ok(None));
        }
        let most = self.expected.saturating_mul(MOST_PAGES_FACTOR).saturating_add(MOST_PAGES_FACTOR);
        if self.count >= most {
            return Ok(unlistable(format!("it does not end after {} pages, and grows while it is read", self.count)));
        }
        let start_index = self.seen + 1;
        let page = match self.run.call(|not_after| self.run.target.list(self.resource_type, start_index, not_after)).await? {
            Ok(page) => page,
            Err(error) if error.ends_cycle() => return Err(error.into()),
            Err(error) => return Ok(unlistable(error.to_string())),
        };
        let size = u64::try_from(page.resources.len()).unwrap_or(u64::MAX);
        if size == 0 && self.seen < page.total {
            return Ok(unlistable(format!("it counts {} resources and shows {}", page.total, self.seen)));
        }
        let first = page.resources.first().and_then(usable_id);
        if self.count > 0 && first.is_some() && first == self.first.as_deref() {
            return Ok(unlistable(format!("the page from {start_index} on is the one before")));
        }
        if self.count == 0 && size > 0 {
            self.expected = page.total.div_ceil(size).max(1);
        }
        self.first = first.map(str::to_owned);
        self.count += 1;
        self.seen = self.seen.saturating_add(size);
        self.total = page.total;
        Ok(Ok(Some(page.resources)))
    }
}

const fn unlistable<T>(why: String) -> Result<T, Unlistable> {
    Err(Unlistable(why))
}
