//! Writing references: a manager or a member is written once both ends are linked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{self, StreamExt};
use scimkit_mapping::{AppRole, DesiredReference, Operation};
use scimkit_store::{Batch, Table};
use scimkit_types::{ComplexValue, OperationKind, PatchOp, PatchOperation, Resource, Value};
use serde::de::IgnoredAny;

use crate::apply::apply;
use crate::decide::{Known, Setting};
use crate::error::Result;
use crate::event::{EventAction, EventStatus, Phase, PropertyChange};
use crate::records::{Action, Link, PlannedAction, StoredRecord};
use crate::run::{Outcome, Run};
use crate::state::{Work, action_key, forgotten_key, forgotten_prefix, object_key, put, referrer, referrers_prefix, waiting_key};
use crate::together;

/// The layer of references, behind all others.
const REFERENCES: u32 = u32::MAX;

/// How many references are held in memory, about, before what was gathered for one request is sent.
const MOST_HELD: usize = 10_000;

/// Writes the references of every object that is marked for it.
pub(crate) async fn write_references(run: &Run<'_>, app_roles: &[AppRole], mut number: u64) -> Result<()> {
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
        while let Some(ids) = walk.next_ids().await? {
            let first = number;
            number = number.saturating_add(u64::try_from(ids.len()).unwrap_or(u64::MAX));
            let mut numbered: Vec<(u64, String)> = (first..).zip(ids).collect();
            let mut written: Vec<BoxFuture<'_, Result<u64>>> = Vec::new();
            while !numbered.is_empty() {
                let some = numbered.drain(..size.min(numbered.len())).collect();
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
    let prefix = referrers_prefix(id);
    let mut walk = run.state.walk::<IgnoredAny>(Table::Referrer, prefix.as_str());
    while let Some(keys) = walk.next_ids().await? {
        let mut batch = Batch::new();
        for (object_type, id) in keys.iter().filter_map(|key| referrer(key)) {
            if run.job.mapping(object_type).is_some_and(|(_, mapping)| !mapping.reference_attributes().is_empty()) {
                batch.put(Table::Pending, Work::References.key(object_type, id), "null");
            }
        }
        run.state.commit(batch).await?;
    }
    Ok(())
}

/// Writes the references of some objects, by one request if that can be and is cheaper; returns how many objects they were.
async fn write_some(run: &Run<'_>, setting: &Setting<'_>, ids: Vec<(u64, String)>, stop: &AtomicBool) -> Result<u64> {
    let count = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let (mut actions, mut held) = (Vec::new(), 0);
    for (number, id) in ids {
        if stop.load(Ordering::Relaxed) {
            return Ok(0);
        }
        let Some(planned) = plan_one(run, setting, &id).await? else { continue };
        if let Action::References { references, .. } = &planned.action {
            held += references.values().map(Vec::len).sum::<usize>();
        }
        actions.push((action_key(REFERENCES, number), planned));
        if held > MOST_HELD {
            held = 0;
            together::apply_some(run, std::mem::take(&mut actions)).await?;
        }
    }
    together::apply_some(run, actions).await.map(|()| count)
}

/// Writes the references of one object.
pub(crate) async fn write_one(run: &Run<'_>, setting: &Setting<'_>, id: &str, number: u64) -> Result<()> {
    match plan_one(run, setting, id).await? {
        Some(planned) => apply(run, &action_key(REFERENCES, number), planned).await,
        None => Ok(()),
    }
}

/// What is to be written of the references of one object; `None` if nothing is, which then is noted.
async fn plan_one(run: &Run<'_>, setting: &Setting<'_>, id: &str) -> Result<Option<PlannedAction>> {
    let object_type = setting.mapping.object_type();
    let key = object_key(object_type, id);
    let pending = Work::References.key(object_type, id);
    let stored: Option<StoredRecord> = run.state.get(Table::Record, &key).await?;
    let link: Option<Link> = run.state.get(Table::Link, &key).await?;
    let roles: Option<Vec<String>> = run.state.get(Table::Assignment, &key).await?;
    let mut batch = Batch::new();
    batch.delete(Table::Pending, pending);
    batch.delete(Table::Escrow, Work::References.escrow_key(object_type, id));
    let (Some(stored), Some(link)) = (stored, link.filter(|link| link.is_managed)) else {
        return run.state.commit(batch).await.map(|()| None);
    };
    let known = Known { stored: &stored, roles: roles.as_deref(), link: Some(&link) };
    let desired = match setting.desired(known, Operation::Update, setting.standing(known).is_err()) {
        Ok(desired) => desired,
        Err(reason) => {
            let escrow = run.put_escrow(&mut batch, Work::References, object_type, id, &reason).await?;
            let outcome = Outcome {
                object_type,
                source_id: id,
                name: stored.name(setting.mapping),
                target_id: Some(&link.target_id),
                target_name: run.target_name(object_type, &link.exported),
                action: EventAction::Other,
                is_reference: true,
                status: EventStatus::Failure,
                reason: Some(reason),
                escrow: Some(escrow),
                changes: Vec::new(),
                took: Duration::ZERO,
            };
            return run.tell(batch, outcome).await.map(|()| None);
        }
    };
    let mut resolver = Resolver { run, missing: Vec::new() };
    let certain = BTreeSet::new();
    let mut references = BTreeMap::new();
    let mut operations = Vec::new();
    let mut changes = Vec::new();
    for reference in &desired.references {
        let target_ids = resolver.resolve(reference).await?;
        let before = present_references(run, setting, &link, reference).await?;
        let mut target_ids = flowing(reference, &before, &target_ids);
        if let Some(few) = run.few_members.as_ref().filter(|_| reference.is_multi_valued) {
            target_ids = few.limit(&before, &target_ids);
        }
        let doubtful = link.doubtful.get(&reference.target).unwrap_or(&certain);
        if before != target_ids || !doubtful.is_empty() {
            operations.extend(reference_operations(reference, &before, doubtful, &target_ids));
            changes.push(reference_change(&reference.target, &before, &target_ids));
        }
        references.insert(reference.target.clone(), target_ids);
    }
    // A reference that waits is remembered first, so that a crash cannot lose it.
    let mut waiting = Batch::new();
    for missing in resolver.missing {
        waiting.put(Table::Waiting, waiting_key(&missing, object_type, id), "null");
    }
    if operations.is_empty() {
        if link.is_adopted && references.keys().any(|path| !link.references.contains_key(path)) {
            // What an adopted resource has is known now, and right.
            put(&mut batch, Table::Link, key, &Link { references, ..link })?;
        }
        waiting.steps.append(&mut batch.steps);
        return run.state.commit(waiting).await.map(|()| None);
    }
    run.state.commit(waiting).await?;
    let action = Action::References { target_id: link.target_id, operations: PatchOp::new(operations).to_json(), references };
    Ok(Some(PlannedAction {
        object_type: object_type.to_owned(),
        source_id: id.to_owned(),
        name: stored.name(setting.mapping),
        basis: String::new(),
        layer: 0,
        action,
        changes,
        redacted: Vec::new(),
    }))
}

/// The target ids that stand in the target, in order: what was last written; of a resource that was there before, what it had then. Lists
/// do not show members, so an adopted resource is read once for them.
async fn present_references(run: &Run<'_>, setting: &Setting<'_>, link: &Link, reference: &DesiredReference) -> Result<Vec<String>> {
    if let Some(written) = link.references.get(&reference.target) {
        return Ok(written.clone());
    }
    if !link.is_adopted {
        return Ok(Vec::new());
    }
    if !reference.is_multi_valued {
        return Ok(ids_at(&link.exported, &reference.target));
    }
    let resource_type = setting.mapping.resource_type();
    match run.call(|not_after| run.target.get(resource_type, &link.target_id, not_after)).await? {
        Ok(resource) => Ok(ids_at(&resource, &reference.target)),
        // The request that follows tells what is wrong with the resource.
        Err(error) if !error.ends_cycle() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
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

/// What would change in the references of an object, as far as it is known before anything is written: an object that is not linked yet
/// stands with its id in the source.
pub(crate) async fn preview(run: &Run<'_>, setting: &Setting<'_>, known: Known<'_>) -> Result<Vec<PropertyChange>> {
    let operation = if known.link.is_some() { Operation::Update } else { Operation::Create };
    let Ok(desired) = setting.desired(known, operation, setting.standing(known).is_err()) else { return Ok(Vec::new()) };
    let mut changes = Vec::new();
    for reference in &desired.references {
        let mut resolver = Resolver { run, missing: Vec::new() };
        let mut after = resolver.resolve(reference).await?;
        after.extend(resolver.missing.into_iter().map(|id| format!("source:{id}")));
        let before = known.link.and_then(|link| link.references.get(&reference.target)).cloned().unwrap_or_default();
        let after = flowing(reference, &before, &after);
        if before != after {
            changes.push(reference_change(&reference.target, &before, &after));
        }
    }
    Ok(changes)
}

/// What is to stand after as much has flowed as the mapping's flow type lets.
pub(crate) fn flowing(reference: &DesiredReference, before: &[String], desired: &[String]) -> Vec<String> {
    let mut after = reference.flow_type.merge(before, desired, reference.is_multi_valued, |left, right| left == right);
    if let Some(ids) = &mut after {
        ids.sort_unstable();
    }
    after.unwrap_or_else(|| before.to_vec())
}

/// Finds the target ids of source objects.
#[derive(Debug)]
struct Resolver<'a> {
    run: &'a Run<'a>,
    /// The source objects that are not linked.
    missing: Vec<String>,
}

impl Resolver<'_> {
    /// The target ids of a reference in a fixed order; those that are not linked are remembered.
    async fn resolve(&mut self, reference: &DesiredReference) -> Result<Vec<String>> {
        let mut found: HashMap<&str, String> = HashMap::new();
        for mapping in &self.run.job.mappings {
            let keys: Vec<String> = reference.source_ids.iter().map(|id| object_key(mapping.object_type(), id)).collect();
            let links = self.run.state.get_many::<Link>(Table::Link, &keys).await?;
            for (id, link) in reference.source_ids.iter().zip(links) {
                if let Some(link) = link {
                    found.insert(id, link.target_id);
                }
            }
        }
        let mut target_ids = Vec::new();
        for id in &reference.source_ids {
            match found.remove(id.as_str()) {
                Some(target_id) => target_ids.push(target_id),
                None => self.missing.push(id.clone()),
            }
        }
        target_ids.sort_unstable();
        Ok(target_ids)
    }
}

/// The operations that lead from what stands before to what is to stand, also if some of it stands or does not.
fn reference_operations(
    reference: &DesiredReference,
    before: &[String],
    doubtful: &BTreeSet<String>,
    after: &[String],
) -> Vec<PatchOperation> {
    let path = reference.target.as_str();
    if !reference.is_multi_valued {
        return match after.first() {
            Some(id) => vec![PatchOperation::new(OperationKind::Replace, Some(path.to_owned()), Some(member(id)))],
            None => vec![PatchOperation::new(OperationKind::Remove, Some(path.to_owned()), None)],
        };
    }
    let is_added = |id: &&String| before.binary_search(id).is_err() || doubtful.contains(*id);
    let added: Vec<Value> = after.iter().filter(is_added).map(|id| member(id)).collect();
    let others = doubtful.iter().filter(|id| before.binary_search(id).is_err());
    let removed = before.iter().chain(others).filter(|id| after.binary_search(id).is_err()).map(|id| {
        let value = scimkit_filter::Filter::equal(value_path(), id.as_str());
        PatchOperation::new(OperationKind::Remove, Some(format!("{path}[{value}]")), None)
    });
    let mut operations: Vec<PatchOperation> = removed.collect();
    if !added.is_empty() {
        operations.push(PatchOperation::new(OperationKind::Add, Some(path.to_owned()), Some(Value::List(added))));
    }
    operations
}

fn value_path() -> scimkit_filter::AttributePath {
    #[expect(clippy::expect_used, reason = "`value` is an attribute name")]
    let name = "value".parse().expect("an attribute name");
    scimkit_filter::AttributePath::new(name)
}

fn member(id: &str) -> Value {
    Value::Complex([("value", id)].into_iter().collect::<ComplexValue>())
}

pub(crate) fn reference_change(path: &str, before: &[String], after: &[String]) -> PropertyChange {
    let list = |ids: &[String]| Value::List(ids.iter().map(|id| Value::from(id.as_str())).collect());
    PropertyChange::new(path.to_owned(), list(before), list(after))
}
