//! Asking the target which of the unlinked objects it has: by listing it once, or by a query for each object, whichever reads less.

use std::collections::HashMap;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scimkit_filter::{AttributePath, Filter};
use scimkit_mapping::{Desired, MappingSet};
use scimkit_store::{Batch, Table};
use scimkit_types::{Resource, Value};
use serde::de::IgnoredAny;

use crate::code::ErrorCode;
use crate::decide::{Reason, Setting};
use crate::error::{CycleError, Result};
use crate::event::Phase;
use crate::report::MatchingChoice;
use crate::run::Run;
use crate::state::{CHUNK, Work, listing_key, listing_prefix, object_key, put};

/// How many times the pages that are expected of a list are read at most.
const MOST_PAGES_FACTOR: u64 = 10;

/// How the unlinked objects of one type are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// In the listing that the state holds.
    Listing,
    /// By asking the target.
    Queries,
}

/// Chooses how to look up, and reads the listing if that is the choice.
pub(crate) async fn prepare(run: &Run<'_>, setting: &Setting<'_>) -> Result<Lookup> {
    let unlinked = count_unlinked(run, setting.mapping.object_type()).await?;
    if unlinked == 0 {
        return Ok(Lookup::Queries);
    }
    // One page tells how many there are. It is worth its read as soon as there are two objects to look up.
    if unlinked > 1 {
        let page = run.call(|not_after| run.target.list(setting.mapping.resource_type(), 1, not_after)).await??;
        let size = u64::try_from(page.resources.len()).unwrap_or(u64::MAX);
        let pages = if size == 0 { 1 } else { page.total.div_ceil(size) };
        if pages <= unlinked.saturating_add(1) {
            let pages = read_listing(run, setting, page.total, page.resources).await?;
            chosen(run, setting, MatchingChoice::Listing { pages });
            return Ok(Lookup::Listing);
        }
    }
    chosen(run, setting, MatchingChoice::Queries { objects: unlinked });
    Ok(Lookup::Queries)
}

fn chosen(run: &Run<'_>, setting: &Setting<'_>, choice: MatchingChoice) {
    run.count(|report| {
        report.matching.insert(setting.mapping.object_type().to_owned(), choice);
    });
}

/// How many pending objects of a type may have to be looked up: those that are entitled and have no link.
async fn count_unlinked(run: &Run<'_>, object_type: &str) -> Result<u64> {
    let prefix = Work::Object.prefix(object_type);
    let mut unlinked = 0;
    let mut walk = run.state.walk::<IgnoredAny>(Table::Pending, prefix.as_str());
    while let Some(ids) = walk.next_ids().await? {
        let keys: Vec<String> = ids.iter().map(|id| object_key(object_type, id)).collect();
        let links = run.state.get_many::<IgnoredAny>(Table::Link, &keys).await?;
        let entitled = match run.job.scope {
            crate::job::Scope::Assigned => run.state.get_many::<IgnoredAny>(Table::Assignment, &keys).await?,
            crate::job::Scope::All => keys.iter().map(|_| Some(IgnoredAny)).collect(),
        };
        let is_open = links.iter().zip(&entitled).filter(|(link, entitled)| link.is_none() && entitled.is_some()).count();
        unlinked += u64::try_from(is_open).unwrap_or(u64::MAX);
    }
    Ok(unlinked)
}

/// Reads the target's list to its end, following what the target really returns, and keeps it in the state by matching value.
async fn read_listing(run: &Run<'_>, setting: &Setting<'_>, mut total: u64, first: Vec<Resource>) -> Result<u64> {
    let mut resources = first;
    let mut pages = 1;
    // A list may grow while it is read, but not without end; and a service may put less on a page than on the first.
    let expected = total.div_ceil(u64::try_from(resources.len()).unwrap_or(u64::MAX).max(1));
    let most_pages = expected.saturating_mul(MOST_PAGES_FACTOR).saturating_add(MOST_PAGES_FACTOR);
    let mut seen: u64 = 0;
    loop {
        seen += u64::try_from(resources.len()).unwrap_or(u64::MAX);
        keep_listed(run, setting, &resources).await?;
        run.progress(Phase::Matching, seen, Some(total));
        if seen >= total {
            return Ok(pages);
        }
        let first = resources.first().and_then(usable_id);
        if pages >= most_pages {
            return Err(CycleError::IncompleteList(format!("it does not end after {pages} pages, and grows while it is read")));
        }
        let page = run.call(|not_after| run.target.list(setting.mapping.resource_type(), seen + 1, not_after)).await??;
        if page.resources.is_empty() {
            return Err(CycleError::IncompleteList(format!("it counts {} resources and shows {seen}", page.total)));
        }
        if first.is_some() && first == page.resources.first().and_then(usable_id) {
            return Err(CycleError::IncompleteList(format!("the page from {} on is the one before", seen + 1)));
        }
        pages += 1;
        total = page.total;
        resources = page.resources;
    }
}

async fn keep_listed(run: &Run<'_>, setting: &Setting<'_>, resources: &[Resource]) -> Result<()> {
    let mut batch = Batch::new();
    for resource in resources {
        let Some(id) = usable_id(resource) else { continue };
        for (index, attribute) in setting.mapping.matching().iter().enumerate() {
            for value in texts_at(resource, &attribute.filter_path) {
                let key = listing_key(setting.mapping.object_type(), &setting.matching_key(index, value), id);
                put(&mut batch, Table::Listing, key, resource)?;
            }
        }
        if batch.steps.len() >= CHUNK {
            run.state.commit(std::mem::take(&mut batch)).await?;
        }
    }
    run.state.commit(batch).await
}

/// The id of a resource, unless it has none or one that can be neither kept nor addressed.
pub(crate) fn usable_id(resource: &Resource) -> Option<&str> {
    resource.id().filter(|id| !id.is_empty() && !id.contains('\0'))
}

/// The texts that a resource has at a path.
pub(crate) fn texts_at<'a>(resource: &'a Resource, path: &AttributePath) -> Vec<&'a str> {
    let members = match &path.schema {
        Some(uri) => resource.extension(uri.as_str()).unwrap_or_else(|| resource.as_complex()),
        None => resource.as_complex(),
    };
    let values = members.get(path.attribute.as_str()).map(Value::elements).unwrap_or_default();
    let texts = values.iter().filter_map(|value| match (&path.sub_attribute, value) {
        (Some(sub), Value::Complex(value)) => value.get(sub.as_str()).and_then(Value::as_str),
        (None, Value::Complex(value)) => value.get("value").and_then(Value::as_str),
        (_, value) => value.as_str(),
    });
    texts.collect()
}

/// What the target has for one object: the resources with its first matching value that any has, and which matching attribute it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub resources: Vec<Resource>,
    pub index: Option<usize>,
    /// Why the target could not be asked for this object, such as a value that its filters do not take.
    pub failure: Option<Reason>,
}

/// Looks several objects up, by their ids.
pub(crate) async fn look_up(
    run: &Run<'_>,
    setting: &Setting<'_>,
    lookup: Lookup,
    unmatched: &[(String, &Desired)],
) -> Result<HashMap<String, Found>> {
    // Boxed, so that the compiler can tell that a cycle may move between threads.
    let each: Vec<BoxFuture<'_, Result<(String, Found)>>> =
        unmatched.iter().map(|(id, unmatched)| look_up_one(run, setting, lookup, id, unmatched).boxed()).collect();
    stream::iter(each).buffer_unordered(run.job.concurrency.max(1)).try_collect().await
}

async fn look_up_one(run: &Run<'_>, setting: &Setting<'_>, lookup: Lookup, id: &str, unmatched: &Desired) -> Result<(String, Found)> {
    for (index, value) in &unmatched.matching {
        let resources = match lookup {
            Lookup::Listing => listed(run, setting, *index, value).await,
            Lookup::Queries => query(run, setting.mapping, *index, value).await,
        };
        match resources {
            Ok(resources) if resources.is_empty() => {}
            Ok(resources) => return Ok((id.to_owned(), Found { resources, index: Some(*index), failure: None })),
            Err(CycleError::Target(error)) if !error.ends_cycle() => {
                let reason = Reason::new(ErrorCode::Rejected, format!("the service cannot be asked for the object: {error}"));
                return Ok((id.to_owned(), Found { failure: Some(reason), ..Found::default() }));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((id.to_owned(), Found::default()))
}

async fn listed(run: &Run<'_>, setting: &Setting<'_>, index: usize, value: &str) -> Result<Vec<Resource>> {
    let prefix = listing_prefix(setting.mapping.object_type(), &setting.matching_key(index, value));
    let rows = run.state.walk::<Resource>(Table::Listing, prefix).next().await?;
    Ok(rows.unwrap_or_default().into_iter().map(|(_, resource)| resource).collect())
}

/// Asks the target for the resources with a matching value.
async fn query(run: &Run<'_>, mapping: &MappingSet, index: usize, value: &str) -> Result<Vec<Resource>> {
    let Some(attribute) = mapping.matching().get(index) else { return Ok(Vec::new()) };
    find(run, mapping, &Filter::equal(attribute.filter_path.clone(), value)).await
}

/// Asks the target for the resources that meet a filter.
pub(crate) async fn find(run: &Run<'_>, mapping: &MappingSet, filter: &Filter) -> Result<Vec<Resource>> {
    Ok(run.call(|not_after| run.target.find(mapping.resource_type(), filter, not_after)).await??)
}
