//! Writing references: a manager or a member is written once both ends are linked.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt};
use scimkit_mapping::{AppRole, DesiredReference};
use scimkit_store::{Batch, Table};
use scimkit_types::{ComplexValue, OperationKind, PatchOperation, Resource, Value};
use serde::de::IgnoredAny;

use crate::apply::apply;
use crate::decide::Setting;
use crate::error::Result;
use crate::event::{Phase, PropertyChange};
use crate::records::{Action, PlannedAction};
use crate::reference_rows::{Other, ReferenceEdit, clear_gone};
use crate::reference_work::ReferenceWork;
use crate::run::Run;
use crate::state::{Work, forgotten_key, forgotten_prefix, preview_key, referrer, referrers_prefix};
use crate::together;

/// How many references are held in memory, about, before what was gathered for one request is sent.
const MOST_HELD: usize = 10_000;

/// Writes the references of every object that is marked for it.
pub(crate) async fn write_references(run: &Run<'_>, app_roles: &[AppRole]) -> Result<()> {
    clear_gone(run).await?;
    mark_referrers(run).await?;
    let (mut done, mut total) = (0, 0);
    for mapping in &run.job.mappings {
        total += run.state.count(Table::Pending, &Work::References.prefix(mapping.object_type())).await?;
    }
    run.progress(Phase::References, 0, Some(total));
    let size = together::size(&run.job.profile);
    let stop = AtomicBool::new(false);
    for mapping in &run.job.mappings {
        let setting = run.setting(mapping, app_roles);
        let prefix = Work::References.prefix(mapping.object_type());
        let mut walk = run.state.walk::<IgnoredAny>(Table::Pending, prefix.as_str());
        while let Some(mut ids) = walk.next_ids().await? {
            let mut written: Vec<BoxFuture<'_, Result<u64>>> = Vec::new();
            while !ids.is_empty() {
                let some = ids.drain(..size.min(ids.len())).collect();
                // Boxed, so that the compiler can tell that a cycle may move between threads.
                written.push(write_some(run, &setting, some, &stop).boxed());
            }
            let mut results = stream::iter(written).buffer_unordered(run.job.concurrency.max(1));
            let mut first_error = None;
            while let Some(result) = results.next().await {
                match result {
                    Ok(count) => {
                        done += count;
                        run.progress(Phase::References, done, Some(total));
                    }
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        first_error.get_or_insert(error);
                    }
                }
            }
            if let Some(error) = first_error {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Marks the objects that refer to one that lost its link: what they refer to is written anew, now or once there is a link again.
async fn mark_referrers(run: &Run<'_>) -> Result<()> {
    let prefix = forgotten_prefix();
    let mut walk = run.state.walk::<IgnoredAny>(Table::Waiting, prefix.as_str());
    while let Some(ids) = walk.next_ids().await? {
        for id in &ids {
            mark_referrers_of(run, id).await?;
        }
        let mut batch = Batch::new();
        for id in &ids {
            batch.delete(Table::Waiting, forgotten_key(id));
        }
        run.state.commit(batch).await?;
    }
    Ok(())
}

async fn mark_referrers_of(run: &Run<'_>, id: &str) -> Result<()> {
    let other = Other::Source(id.to_owned());
    let prefix = referrers_prefix(id);
    let mut walk = run.state.walk::<IgnoredAny>(Table::Referrer, prefix.as_str());
    while let Some(keys) = walk.next_ids().await? {
        let mut batch = Batch::new();
        for (object_type, id) in keys.iter().filter_map(|key| referrer(key)) {
            if run.job.mapping(object_type).is_some_and(|(_, mapping)| !mapping.reference_attributes().is_empty()) {
                run.touch(&mut batch, object_type, id, &other);
            }
        }
        run.state.commit(batch).await?;
    }
    Ok(())
}

/// Writes the references of some objects, by one request if that can be and is cheaper; returns how many objects they were.
async fn write_some(run: &Run<'_>, setting: &Setting<'_>, ids: Vec<String>, stop: &AtomicBool) -> Result<u64> {
    let count = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let (mut actions, mut held) = (Vec::new(), 0);
    for id in &ids {
        if stop.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let Some(mut work) = ReferenceWork::open(run, setting, id).await? else { continue };
        let Some(planned) = work.next().await? else { continue };
        if planned.action.is_part() {
            write_parts(run, work, planned, stop).await?;
            continue;
        }
        held += planned.action.edits();
        actions.push((preview_key(&planned.object_type, id), planned));
        if held > MOST_HELD {
            held = 0;
            together::apply_some(run, std::mem::take(&mut actions)).await?;
        }
    }
    together::apply_some(run, actions).await.map(|()| count)
}

/// Writes the references of one object by as many actions as there need to be, until one is not done.
async fn write_parts(run: &Run<'_>, mut work: ReferenceWork<'_>, mut planned: PlannedAction, stop: &AtomicBool) -> Result<()> {
    loop {
        let is_part = planned.action.is_part();
        let is_done = apply(run, &preview_key(&planned.object_type, &planned.source_id), planned).await?;
        if !is_part || !is_done || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        match work.next().await? {
            Some(next) => planned = next,
            None => return Ok(()),
        }
    }
}

/// Writes the references of one object.
pub(crate) async fn write_one(run: &Run<'_>, setting: &Setting<'_>, id: &str) -> Result<()> {
    let Some(mut work) = ReferenceWork::open(run, setting, id).await? else { return Ok(()) };
    match work.next().await? {
        Some(planned) => write_parts(run, work, planned, &AtomicBool::new(false)).await,
        None => Ok(()),
    }
}

/// The ids that a resource has at the path of a reference, in order.
pub(crate) fn ids_at(resource: &Resource, path: &str) -> Vec<String> {
    let value = match path.rsplit_once(':') {
        Some((uri, name)) => resource.extension(uri).and_then(|extension| extension.get(name)),
        None => resource.get(path),
    };
    let elements = value.map(Value::elements).unwrap_or_default();
    let ids = elements.iter().filter_map(|element| match element {
        Value::Complex(element) => element.get("value").and_then(Value::as_str),
        other => other.as_str(),
    });
    let mut ids: Vec<String> = ids.map(str::to_owned).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// What is to stand after as much has flowed as the mapping's flow type lets.
pub(crate) fn flowing(reference: &DesiredReference, before: &[String], desired: &[String]) -> Vec<String> {
    let mut after = reference.flow_type.merge(before, desired, reference.is_multi_valued, |left, right| left == right);
    if let Some(ids) = &mut after {
        ids.sort_unstable();
    }
    after.unwrap_or_else(|| before.to_vec())
}

impl Action {
    /// Whether more of the same object follows.
    pub(crate) const fn is_part(&self) -> bool {
        matches!(self, Self::References { is_part: true, .. })
    }

    /// How many references of lists are added and removed.
    fn edits(&self) -> usize {
        match self {
            Self::References { lists, .. } => lists.values().map(Vec::len).sum(),
            _ => 0,
        }
    }
}

/// The operations that write a reference that has no list.
pub(crate) fn one_operation(path: &str, after: &[String]) -> PatchOperation {
    match after.first() {
        Some(id) => PatchOperation::new(OperationKind::Replace, Some(path.to_owned()), Some(member(id))),
        None => PatchOperation::new(OperationKind::Remove, Some(path.to_owned()), None),
    }
}

/// The operations that add to a list and remove from it, also if some of it is done or there is nothing to be done.
pub(crate) fn list_operations(path: &str, edits: &[ReferenceEdit]) -> Vec<PatchOperation> {
    let mut operations: Vec<PatchOperation> = targets(edits, true)
        .into_iter()
        .map(|id| {
            let value = scimkit_filter::Filter::equal(value_path(), id);
            PatchOperation::new(OperationKind::Remove, Some(format!("{path}[{value}]")), None)
        })
        .collect();
    let added: Vec<Value> = targets(edits, false).into_iter().map(member).collect();
    if !added.is_empty() {
        operations.push(PatchOperation::new(OperationKind::Add, Some(path.to_owned()), Some(Value::List(added))));
    }
    operations
}

/// The target ids that are added or removed, in order.
fn targets(edits: &[ReferenceEdit], are_removed: bool) -> Vec<&str> {
    let mut targets: Vec<&str> = edits.iter().filter(|edit| edit.is_removed == are_removed).map(|edit| edit.target.as_str()).collect();
    targets.sort_unstable();
    targets.dedup();
    targets
}

fn value_path() -> scimkit_filter::AttributePath {
    #[expect(clippy::expect_used, reason = "`value` is an attribute name")]
    let name = "value".parse().expect("an attribute name");
    scimkit_filter::AttributePath::new(name)
}

fn member(id: &str) -> Value {
    Value::Complex([("value", id)].into_iter().collect::<ComplexValue>())
}

/// The change of a list, for people: what is removed, and what is added.
pub(crate) fn edits_change(path: &str, edits: &[ReferenceEdit]) -> PropertyChange {
    let list = |are_removed| Value::List(targets(edits, are_removed).into_iter().map(Value::from).collect());
    PropertyChange::new(path.to_owned(), list(true), list(false))
}

pub(crate) fn reference_change(path: &str, before: &[String], after: &[String]) -> PropertyChange {
    let list = |ids: &[String]| Value::List(ids.iter().map(|id| Value::from(id.as_str())).collect());
    PropertyChange::new(path.to_owned(), list(before), list(after))
}
