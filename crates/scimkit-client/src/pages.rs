//! All pages of a query as one stream.

use std::collections::HashSet;
use std::num::NonZeroU32;

use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use scimkit_types::{ListResponse, Resource, SearchRequest};

use crate::client::Client;
use crate::error::ClientError;

/// How many resources to ask for in one request. Service providers may return fewer.
pub type PageSize = NonZeroU32;

/// A query has at most so many pages: one that would need more never ends.
const MAX_PAGES: u32 = 1_000_000;

pub(crate) fn all<'a>(
    client: &'a Client,
    endpoint: &'a str,
    mut request: SearchRequest,
    page_size: PageSize,
) -> BoxStream<'a, Result<Resource, ClientError>> {
    request.count = Some(i64::from(page_size.get()));
    request.start_index = request.cursor.is_none().then_some(1);
    let position = Position { request, received: 0, pages: 0, previous: HashSet::new(), marked: None };
    let pages = stream::try_unfold(Some(position), move |position| async move {
        let Some(mut position) = position else { return Ok(None) };
        let page = client.query(endpoint, &position.request).await?;
        let (resources, ended) = position.advance(page)?;
        Ok::<_, ClientError>(Some((stream::iter(resources.into_iter().map(Ok)), (!ended).then_some(position))))
    });
    pages.try_flatten().boxed()
}

/// How far a query has come.
struct Position {
    /// The request of the next page.
    request: SearchRequest,
    /// How many resources came, those that came twice because others were created included.
    received: u64,
    pages: u32,
    /// The ids of the page before.
    previous: HashSet<String>,
    /// A cursor of an earlier page; the page is moved on at powers of two, so that any loop of cursors is found (Brent).
    marked: Option<String>,
}

impl Position {
    /// The resources of a page that were not on the one before, and whether it is the last one.
    fn advance(&mut self, page: ListResponse) -> Result<(Vec<Resource>, bool), ClientError> {
        let total = page.total_results;
        let count = u64::try_from(page.resources.len()).unwrap_or(u64::MAX);
        let ids: HashSet<String> = page.resources.iter().filter_map(Resource::id).map(str::to_owned).collect();
        let is_repeated = !ids.is_empty() && ids == self.previous;
        // Where the page says that it begins counts only if it shows it: many service providers always say 1.
        let begins_at = page.start_index.filter(|begins_at| *begins_at >= 1 && self.request.start_index.is_some());
        let expected_at = self.received.saturating_add(1);
        let incomplete = |received, reason| Err(ClientError::Incomplete { expected: total, found: received, reason });
        self.received = match begins_at {
            Some(begins_at) if begins_at > expected_at && count > 0 => return incomplete(self.received, "a page begins too late"),
            Some(begins_at) if begins_at < expected_at && !is_repeated && !ids.is_disjoint(&self.previous) => {
                let received = begins_at.saturating_sub(1).saturating_add(count);
                if received <= self.received && received < total {
                    return incomplete(self.received, "a page leads back");
                }
                received
            }
            _ => self.received.saturating_add(count),
        };
        self.pages += 1;
        let resources = page.resources.into_iter().filter(|resource| resource.id().is_none_or(|id| !self.previous.contains(id))).collect();
        self.previous = ids;

        let next_cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
        if self.pages >= MAX_PAGES {
            return incomplete(self.received, "there are too many pages");
        }
        if next_cursor.is_some() {
            if next_cursor == self.request.cursor {
                return incomplete(self.received, "a cursor leads to itself");
            }
            if next_cursor == self.marked {
                return incomplete(self.received, "cursors lead in a circle");
            }
            if self.pages.is_power_of_two() {
                self.marked.clone_from(&next_cursor);
            }
            self.request.cursor = next_cursor;
            self.request.start_index = None;
            return Ok((resources, false));
        }
        if self.request.cursor.is_some() || self.received >= total {
            return if self.received >= total && !is_repeated {
                Ok((resources, true))
            } else {
                incomplete(self.received, if is_repeated { "a page came twice" } else { "there are no more pages" })
            };
        }
        if count == 0 {
            return incomplete(self.received, "a page is empty");
        }
        if is_repeated {
            return incomplete(self.received, "a page came twice");
        }
        self.request.start_index = Some(i64::try_from(self.received.saturating_add(1)).unwrap_or(i64::MAX));
        Ok((resources, false))
    }
}
