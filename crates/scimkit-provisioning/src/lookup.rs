//! Looking objects up in the target, by what was chosen.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scimkit_filter::Filter;
use scimkit_mapping::Desired;
use scimkit_types::{Profile, Resource};

use crate::code::ErrorCode;
use crate::decide::{Reason, Setting};
use crate::error::{CycleError, Result};
use crate::matching::{find, listed, query, texts_at};
use crate::run::Run;

/// How the unlinked objects of one type are looked up.
#[derive(Debug)]
pub(crate) enum Lookup {
    /// In the listing that the state holds.
    Listing,
    /// By asking the target for several at once.
    Together(Together),
    /// By asking the target for each.
    Queries,
}

/// The most objects that one filter names.
const MOST_TERMS: u64 = 32;

/// The most bytes of a filter in an address: common servers take 2,048 bytes of query.
const MOST_ENCODED: usize = 1_800;

/// The most bytes of a filter if the profile does not say.
const MOST_BYTES: u64 = 8_192;

/// After so many refusals each object is asked for alone.
const MOST_REFUSALS: u32 = 3;

/// What a filter that names several objects may hold.
#[derive(Debug)]
pub(crate) struct Together {
    terms: usize,
    bytes: usize,
    /// An answer with so many resources may be the first page of more.
    page: usize,
    refusals: AtomicU32,
}

impl Together {
    /// What a service takes; `None` if it takes no such filters.
    pub(crate) fn of(profile: &Profile) -> Option<Self> {
        let page = profile.paging.default_count.min(profile.paging.max_count);
        // Half of a page, as a value may stand at several resources.
        let most = MOST_TERMS.min(page / 2).min(profile.limits.max_results.unwrap_or(u64::MAX));
        let terms = most.min(profile.limits.max_filter_terms.unwrap_or(u64::MAX));
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let bytes = size(profile.limits.max_filter_length.unwrap_or(MOST_BYTES));
        (terms > 1 && profile.features.filter).then(|| Self { terms: size(terms), bytes, page: size(page), refusals: AtomicU32::new(0) })
    }

    /// How many objects one filter names at most.
    pub(crate) fn most(&self) -> u64 {
        u64::try_from(self.terms).unwrap_or(u64::MAX)
    }

    fn is_given_up(&self) -> bool {
        self.refusals.load(Ordering::Relaxed) >= MOST_REFUSALS
    }
}

/// What the target has for one object: the resources with its first matching value that any has, and which matching attribute it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub resources: Vec<Resource>,
    pub index: Option<usize>,
    /// Why the target could not be asked for this object, such as a value that its filters do not take.
    pub failure: Option<Reason>,
}

impl Found {
    fn is_decided(&self) -> bool {
        self.failure.is_some() || !self.resources.is_empty()
    }
}

/// What the target has for some objects.
type Answer = Vec<(String, Found)>;

/// One object, and what it is looked up by.
type Wanted<'a> = (&'a str, &'a str);

/// Looks several objects up, by their ids.
pub(crate) async fn look_up(
    run: &Run<'_>,
    setting: &Setting<'_>,
    lookup: &Lookup,
    unmatched: &[(String, &Desired)],
) -> Result<HashMap<String, Found>> {
    let mut found: HashMap<String, Found> = HashMap::new();
    let mut open: Vec<(&str, &Desired)> = unmatched.iter().map(|(id, desired)| (id.as_str(), *desired)).collect();
    // The values of an object are tried in order, until somebody has one.
    for place in 0.. {
        let mut wanted: BTreeMap<usize, Vec<Wanted<'_>>> = BTreeMap::new();
        for (id, desired) in &open {
            if let Some((index, value)) = desired.matching.get(place) {
                wanted.entry(*index).or_default().push((id, value));
            }
        }
        if wanted.is_empty() {
            break;
        }
        // Boxed, so that the compiler can tell that a cycle may move between threads.
        let mut asked: Vec<BoxFuture<'_, Result<Answer>>> = Vec::new();
        for (index, wanted) in &wanted {
            for chunk in chunks(setting, lookup, *index, wanted) {
                asked.push(ask(run, setting, lookup, *index, chunk).boxed());
            }
        }
        let answers: Vec<Answer> = stream::iter(asked).buffer_unordered(run.job.concurrency.max(1)).try_collect().await?;
        found.extend(answers.into_iter().flatten());
        open.retain(|(id, _)| !found.get(*id).is_some_and(Found::is_decided));
    }
    Ok(found)
}

/// The objects that are asked for at once.
fn chunks<'a, 'b>(setting: &Setting<'_>, lookup: &Lookup, index: usize, wanted: &'b [Wanted<'a>]) -> Vec<&'b [Wanted<'a>]> {
    let together = match lookup {
        Lookup::Listing => return vec![wanted],
        Lookup::Queries => return wanted.chunks(1).collect(),
        Lookup::Together(together) => together,
    };
    let mut chunks = Vec::new();
    let (mut rest, mut count, mut bytes, mut encoded) = (wanted, 0, 0, 0);
    for (_, value) in wanted {
        let term = term(setting, index, value).map(|term| format!("{term} or ")).unwrap_or_default();
        let in_address: usize = term.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 }).sum();
        let is_full = count >= together.terms || bytes + term.len() > together.bytes || encoded + in_address > MOST_ENCODED;
        if is_full && count > 0 {
            let (chunk, others) = rest.split_at(count);
            chunks.push(chunk);
            (rest, count, bytes, encoded) = (others, 0, 0, 0);
        }
        (count, bytes, encoded) = (count + 1, bytes + term.len(), encoded + in_address);
    }
    if !rest.is_empty() {
        chunks.push(rest);
    }
    chunks
}

fn term(setting: &Setting<'_>, index: usize, value: &str) -> Option<Filter> {
    let attribute = setting.mapping.matching().get(index)?;
    Some(Filter::equal(attribute.filter_path.clone(), value))
}

async fn ask(run: &Run<'_>, setting: &Setting<'_>, lookup: &Lookup, index: usize, wanted: &[Wanted<'_>]) -> Result<Answer> {
    if let Lookup::Listing = lookup {
        let values: Vec<&str> = wanted.iter().map(|(_, value)| *value).collect();
        let listed = listed(run, setting, index, &values).await?;
        let found = wanted
            .iter()
            .zip(listed)
            .map(|((id, _), resources)| ((*id).to_owned(), Found { resources, index: Some(index), failure: None }));
        return Ok(found.collect());
    }
    if let Lookup::Together(together) = lookup
        && wanted.len() > 1
        && !together.is_given_up()
        && let Some(found) = ask_together(run, setting, together, index, wanted).await?
    {
        return Ok(found);
    }
    let mut found = Vec::with_capacity(wanted.len());
    for (id, value) in wanted {
        found.push(((*id).to_owned(), ask_for_one(run, setting, index, value).await?));
    }
    Ok(found)
}

async fn ask_for_one(run: &Run<'_>, setting: &Setting<'_>, index: usize, value: &str) -> Result<Found> {
    match query(run, setting.mapping, index, value).await {
        Ok(resources) => Ok(Found { resources, index: Some(index), failure: None }),
        Err(CycleError::Target(error)) if !error.ends_cycle() => {
            let reason = Reason::new(ErrorCode::of(&error), format!("the service cannot be asked for the object: {error}"));
            Ok(Found { failure: Some(reason), ..Found::default() })
        }
        Err(error) => Err(error),
    }
}

/// Asks for several objects by one filter; `None` if the answer does not say for each of them what there is, so that each must be asked
/// for alone: the service refuses the filter, shows a full page of what may be more, or something that nobody asked for.
async fn ask_together(
    run: &Run<'_>,
    setting: &Setting<'_>,
    together: &Together,
    index: usize,
    wanted: &[Wanted<'_>],
) -> Result<Option<Answer>> {
    let Some(attribute) = setting.mapping.matching().get(index) else { return Ok(None) };
    let Some(filter) = Filter::or(wanted.iter().filter_map(|(_, value)| term(setting, index, value))) else { return Ok(None) };
    let resources = match find(run, setting.mapping, &filter).await {
        Ok(resources) if resources.len() < together.page => resources,
        Err(CycleError::Target(error)) if error.ends_cycle() => return Err(error.into()),
        Ok(_) | Err(CycleError::Target(_)) => {
            together.refusals.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut by_key: HashMap<String, Vec<Resource>> = HashMap::new();
    let keys: Vec<String> = wanted.iter().map(|(_, value)| setting.matching_key(index, value)).collect();
    for resource in resources {
        let has: HashSet<String> =
            texts_at(&resource, &attribute.filter_path).into_iter().map(|value| setting.matching_key(index, value)).collect();
        let asked: Vec<String> = has.into_iter().filter(|key| keys.contains(key)).collect();
        if asked.is_empty() {
            together.refusals.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        for key in asked {
            by_key.entry(key).or_default().push(resource.clone());
        }
    }
    let found = wanted.iter().zip(keys).map(|((id, _), key)| {
        let resources = by_key.get(&key).cloned().unwrap_or_default();
        ((*id).to_owned(), Found { resources, index: Some(index), failure: None })
    });
    Ok(Some(found.collect()))
}
