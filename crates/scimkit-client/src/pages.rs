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
    let position = Position { request, received: 0, pages: 0, previous: HashSet::new() };
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
    /// How many resources came, those that came twice included.
    received: u64,
    pages: u32,
    /// The ids of the page before.
    previous: HashSet<String>,
}

impl Position {
    /// The resources of a page that were not on the one before, and whether it is the last one.
    fn advance(&mut self, page: ListResponse) -> Result<(Vec<Resource>, bool), ClientError> {
        let total = page.total_results;
        let count = u64::try_from(page.resources.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(count);
        self.pages += 1;
        let ids: HashSet<String> = page.resources.iter().filter_map(Resource::id).map(str::to_owned).collect();
        let is_repeated = !ids.is_empty() && ids == self.previous;
        let resources = page.resources.into_iter().filter(|resource| resource.id().is_none_or(|id| !self.previous.contains(id))).collect();
        self.previous = ids;

        let next_cursor = page.next_cursor.filter(|cursor| !cursor.is_empty());
        let incomplete = |received, reason| Err(ClientError::Incomplete { expected: total, found: received, reason });
        if self.pages >= MAX_PAGES {
            return incomplete(self.received, "there are too many pages");
        }
        if next_cursor.is_some() {
            if next_cursor == self.request.cursor {
                return incomplete(self.received, "a cursor leads to itself");
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
