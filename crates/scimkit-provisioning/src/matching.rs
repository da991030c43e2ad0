//! Choosing how the target is asked which of the unlinked objects it has: by listing it once, by filters that name several of them, or by a
//! query for each, whichever reads least.

use std::collections::BTreeMap;

use scimkit_filter::{AttributePath, Filter};
use scimkit_mapping::MappingSet;
use scimkit_store::{Batch, Table};
use scimkit_types::{Resource, Value};
use serde::de::IgnoredAny;

use crate::decide::Setting;
use crate::error::Result;
use crate::event::Phase;
use crate::job::MatchingPolicy;
use crate::listing::{Pages, Unlistable};
use crate::lookup::{Lookup, Together};
use crate::report::{MatchingChoice, MatchingDecision};
use crate::run::Run;
use crate::state::{Work, object_key, put};

/// How many resources with one matching value are kept of a list; one is right, and more cannot be told apart.
const MOST_ALIKE: usize = 16;

/// How many resources of a list are read before they are kept.
const KEPT_AT_ONCE: usize = 1000;

/// Chooses how to look up, and reads the listing if that is the choice.
pub(crate) async fn prepare(run: &Run<'_>, setting: &Setting<'_>) -> Result<Lookup> {
    let objects = count_unlinked(run, setting.mapping.object_type()).await?;
    if objects == 0 {
        return Ok(Lookup::Queries);
    }
    let together = Together::of(&run.job.profile);
    let filter_reads = together.as_ref().map(|together| objects.div_ceil(together.most()));
    let mut decision = MatchingDecision { choice: MatchingChoice::Queries, objects, listing_reads: None, filter_reads, unlistable: None };
    let fewest = filter_reads.unwrap_or(objects);
    // One page tells how many there are. It is worth its read as soon as the other ways need two.
    let may_list = match run.job.matching {
        MatchingPolicy::Automatic => fewest > 1,
        MatchingPolicy::Listing => true,
        MatchingPolicy::Filters | MatchingPolicy::Queries => false,
    };
    if may_list {
        let mut pages = Pages::new(run, setting.mapping.resource_type());
        match list(run, setting, &mut pages, fewest).await? {
            Ok(is_kept) => {
                decision.listing_reads = Some(if is_kept { pages.count() } else { pages.expected() });
                if is_kept {
                    decision.choice = MatchingChoice::Listing;
                }
            }
            Err(Unlistable(why)) => {
                decision.listing_reads = Some(pages.count());
                decision.unlistable = Some(why);
                let mut batch = Batch::new();
                batch.clear(Table::Listing, object_key(setting.mapping.object_type(), ""));
                run.state.commit(batch).await?;
            }
        }
    }
    let is_open = decision.choice == MatchingChoice::Queries && objects > 1 && run.job.matching != MatchingPolicy::Queries;
    let lookup = match (decision.choice, together) {
        (MatchingChoice::Listing, _) => Lookup::Listing,
        (_, Some(together)) if is_open => {
            decision.choice = MatchingChoice::Filters;
            Lookup::Together(together)
        }
        _ => Lookup::Queries,
    };
    run.count(|report| {
        report.matching.insert(setting.mapping.object_type().to_owned(), decision);
    });
    Ok(lookup)
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

/// Reads a list if it takes no more reads than the fewest of the other ways, but for the first page, or if the job says so, and keeps it in
/// the state by matching value. Tells whether it is kept.
async fn list(run: &Run<'_>, setting: &Setting<'_>, pages: &mut Pages<'_>, fewest: u64) -> Result<Result<bool, Unlistable>> {
    let mut read: Vec<Resource> = match pages.next().await? {
        Ok(first) => first.unwrap_or_default(),
        Err(unlistable) => return Ok(Err(unlistable)),
    };
    // The first page has been read already.
    if pages.expected() > fewest.saturating_add(1) && run.job.matching != MatchingPolicy::Listing {
        return Ok(Ok(false));
    }
    loop {
        // Several pages are kept at once, since what they are found by lies all over an index.
        if read.len() >= KEPT_AT_ONCE || pages.is_at_end() {
            keep_listed(run, setting, &std::mem::take(&mut read)).await?;
        }
        run.progress(Phase::Matching, pages.seen(), Some(pages.total()));
        match pages.next().await? {
            Ok(Some(mut resources)) => read.append(&mut resources),
            Ok(None) => return Ok(Ok(true)),
            Err(unlistable) => return Ok(Err(unlistable)),
        }
    }
}

/// Keeps a page of a list: under each matching value the resources that have it.
async fn keep_listed(run: &Run<'_>, setting: &Setting<'_>, resources: &[Resource]) -> Result<()> {
    let mut by_key: BTreeMap<String, Vec<&Resource>> = BTreeMap::new();
    for resource in resources.iter().filter(|resource| usable_id(resource).is_some()) {
        for (index, attribute) in setting.mapping.matching().iter().enumerate() {
            for value in texts_at(resource, &attribute.filter_path) {
                let key = object_key(setting.mapping.object_type(), &setting.matching_key(index, value));
                by_key.entry(key).or_default().push(resource);
            }
        }
    }
    let keys: Vec<String> = by_key.keys().cloned().collect();
    let known = run.state.get_many::<Vec<Resource>>(Table::Listing, &keys).await?;
    let mut batch = Batch::new().deferred();
    for ((key, resources), known) in by_key.into_iter().zip(known) {
        let mut alike = known.unwrap_or_default();
        for resource in resources {
            if alike.len() < MOST_ALIKE && alike.iter().all(|known| known.id() != resource.id()) {
                alike.push(resource.clone());
            }
        }
        put(&mut batch, Table::Listing, key, &alike)?;
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

/// The resources of the listing that have each of some matching values.
pub(crate) async fn listed(run: &Run<'_>, setting: &Setting<'_>, index: usize, values: &[&str]) -> Result<Vec<Vec<Resource>>> {
    let key = |value: &&str| object_key(setting.mapping.object_type(), &setting.matching_key(index, value));
    let listed = run.state.get_many::<Vec<Resource>>(Table::Listing, &values.iter().map(key).collect::<Vec<_>>()).await?;
    Ok(listed.into_iter().map(Option::unwrap_or_default).collect())
}

/// Asks the target for the resources with a matching value.
pub(crate) async fn query(run: &Run<'_>, mapping: &MappingSet, index: usize, value: &str) -> Result<Vec<Resource>> {
    let Some(attribute) = mapping.matching().get(index) else { return Ok(Vec::new()) };
    find(run, mapping, &Filter::equal(attribute.filter_path.clone(), value)).await
}

/// Asks the target for the resources that meet a filter.
pub(crate) async fn find(run: &Run<'_>, mapping: &MappingSet, filter: &Filter) -> Result<Vec<Resource>> {
    Ok(run.call(|not_after| run.target.find(mapping.resource_type(), filter, not_after)).await??)
}
