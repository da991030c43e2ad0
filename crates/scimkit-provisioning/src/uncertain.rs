//! What a service may have done though it did not say so, and finding it out before the next change.
//!
//! INVARIANT (no lost change): what was last written is compared with what is to be written, so it must never be taken for written, nor
//! for not written, when nobody knows. An intent therefore ends by a success, which replaces what was last written, or leaves its
//! [doubt](Link::doubt) on the link; what is in doubt is read, or written whatever was written before.

use std::collections::{BTreeSet, HashMap};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scimkit_store::{Batch, Table};
use scimkit_types::Resource;

use crate::code::ErrorCode;
use crate::decide::{Reason, Setting};
use crate::differences::differences;
use crate::error::Result;
use crate::job::WhenGone;
use crate::matching::texts_at;
use crate::plan::{lose, wake};
use crate::records::{Action, Link};
use crate::run::Run;
use crate::state::{object_key, put};
use crate::target::TargetErrorKind;

impl Link {
    /// The link after an action that was begun and not answered with a success: it may have been done, as a whole or in part.
    pub(crate) fn doubt(&self, action: &Action) -> Self {
        let mut link = self.clone();
        match action {
            // Members may be very many, and some services never show them; so it is kept of each, in a row of its own, whether it is in
            // doubt.
            Action::References { references, .. } => {
                for (path, tried) in references {
                    link.doubt_references(path, tried);
                }
            }
            Action::Create { .. } | Action::Update { .. } | Action::Delete { .. } => link.is_uncertain = true,
        }
        link
    }

    /// Notes that these may stand in the target, or what was last written, or a part of both.
    pub(crate) fn doubt_references(&mut self, path: &str, others: &[String]) {
        let others: BTreeSet<&String> = others.iter().collect();
        let written: BTreeSet<&String> = self.references.get(path).into_iter().flatten().collect();
        let differing: Vec<String> = others.symmetric_difference(&written).map(|id| (*id).clone()).collect();
        self.doubtful.entry(path.to_owned()).or_default().extend(differing);
    }
}

/// What the target has for an object whose last change is in doubt.
#[derive(Debug)]
enum Present {
    Here(Box<Resource>),
    Gone,
    /// It could not be read.
    Unknown(Reason),
}

/// What came of reading resources whose last change was in doubt.
#[derive(Debug, Default)]
pub(crate) struct FoundOut {
    /// Why it is not known, by the id of the object; nothing can be decided on those.
    pub failures: HashMap<String, Reason>,
    /// The objects that were marked since a matching value that they wait for turned out to be free.
    pub woken: Vec<String>,
}

/// Reads the resources of objects whose last change is in doubt, and takes what they have as what was last written; an object whose
/// resource is gone has no link any more.
pub(crate) async fn find_out(run: &Run<'_>, setting: &Setting<'_>, mut linked: Vec<(&str, &mut Option<Link>)>) -> Result<FoundOut> {
    let mut found_out = FoundOut::default();
    linked.retain(|(_, link)| link.as_ref().is_some_and(|link| link.is_uncertain));
    // Boxed, so that the compiler can tell that a cycle may move between threads.
    let target_ids = linked.iter().flat_map(|(_, link)| link.as_ref()).map(|link| link.target_id.clone());
    let reads: Vec<BoxFuture<'_, Result<(usize, Present)>>> =
        target_ids.enumerate().map(|(index, target_id)| read(run, setting, index, target_id).boxed()).collect();
    let mut found: HashMap<usize, Present> = stream::iter(reads).buffer_unordered(run.job.concurrency.max(1)).try_collect().await?;
    let mut batch = Batch::new();
    for (index, (id, linked)) in linked.into_iter().enumerate() {
        let (Some(present), Some(link)) = (found.remove(&index), linked.as_mut()) else { continue };
        match present {
            Present::Here(resource) => {
                link.exported = differences(setting, &link.exported, &resource).1;
                link.is_uncertain = false;
                found_out.woken.extend(take_matching_key(run, setting, &mut batch, id, link).await?);
                put(&mut batch, Table::Link, object_key(setting.mapping.object_type(), id), link)?;
            }
            // The change that is to be made finds it gone again, and fails.
            Present::Gone if run.job.when_gone == WhenGone::Fail => {}
            Present::Gone => {
                found_out.woken.extend(lose(run, &mut batch, setting.mapping.object_type(), id, Some(link)).await?);
                *linked = None;
            }
            Present::Unknown(reason) => drop(found_out.failures.insert(id.to_owned(), reason)),
        }
    }
    run.state.commit(batch).await?;
    Ok(found_out)
}

async fn read(run: &Run<'_>, setting: &Setting<'_>, index: usize, target_id: String) -> Result<(usize, Present)> {
    let resource_type = setting.mapping.resource_type();
    let present = match run.call(|not_after| run.target.get(resource_type, &target_id, not_after)).await? {
        Ok(resource) => Present::Here(Box::new(resource)),
        Err(error) if error.ends_cycle() => return Err(error.into()),
        Err(error) if error.kind == TargetErrorKind::Gone => Present::Gone,
        Err(error) => {
            let text = format!("the last change may have been done, and the service cannot be asked whether it was: {error}");
            Present::Unknown(Reason::new(ErrorCode::of(&error), text))
        }
    };
    Ok((index, present))
}

/// Takes the matching value that a resource has for the one that its object is found by, unless another object is found by it. Returns the
/// objects that were marked since they wait for the one before.
async fn take_matching_key(run: &Run<'_>, setting: &Setting<'_>, batch: &mut Batch, id: &str, link: &mut Link) -> Result<Vec<String>> {
    let values = setting.mapping.matching().iter().enumerate();
    let key = values
        .filter_map(|(index, attribute)| Some(setting.matching_key(index, texts_at(&link.exported, &attribute.filter_path).first()?)))
        .next();
    let Some(key) = key.filter(|key| link.matching_key.as_ref() != Some(key)) else { return Ok(Vec::new()) };
    let object_type = setting.mapping.object_type();
    let holder: Option<String> = run.state.get(Table::LinkByMatch, &object_key(object_type, &key)).await?;
    if holder.is_some_and(|holder| holder != id) {
        return Ok(Vec::new());
    }
    put(batch, Table::LinkByMatch, object_key(object_type, &key), &id)?;
    match link.matching_key.replace(key) {
        Some(before) => {
            batch.delete(Table::LinkByMatch, object_key(object_type, &before));
            wake(run, batch, object_type, &before).await
        }
        None => Ok(Vec::new()),
    }
}
