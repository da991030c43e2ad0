//! Answering queries: the index that narrows the search, the filter on what it leaves, and no more results kept than a page needs.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use scimkit_types::{Resource, SortOrder, Timestamp};

use super::{Entry, TenantResources, TypeResources};
use crate::keys::{instant_key, instant_of_key, sort_key};
use crate::resource::{Page, Position, Query, candidates, document};

impl TenantResources {
    pub(super) fn query(&self, query: &Query) -> Page {
        let Some(resources) = self.types.get(&query.resource_type) else { return Page::default() };
        if query.filter.is_none() && query.sort.is_none() {
            return resources.page_by_creation(query);
        }
        let is_apart = |name: &str| resources.member_attributes.iter().any(|known| known.eq_ignore_ascii_case(name));
        let members = |value: &str| {
            let found = self.memberships.of(value).filter(|found| found.resource_type == query.resource_type);
            found.map(|found| Arc::from(found.id.as_str())).collect()
        };
        let root = query.filter.as_ref().map(|filter| filter.root());
        let candidates: Option<BTreeSet<Arc<str>>> =
            root.and_then(|root| candidates::find(root, &resources.values, &|name, value| is_apart(name).then(|| members(value))));
        let mut names = Vec::new();
        if let Some(root) = root {
            candidates::names(root, &mut names);
        }
        names.extend(query.sort.as_ref().map(|sort| candidates::name(&sort.path)));
        let mut search = Search { query, resources, names, total: 0, hits: Vec::new() };
        match &candidates {
            Some(ids) => ids.iter().for_each(|id| search.look_at(id)),
            None => resources.by_creation.iter().for_each(|(_, id)| search.look_at(id)),
        }
        search.page()
    }
}

impl TypeResources {
    /// A page of all resources.
    fn page_by_creation(&self, query: &Query) -> Page {
        let after = query.after.as_ref().map(|position| {
            let created_at = position.key.as_deref().and_then(instant_of_key).unwrap_or(Timestamp::MIN);
            (created_at, Arc::from(position.id.as_str()))
        });
        let mut rest = self.by_creation.after(after.as_ref(), as_usize(query.offset)).peekable();
        let page: Vec<_> = rest.by_ref().take(as_usize(query.count)).collect();
        let last = page.last().filter(|_| rest.peek().is_some());
        let next = last.map(|(created_at, id)| Position::new(Some(instant_key(*created_at).to_vec()), id.as_ref().to_owned()));
        let stored = page.into_iter().filter_map(|(_, id)| self.entries.get(id).map(|entry| entry.stored(id, query.selection))).collect();
        Page { total: self.entries.len() as u64, resources: stored, next }
    }
}

impl Entry {
    /// The attributes of these names, and what filters and sorts may ask for beside them.
    fn searchable(&self, id: &str, resource_type: &str, names: &[&str]) -> Resource {
        let is_named = |name: &str| names.iter().any(|named| named.eq_ignore_ascii_case(name));
        let mut document = self.document.unpack_some(is_named);
        for members in self.members.iter().filter(|members| !members.is_empty() && is_named(&members.attribute)) {
            document.insert(members.attribute.clone(), members.to_value());
        }
        if is_named("id") || is_named("meta") {
            document::add_common(&mut document, id, resource_type, self.created_at, self.modified_at);
        }
        document
    }
}

/// How many results more than a page needs are kept at least before the last of them are dropped.
const SPARE: usize = 1024;

/// A query that is being answered.
struct Search<'a> {
    query: &'a Query,
    resources: &'a TypeResources,
    /// The attributes and extensions that filter and sort ask for.
    names: Vec<&'a str>,
    total: u64,
    /// The first results after the position of the query, and some more.
    hits: Vec<Hit<'a>>,
}

/// A resource that meets a filter.
struct Hit<'a> {
    key: Option<Vec<u8>>,
    id: &'a str,
    entry: &'a Entry,
}

impl Search<'_> {
    fn look_at(&mut self, id: &str) {
        let Some((id, entry)) = self.resources.entries.get_key_value(id) else { return };
        let document = entry.searchable(id, &self.query.resource_type, &self.names);
        if self.query.filter.as_ref().is_some_and(|filter| !filter.matches(&document)) {
            return;
        }
        self.total += 1;
        let key = match &self.query.sort {
            Some(sort) => sort_key(&document, &sort.path),
            None => Some(instant_key(entry.created_at).to_vec()),
        };
        let is_before = |after: &Position| self.order((&key, id), (&after.key, &after.id)).is_le();
        if self.query.after.as_ref().is_some_and(is_before) {
            return;
        }
        self.hits.push(Hit { key, id, entry });
        if self.hits.len() >= self.needed().saturating_mul(2).saturating_add(SPARE) {
            self.keep_first();
        }
    }

    /// How many results are skipped and returned, and one that tells whether there is another page.
    fn needed(&self) -> usize {
        as_usize(self.query.offset.saturating_add(self.query.count).saturating_add(1))
    }

    fn keep_first(&mut self) {
        let mut hits = std::mem::take(&mut self.hits);
        hits.sort_by(|left, right| self.order((&left.key, left.id), (&right.key, right.id)));
        hits.truncate(self.needed());
        self.hits = hits;
    }

    /// The order of results by key and id: missing keys last when ascending and first when descending, ties by id.
    fn order(&self, left: (&Option<Vec<u8>>, &str), right: (&Option<Vec<u8>>, &str)) -> Ordering {
        let ascending = (left.0.is_none(), left.0).cmp(&(right.0.is_none(), right.0));
        let is_descending = self.query.sort.as_ref().is_some_and(|sort| sort.order == SortOrder::Descending);
        let by_key = if is_descending { ascending.reverse() } else { ascending };
        by_key.then_with(|| left.1.cmp(right.1))
    }

    fn page(mut self) -> Page {
        self.keep_first();
        let mut rest = self.hits.into_iter().skip(as_usize(self.query.offset)).peekable();
        let page: Vec<_> = rest.by_ref().take(as_usize(self.query.count)).collect();
        let last = page.last().filter(|_| rest.peek().is_some());
        let next = last.map(|hit| Position::new(hit.key.clone(), hit.id.to_owned()));
        let stored = page.into_iter().map(|hit| hit.entry.stored(hit.id, self.query.selection)).collect();
        Page { total: self.total, resources: stored, next }
    }
}

fn as_usize(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
