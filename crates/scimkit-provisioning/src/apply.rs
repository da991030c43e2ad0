//! Doing what was planned: each action is an intent before its request, and an outcome after it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt};
use scimkit_filter::{Filter, ParseOptions};
use scimkit_store::{Batch, Table};
use scimkit_types::{PatchOp, PatchOperation, Resource, Value};
use serde::de::IgnoredAny;

use crate::decide::Reason;
use crate::echo::echo;
use crate::error::{CycleError, Result};
use crate::event::{ErrorCode, EventAction, EventStatus, Phase};
use crate::matching::{find, usable_id};
use crate::plan::forget;
use crate::records::{Action, Link, PlannedAction, Presence, StoredRecord};
use crate::run::{Outcome, Run};
use crate::state::{Work, forgotten_key, object_key, put, waiting_prefix};
use crate::target::{TargetError, TargetErrorKind};

/// How often a request whose answer was lost is sent.
const ATTEMPTS: u32 = 3;

/// Does all planned actions, several at once. The first failure that says nothing about its object ends the cycle, after the requests that
/// are under way have been answered.
pub(crate) async fn apply_all(run: &Run<'_>, total: u64) -> Result<()> {
    let stop = AtomicBool::new(false);
    let done = Mutex::new(0_u64);
    let planned = planned(run, &stop);
    let mut results = std::pin::pin!(
        planned
            .map(|item| {
                let done = &done;
                // Boxed, so that the compiler can tell that a cycle may move between threads.
                let applied: BoxFuture<'_, Result<()>> = Box::pin(async move {
                    let (key, planned) = item?;
                    apply(run, &key, planned).await?;
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    *done += 1;
                    run.progress(Phase::Applying, *done, Some(total));
                    Ok(())
                });
                applied
            })
            .buffer_unordered(run.job.concurrency.max(1))
    );
    let mut first_error = None;
    while let Some(result) = results.next().await {
        if let Err(error) = result {
            stop.store(true, Ordering::Relaxed);
            first_error.get_or_insert(error);
        }
    }
    first_error.map_or(Ok(()), Err)
}

/// The planned actions in order, read as they are needed.
fn planned<'a>(run: &'a Run<'a>, stop: &'a AtomicBool) -> impl Stream<Item = Result<(String, PlannedAction)>> + 'a {
    let walk = run.state.walk::<PlannedAction>(Table::Plan, "");
    let chunks = stream::unfold(walk, move |mut walk| async move {
        if stop.load(Ordering::Relaxed) {
            return None;
        }
        match walk.next().await.transpose()? {
            Ok(rows) => Some((rows.into_iter().map(Ok).collect::<Vec<_>>(), walk)),
            Err(error) => Some((vec![Err(error)], walk)),
        }
    });
    chunks.flat_map(stream::iter).take_while(move |_| std::future::ready(!stop.load(Ordering::Relaxed)))
}

/// Does one action.
///
/// INVARIANT (crash safety): the intent is durable before the request; the outcome, the link and the end of the intent are one batch.
pub(crate) async fn apply(run: &Run<'_>, key: &str, planned: PlannedAction) -> Result<()> {
    let mut batch = Batch::new();
    put(&mut batch, Table::Intent, key, &planned)?;
    batch.delete(Table::Plan, key);
    run.state.commit(batch).await?;
    let performed = perform(run, &planned).await?;
    settle(run, key, planned, performed).await
}

/// How a request ended, if that says something about its object.
#[derive(Debug)]
pub(crate) enum Performed {
    /// It was done; the id of the target object.
    Done(String),
    /// It was not done.
    Failed(Reason),
    /// The target object is gone.
    Gone,
}

async fn perform(run: &Run<'_>, planned: &PlannedAction) -> Result<Performed> {
    let resource_type = resource_type(run, planned);
    match &planned.action {
        Action::Create { resource, .. } => create(run, planned, resource_type, resource).await,
        Action::Update { target_id, operations, .. } => patch(run, resource_type, target_id, operations, usize::MAX).await,
        Action::References { target_id, operations, .. } => {
            let max_members = run.job.profile.limits.max_members.and_then(|limit| usize::try_from(limit).ok());
            patch(run, resource_type, target_id, operations, max_members.unwrap_or(usize::MAX)).await
        }
        Action::Delete { target_id } => match repeat(|| run.target.delete(resource_type, target_id)).await {
            Ok(()) => Ok(Performed::Done(target_id.clone())),
            Err(error) if error.kind == TargetErrorKind::Gone => Ok(Performed::Done(target_id.clone())),
            Err(error) => failed(error),
        },
    }
}

fn resource_type<'a>(run: &'a Run<'_>, planned: &'a PlannedAction) -> &'a str {
    run.job.mapping(&planned.object_type).map_or(planned.object_type.as_str(), |(_, mapping)| mapping.resource_type())
}

/// Creates a resource. An answer that was lost, and a conflict, are settled by looking the resource up by the value as it was sent.
async fn create(run: &Run<'_>, planned: &PlannedAction, resource_type: &str, resource: &Resource) -> Result<Performed> {
    let mut attempt = 1;
    loop {
        run.state.hold().await?;
        let error = match run.target.create(resource_type, resource).await {
            Ok(created) => return Ok(done_with_id(&created)),
            Err(error) => error,
        };
        if error.kind != TargetErrorKind::Conflict && !error.may_have_had_effect {
            return failed(error);
        }
        if let Some(performed) = find_created(run, planned).await? {
            return Ok(performed);
        }
        if error.kind != TargetErrorKind::Unavailable || attempt >= ATTEMPTS {
            return failed(error);
        }
        attempt += 1;
    }
}

fn done_with_id(created: &Resource) -> Performed {
    usable_id(created).map_or_else(
        || {
            Performed::Failed(Reason::new(
                ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible,
                "the service answered with a resource without a usable id",
            ))
        },
        |id| Performed::Done(id.to_owned()),
    )
}

/// Finds the resource that a create may have made: one with the matching value as it was sent whose `externalId` is the same, or which is
/// equal in all that was sent, and which no other object is linked to. `None` if there is none. A service that cannot be asked for this
/// value fails the object: it is matched before it is ever created again.
async fn find_created(run: &Run<'_>, planned: &PlannedAction) -> Result<Option<Performed>> {
    let Action::Create { resource, filter, .. } = &planned.action else { return Ok(None) };
    let Some((_, mapping)) = run.job.mapping(&planned.object_type) else { return Ok(None) };
    let filter = match Filter::parse_with(filter, &ParseOptions::default().with_catalog(&run.job.catalog)) {
        Ok(filter) => filter,
        Err(error) => return Ok(Some(Performed::Failed(Reason::new(ErrorCode::MappingFailed, error.to_string())))),
    };
    let found = match find(run, mapping, &filter).await {
        Err(CycleError::Target(error)) if !error.ends_cycle() => {
            let text = format!("the service cannot be asked whether it made the object: {error}");
            return Ok(Some(Performed::Failed(Reason::new(ErrorCode::Rejected, text))));
        }
        found => found?,
    };
    let sent = echo(resource, &run.job.profile);
    let is_ours = |candidate: &Resource| match (resource.external_id(), candidate.external_id()) {
        (Some(sent), Some(found)) => sent == found,
        _ => {
            let found = echo(&mapping.managed(candidate), &run.job.profile);
            sent.as_complex().iter().all(|(name, value)| {
                name.eq_ignore_ascii_case("schemas") || found.get(name).is_some_and(|found| found.is_equivalent(value))
            })
        }
    };
    let mut ours = found.iter().filter(|candidate| is_ours(candidate));
    let (Some(only), None) = (ours.next(), ours.next()) else { return Ok(None) };
    let Some(id) = usable_id(only) else { return Ok(Some(done_with_id(only))) };
    let owner: Option<String> = run.state.get(Table::LinkByTarget, &object_key(&planned.object_type, id)).await?;
    Ok(owner.is_none_or(|owner| owner == planned.source_id).then(|| done_with_id(only)))
}

async fn patch(run: &Run<'_>, resource_type: &str, target_id: &str, body: &Value, max_members: usize) -> Result<Performed> {
    let operations = match PatchOp::from_json(body.clone()) {
        Ok(request) => request.operations,
        Err(error) => return Ok(Performed::Failed(Reason::new(ErrorCode::MappingFailed, error.to_string()))),
    };
    if operations.is_empty() {
        return Ok(Performed::Done(target_id.to_owned()));
    }
    let max_operations = run.job.profile.limits.max_operations.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    for part in scimkit_patch::split(operations, max_operations, max_members) {
        let part: Vec<PatchOperation> = part;
        run.state.hold().await?;
        match repeat(|| run.target.patch(resource_type, target_id, &part)).await {
            Ok(()) => {}
            Err(error) if error.kind == TargetErrorKind::Gone => return Ok(Performed::Gone),
            Err(error) => return failed(error),
        }
    }
    Ok(Performed::Done(target_id.to_owned()))
}

/// Sends a request that may be sent again until it is answered.
async fn repeat<F: Future<Output = Result<(), TargetError>>>(send: impl Fn() -> F) -> Result<(), TargetError> {
    let mut attempt = 1;
    loop {
        match send().await {
            Err(error) if error.kind == TargetErrorKind::Unavailable && error.may_have_had_effect && attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

fn failed(error: TargetError) -> Result<Performed> {
    if error.ends_cycle() {
        return Err(CycleError::Target(error));
    }
    let code = match error.kind {
        TargetErrorKind::Conflict => ErrorCode::EntryConflict,
        TargetErrorKind::ServerError => ErrorCode::InternalServerError,
        TargetErrorKind::Incompatible => ErrorCode::SystemForCrossDomainIdentityManagementServiceIncompatible,
        _ => ErrorCode::Rejected,
    };
    Ok(Performed::Failed(Reason::new(code, error.to_string())))
}

/// Writes how an action ended.
pub(crate) async fn settle(run: &Run<'_>, key: &str, planned: PlannedAction, performed: Performed) -> Result<()> {
    let mut batch = Batch::new();
    batch.delete(Table::Intent, key);
    let action = event_action(&planned.action);
    let PlannedAction { object_type, source_id, action: planned_action, changes } = planned;
    let is_reference = matches!(planned_action, Action::References { .. });
    let work = if is_reference { Work::References } else { Work::Object };
    batch.delete(Table::Pending, work.key(&object_type, &source_id));
    let object = object_key(&object_type, &source_id);
    let link: Option<Link> = run.state.get(Table::Link, &object).await?;
    let (target_id, status, reason) = match performed {
        Performed::Done(target_id) => {
            batch.delete(Table::Escrow, work.escrow_key(&object_type, &source_id));
            written(run, &mut batch, &object_type, &source_id, planned_action, link.as_ref(), &target_id).await?;
            (Some(target_id), EventStatus::Success, None)
        }
        Performed::Failed(reason) => {
            run.put_escrow(&mut batch, work, &object_type, &source_id, &reason).await?;
            (link.map(|link| link.target_id), EventStatus::Failure, Some(reason))
        }
        Performed::Gone => {
            let reason = Reason::new(ErrorCode::InvalidAnchor, "the linked resource is gone; the object is matched again");
            forget(&mut batch, &object_type, &source_id, link.as_ref());
            batch.put(Table::Waiting, forgotten_key(&source_id), "null");
            run.put_escrow(&mut batch, Work::Object, &object_type, &source_id, &reason).await?;
            (link.map(|link| link.target_id), EventStatus::Failure, Some(reason))
        }
    };
    run.state.commit(batch).await?;
    run.tell(Outcome {
        object_type: &object_type,
        source_id: &source_id,
        target_id: target_id.as_deref(),
        action,
        status,
        reason,
        changes,
    });
    Ok(())
}

const fn event_action(action: &Action) -> EventAction {
    match action {
        Action::Create { .. } => EventAction::Create,
        Action::Update { is_disabled: true, .. } => EventAction::Disable,
        Action::Update { .. } | Action::References { .. } => EventAction::Update,
        Action::Delete { .. } => EventAction::Delete,
    }
}

/// Writes the link after an action that was done.
async fn written(
    run: &Run<'_>,
    batch: &mut Batch,
    object_type: &str,
    source_id: &str,
    action: Action,
    link: Option<&Link>,
    target_id: &str,
) -> Result<()> {
    let link = match action {
        Action::Create { resource, matching_key, .. } => Link {
            target_id: target_id.to_owned(),
            matching_key: Some(matching_key),
            exported: resource,
            references: Default::default(),
            is_managed: true,
        },
        Action::Update { exported, matching_key, is_managed, .. } => {
            if let Some(old) = link.and_then(|link| link.matching_key.as_ref()).filter(|old| Some(*old) != matching_key.as_ref()) {
                batch.delete(Table::LinkByMatch, object_key(object_type, old));
            }
            let references = link.map(|link| link.references.clone()).unwrap_or_default();
            Link { target_id: target_id.to_owned(), matching_key, exported, references, is_managed }
        }
        Action::References { references, .. } => {
            let Some(link) = link else { return Ok(()) };
            return put(batch, Table::Link, object_key(object_type, source_id), &Link { references, ..link.clone() });
        }
        Action::Delete { .. } => {
            forget(batch, object_type, source_id, link);
            let key = object_key(object_type, source_id);
            let stored: Option<StoredRecord> = run.state.get(Table::Record, &key).await?;
            if stored.is_some_and(|stored| stored.presence == Presence::Deleted) {
                batch.delete(Table::Record, key);
            } else {
                batch.put(Table::Waiting, forgotten_key(source_id), "null");
            }
            return Ok(());
        }
    };
    put(batch, Table::Link, object_key(object_type, source_id), &link)?;
    put(batch, Table::LinkByTarget, object_key(object_type, target_id), &source_id)?;
    if let Some(matching_key) = &link.matching_key {
        put(batch, Table::LinkByMatch, object_key(object_type, matching_key), &source_id)?;
    }
    mark_references(run, batch, object_type, source_id).await
}

/// Marks the object's own references, and those that wait for it.
async fn mark_references(run: &Run<'_>, batch: &mut Batch, object_type: &str, source_id: &str) -> Result<()> {
    if run.job.mapping(object_type).is_some_and(|(_, mapping)| !mapping.reference_attributes().is_empty()) {
        batch.put(Table::Pending, Work::References.key(object_type, source_id), "null");
    }
    let prefix = waiting_prefix(source_id);
    let mut walk = run.state.walk::<IgnoredAny>(Table::Waiting, prefix.as_str());
    while let Some(rows) = walk.next().await? {
        for (key, _) in rows {
            if let Some((object_type, id)) = key.strip_prefix(&prefix).and_then(|rest| rest.split_once('/')) {
                batch.put(Table::Pending, Work::References.key(object_type, id), "null");
            }
            batch.delete(Table::Waiting, key);
        }
    }
    Ok(())
}

/// Settles what an earlier run left open: a create is looked up by the value as it was sent; what can be sent again is.
///
/// INVARIANT (no lost mark): this comes before the source is read, so that a mark that an outcome removes is older than the action.
pub(crate) async fn settle_open(run: &Run<'_>) -> Result<()> {
    let mut walk = run.state.walk::<PlannedAction>(Table::Intent, "");
    while let Some(rows) = walk.next().await? {
        for (key, planned) in rows {
            if matches!(planned.action, Action::Create { .. }) {
                match find_created(run, &planned).await? {
                    Some(performed) => settle(run, &key, planned, performed).await?,
                    // It was not done. The object is still marked, so the plan has it again.
                    None => {
                        let mut batch = Batch::new();
                        batch.delete(Table::Intent, key);
                        run.state.commit(batch).await?;
                    }
                }
            } else {
                let performed = perform(run, &planned).await?;
                settle(run, &key, planned, performed).await?;
            }
            run.count(|report| report.settled += 1);
        }
    }
    Ok(())
}
