//! Doing what was planned: each action is an intent before its request, and an outcome after it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, Stream, StreamExt};
use scimkit_filter::{Filter, ParseOptions};
use scimkit_store::{Batch, Table};
use scimkit_types::messages::MessageError;
use scimkit_types::{PatchOp, PatchOperation, Resource, Timestamp};
use serde::de::IgnoredAny;

use crate::code::ErrorCode;
use crate::decide::Reason;
use crate::echo::echo;
use crate::error::{CycleError, Result};
use crate::event::{EventAction, EventStatus, Phase};
use crate::job::WhenGone;
use crate::matching::{find, usable_id};
use crate::plan::{duplicate, forget, lose, remove_record};
use crate::records::{Action, Link, PlannedAction, Presence, StoredRecord};
use crate::reference_rows::{Other, put_doubt, put_references, whole_key};
use crate::references::{list_operations, one_operation};
use crate::refusals::Kind;
use crate::run::{Outcome, Run};
use crate::state::{Work, blocked_key, forgotten_key, layer_prefix, object_key, put, waiting_prefix};
use crate::target::{TargetError, TargetErrorKind};
use crate::together;

/// How often a request whose answer was lost is sent.
const ATTEMPTS: u32 = 3;

/// When an action was begun.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begun {
    /// By this run, at this instant, from the mark that the object has.
    Now(Timestamp),
    /// By an earlier one, so that the mark that the object has may be newer; looked up or sent again at this instant.
    Before(Timestamp),
}

/// Does all planned actions, layer by layer, those of a layer several at once. The first failure that says nothing about its object ends
/// the cycle, after the requests that are under way have been answered.
pub(crate) async fn apply_all(run: &Run<'_>, total: u64) -> Result<()> {
    let done = Mutex::new(0_u64);
    run.progress(Phase::Applying, 0, Some(total));
    let mut layer = next_layer(run, None).await?;
    while let Some(present) = layer {
        apply_layer(run, present, &done, total).await?;
        layer = next_layer(run, Some(present)).await?;
    }
    match run.refusals.systemic() {
        Some((refused, message)) => Err(CycleError::Refused { refused, message }),
        None => Ok(()),
    }
}

/// The next layer that has actions.
async fn next_layer(run: &Run<'_>, after: Option<u32>) -> Result<Option<u32>> {
    let after = after.map(|layer| format!("{}~", layer_prefix(layer)));
    let key = run.state.first_key_after(Table::Plan, after.as_deref()).await?;
    Ok(key.and_then(|key| key.split_once('/').and_then(|(layer, _)| layer.parse().ok())))
}

async fn apply_layer(run: &Run<'_>, layer: u32, done: &Mutex<u64>, total: u64) -> Result<()> {
    let stop = AtomicBool::new(false);
    let planned = planned(run, layer, &stop);
    let mut results = std::pin::pin!(
        planned
            .chunks(together::size(&run.job.profile))
            .map(|items| {
                // Boxed, so that the compiler can tell that a cycle may move between threads.
                let applied: BoxFuture<'_, Result<()>> = Box::pin(async move {
                    let actions = items.into_iter().collect::<Result<Vec<_>>>()?;
                    let count = u64::try_from(actions.len()).unwrap_or(u64::MAX);
                    together::apply_some(run, actions).await?;
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    *done = done.saturating_add(count);
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
fn planned<'a>(run: &'a Run<'a>, layer: u32, stop: &'a AtomicBool) -> impl Stream<Item = Result<(String, PlannedAction)>> + 'a {
    let walk = run.state.walk::<PlannedAction>(Table::Plan, layer_prefix(layer));
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

/// Does one action; returns whether it was done.
///
/// INVARIANT (crash safety): the intent is durable before the request; the outcome, the link and the end of the intent are one batch.
pub(crate) async fn apply(run: &Run<'_>, key: &str, planned: PlannedAction) -> Result<bool> {
    if !may_begin(run, key, &planned).await? {
        return Ok(false);
    }
    let mut batch = Batch::new();
    put(&mut batch, Table::Intent, planned.intent_key(), &planned)?;
    batch.delete(Table::Plan, key);
    run.state.commit(batch).await?;
    let began_at = run.clock.now();
    let performed = perform(run, &planned).await?;
    let is_done = matches!(performed, Performed::Done(_));
    conclude(run, planned, performed, began_at).await.map(|()| is_done)
}

/// Whether an action is done now; one that is passed over is told to the log.
pub(crate) async fn may_begin(run: &Run<'_>, key: &str, planned: &PlannedAction) -> Result<bool> {
    if run.refusals.holds(Kind::of(&planned.action)) {
        // The object is still marked, so a later cycle has it again.
        run.count(|report| report.held += 1);
        return Ok(false);
    }
    match outdated(run, planned).await? {
        Some(reason) => pass_over(run, key, planned, reason).await.map(|()| false),
        None => Ok(true),
    }
}

/// Notes how an action ended that this run began.
pub(crate) async fn conclude(run: &Run<'_>, planned: PlannedAction, performed: Performed, began_at: Timestamp) -> Result<()> {
    match &performed {
        Performed::Failed(reason) if reason.code == ErrorCode::InsufficientRights => {
            run.refusals.refused(Kind::of(&planned.action), &reason.text);
        }
        Performed::Failed(_) | Performed::Unknown(_) => {}
        Performed::Done(_) | Performed::Gone => run.refusals.done(Kind::of(&planned.action)),
    }
    let intent = planned.intent_key();
    settle(run, &intent, planned, performed, Begun::Now(began_at)).await
}

/// Why an action cannot be done now: it is not known how an earlier one ended, the object's link changed after it was approved, or the
/// matching value that it was to take was not given up.
async fn outdated(run: &Run<'_>, planned: &PlannedAction) -> Result<Option<Reason>> {
    if run.is_unsettled(&object_key(&planned.object_type, &planned.source_id)) {
        let text = "an earlier request may have made the object, and the service cannot be asked whether it did";
        return Ok(Some(Reason::new(ErrorCode::Rejected, text)));
    }
    if run.is_approved && !matches!(planned.action, Action::References { .. }) {
        let key = object_key(&planned.object_type, &planned.source_id);
        let link: Option<Link> = run.state.get(Table::Link, &key).await?;
        if Link::print(link.as_ref()) != planned.basis {
            let text = "what was written last, or the link, changed after the plan was made";
            return Ok(Some(Reason::new(ErrorCode::PlanOutdated, text)));
        }
    }
    let Some(matching_key) = planned.action.matching_key().filter(|_| planned.layer > 0) else { return Ok(None) };
    let holder: Option<String> = run.state.get(Table::LinkByMatch, &object_key(&planned.object_type, matching_key)).await?;
    Ok(holder.is_some_and(|holder| holder != planned.source_id).then(duplicate))
}

/// Does not do an action, and says why. The object stays marked if nothing is wrong with it, else it waits in escrow.
async fn pass_over(run: &Run<'_>, key: &str, planned: &PlannedAction, reason: Reason) -> Result<()> {
    let mut batch = Batch::new();
    batch.delete(Table::Plan, key);
    let is_outdated = reason.code == ErrorCode::PlanOutdated;
    let mut escrow = None;
    if !is_outdated {
        batch.delete(Table::Pending, Work::Object.key(&planned.object_type, &planned.source_id));
        escrow = Some(run.put_escrow(&mut batch, Work::Object, &planned.object_type, &planned.source_id, &reason).await?);
        if let Some(key) = planned.action.matching_key().filter(|_| reason.code == ErrorCode::DuplicateSourceEntries) {
            batch.put(Table::Waiting, blocked_key(&planned.object_type, key, &planned.source_id), "null");
        }
    }
    let link: Option<Link> = run.state.get(Table::Link, &object_key(&planned.object_type, &planned.source_id)).await?;
    let outcome = Outcome {
        object_type: &planned.object_type,
        source_id: &planned.source_id,
        name: planned.name.clone(),
        target_id: planned.action.target_id(),
        target_name: link.and_then(|link| run.target_name(&planned.object_type, &link.exported)),
        action: planned.action.event(),
        is_reference: planned.action.work() == Work::References,
        status: if is_outdated { EventStatus::Skipped } else { EventStatus::Failure },
        reason: Some(reason),
        escrow,
        changes: Vec::new(),
        took: Duration::ZERO,
    };
    run.tell(batch, outcome).await
}

/// How a request ended, if that says something about its object.
#[derive(Debug)]
pub(crate) enum Performed {
    /// It was done; the id of the target object.
    Done(String),
    /// It was not done.
    Failed(Reason),
    /// It may have been done, and the service cannot be asked whether it was.
    Unknown(Reason),
    /// The target object is gone.
    Gone,
}

pub(crate) async fn perform(run: &Run<'_>, planned: &PlannedAction) -> Result<Performed> {
    let resource_type = resource_type(run, planned);
    match &planned.action {
        Action::Create { resource, .. } => create(run, planned, resource_type, resource).await,
        Action::Update { target_id, .. } | Action::References { target_id, .. } => {
            patch(run, resource_type, target_id, &planned.action).await
        }
        Action::Delete { target_id } => match repeat(run, |not_after| run.target.delete(resource_type, target_id, not_after)).await? {
            Ok(()) => Ok(Performed::Done(target_id.clone())),
            Err(error) if error.kind == TargetErrorKind::Gone => Ok(Performed::Done(target_id.clone())),
            Err(error) if error.kind == TargetErrorKind::Incompatible && is_gone(run, resource_type, target_id).await? => {
                Ok(Performed::Done(target_id.clone()))
            }
            Err(error) => failed(error),
        },
    }
}

/// Whether a resource is not there, as far as the service says so.
async fn is_gone(run: &Run<'_>, resource_type: &str, target_id: &str) -> Result<bool> {
    let found = run.call(|not_after| run.target.get(resource_type, target_id, not_after)).await?;
    Ok(found.is_err_and(|error| error.kind == TargetErrorKind::Gone))
}

pub(crate) fn resource_type<'a>(run: &'a Run<'_>, planned: &'a PlannedAction) -> &'a str {
    run.job.mapping(&planned.object_type).map_or(planned.object_type.as_str(), |(_, mapping)| mapping.resource_type())
}

/// Creates a resource. An answer that was lost, and a conflict, are settled by looking the resource up by the value as it was sent.
async fn create(run: &Run<'_>, planned: &PlannedAction, resource_type: &str, resource: &Resource) -> Result<Performed> {
    let mut attempt = 1;
    loop {
        let error = match run.call(|not_after| run.target.create(resource_type, resource, not_after)).await? {
            Ok(created) => return Ok(done_with_id(&created)),
            Err(error) => error,
        };
        if error.kind != TargetErrorKind::Conflict && !error.may_have_had_effect {
            return failed(error);
        }
        if let Some(performed) = find_created(run, planned).await? {
            return Ok(performed);
        }
        if !is_unanswered(&error) || attempt >= ATTEMPTS {
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
/// equal in all that was sent, and which no other object is linked to. `None` if there is none. If the service cannot be asked for this
/// value, the intent stays open: the source may have another value by the time the service can be asked.
pub(crate) async fn find_created(run: &Run<'_>, planned: &PlannedAction) -> Result<Option<Performed>> {
    let Action::Create { resource, filter, .. } = &planned.action else { return Ok(None) };
    let Some((_, mapping)) = run.job.mapping(&planned.object_type) else { return Ok(None) };
    let filter = match Filter::parse_with(filter, &ParseOptions::default().with_catalog(&run.job.catalog)) {
        Ok(filter) => filter,
        Err(error) => return Ok(Some(Performed::Failed(Reason::new(ErrorCode::MappingFailed, error.to_string())))),
    };
    let found = match find(run, mapping, &filter).await {
        Err(CycleError::Target(error)) if !error.ends_cycle() => {
            let text = format!("the service cannot be asked whether it made the object: {error}");
            return Ok(Some(Performed::Unknown(Reason::new(ErrorCode::of(&error), text))));
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

async fn patch(run: &Run<'_>, resource_type: &str, target_id: &str, action: &Action) -> Result<Performed> {
    let parts = match requests(run, action) {
        Ok(parts) => parts,
        Err(error) => return Ok(Performed::Failed(Reason::new(ErrorCode::MappingFailed, error.to_string()))),
    };
    for part in parts {
        match repeat(run, |not_after| run.target.patch(resource_type, target_id, &part, not_after)).await? {
            Ok(()) => {}
            Err(error) if error.kind == TargetErrorKind::Gone => return Ok(Performed::Gone),
            Err(error) => return failed(error),
        }
    }
    Ok(Performed::Done(target_id.to_owned()))
}

/// The operations of the requests that an action of changes takes.
pub(crate) fn requests(run: &Run<'_>, action: &Action) -> Result<Vec<Vec<PatchOperation>>, MessageError> {
    let limits = &run.job.profile.limits;
    let most = |limit: Option<u64>| limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let (operations, max_members) = match action {
        Action::Update { operations, .. } => (PatchOp::from_json(operations.clone())?.operations, usize::MAX),
        Action::References { references, lists, .. } => {
            let ones = references.iter().map(|(path, after)| one_operation(path, after));
            let listed = lists.iter().flat_map(|(path, edits)| list_operations(path, edits));
            (ones.chain(listed).collect(), most(limits.max_members))
        }
        Action::Create { .. } | Action::Delete { .. } => (Vec::new(), usize::MAX),
    };
    Ok(scimkit_patch::split(operations, most(limits.max_operations), max_members))
}

/// Sends a request that may be sent again until it is answered.
async fn repeat<F>(run: &Run<'_>, send: impl Fn(Timestamp) -> F + Send + Sync) -> Result<Result<(), TargetError>>
where
    F: Future<Output = Result<(), TargetError>> + Send,
{
    let mut attempt = 1;
    loop {
        match run.call(&send).await? {
            Err(error) if is_unanswered(&error) && attempt < ATTEMPTS => attempt += 1,
            result => return Ok(result),
        }
    }
}

/// Whether a request may have been done and has no answer.
fn is_unanswered(error: &TargetError) -> bool {
    error.may_have_had_effect && matches!(error.kind, TargetErrorKind::Unavailable | TargetErrorKind::Expired)
}

fn failed(error: TargetError) -> Result<Performed> {
    if error.ends_cycle() {
        return Err(CycleError::Target(error));
    }
    Ok(Performed::Failed(Reason::new(ErrorCode::of(&error), error.to_string())))
}

/// Writes how an action ended. An object whose action is done has no mark any more, unless that may be newer than the action; one whose
/// action failed waits in escrow.
pub(crate) async fn settle(run: &Run<'_>, intent: &str, planned: PlannedAction, performed: Performed, begun: Begun) -> Result<()> {
    let mut batch = Batch::new();
    if !matches!(performed, Performed::Unknown(_)) {
        batch.delete(Table::Intent, intent);
    }
    let action = planned.action.event();
    let changes = planned.changes();
    let PlannedAction { object_type, source_id, name, action: planned_action, .. } = planned;
    let work = planned_action.work();
    let is_interim = matches!(planned_action, Action::Update { is_interim: true, .. });
    match (&performed, begun) {
        (Performed::Done(_), Begun::Before(_)) => batch.put(Table::Pending, work.key(&object_type, &source_id), "null"),
        (Performed::Done(_), Begun::Now(_)) if is_interim || planned_action.is_part() => {}
        _ => batch.delete(Table::Pending, work.key(&object_type, &source_id)),
    }
    let object = object_key(&object_type, &source_id);
    let link: Option<Link> = run.state.get(Table::Link, &object).await?;
    let name_of = |resource: &Resource| run.target_name(&object_type, resource);
    let mut target_name = link.as_ref().and_then(|link| name_of(&link.exported));
    let mut escrow = None;
    let (target_id, status, reason) = match performed {
        Performed::Done(target_id) => {
            batch.delete(Table::Escrow, work.escrow_key(&object_type, &source_id));
            if let Action::Create { resource: written, .. } | Action::Update { exported: written, .. } = &planned_action {
                target_name = name_of(written);
            }
            let is_newest = matches!(begun, Begun::Now(_));
            match (planned_action, link) {
                (Action::References { references, lists, known, is_whole, .. }, Some(mut link)) => {
                    let object = (object_type.as_str(), source_id.as_str());
                    put_references(&mut batch, object, lists, is_newest)?;
                    if !references.is_empty() || known.keys().any(|path| !link.knows(path)) {
                        references.keys().for_each(|path| drop(link.doubtful.remove(path)));
                        link.references.extend(references.into_iter().chain(known));
                        put(&mut batch, Table::Link, object_key(object.0, object.1), &link)?;
                    }
                    if is_whole && is_newest {
                        batch.clear(Table::Touched, whole_key(object.0, object.1));
                    }
                }
                (Action::References { .. }, None) => {}
                (action, link) => written(run, &mut batch, &object_type, &source_id, action, link.as_ref(), &target_id).await?,
            }
            (Some(target_id), EventStatus::Success, None)
        }
        Performed::Failed(reason) | Performed::Unknown(reason) => {
            escrow = Some(run.put_escrow(&mut batch, work, &object_type, &source_id, &reason).await?);
            match &link {
                Some(link) => {
                    if let Action::References { lists, .. } = &planned_action {
                        for (path, edits) in lists {
                            put_doubt(run, &mut batch, (&object_type, &source_id), path, edits).await?;
                        }
                    }
                    let doubted = link.doubt(&planned_action);
                    if doubted != *link {
                        put(&mut batch, Table::Link, object, &doubted)?;
                    }
                }
                None => put_doubtful_adoption(&mut batch, &object_type, &source_id, planned_action)?,
            }
            (link.map(|link| link.target_id), EventStatus::Failure, Some(reason))
        }
        Performed::Gone => {
            let (work, text) = match run.job.when_gone {
                WhenGone::Match => {
                    lose(run, &mut batch, &object_type, &source_id, link.as_ref()).await?;
                    (Work::Object, "the linked resource is gone; the object is matched again")
                }
                WhenGone::Fail => (work, "the linked resource is gone, and the job makes no other one"),
            };
            let reason = Reason::new(ErrorCode::InvalidAnchor, text);
            escrow = Some(run.put_escrow(&mut batch, work, &object_type, &source_id, &reason).await?);
            (link.map(|link| link.target_id), EventStatus::Failure, Some(reason))
        }
    };
    let (Begun::Now(began_at) | Begun::Before(began_at)) = begun;
    let outcome = Outcome {
        object_type: &object_type,
        source_id: &source_id,
        name,
        target_id: target_id.as_deref(),
        target_name,
        action,
        is_reference: work == Work::References,
        status,
        reason,
        escrow,
        changes,
        took: run.clock.now().duration_since(began_at).try_into().unwrap_or_default(),
    };
    run.tell(batch, outcome).await
}

impl Action {
    /// What the log calls the action.
    pub(crate) const fn event(&self) -> EventAction {
        match self {
            Self::Create { .. } => EventAction::Create,
            Self::Update { is_disabled: true, .. } => EventAction::Disable,
            Self::Update { .. } | Self::References { .. } => EventAction::Update,
            Self::Delete { .. } => EventAction::Delete,
        }
    }

    /// The key under which the object is matched afterwards.
    const fn matching_key(&self) -> Option<&String> {
        match self {
            Self::Create { matching_key, .. } => Some(matching_key),
            Self::Update { matching_key, .. } => matching_key.as_ref(),
            Self::References { .. } | Self::Delete { .. } => None,
        }
    }

    /// The id of the resource, unless it is created.
    pub(crate) fn target_id(&self) -> Option<&str> {
        match self {
            Self::Create { .. } => None,
            Self::Update { target_id, .. } | Self::References { target_id, .. } | Self::Delete { target_id } => Some(target_id),
        }
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
            is_adopted: false,
            is_uncertain: false,
            doubtful: Default::default(),
        },
        Action::Update { exported, matching_key, is_managed, is_adopted, .. } => {
            if let Some(old) = link.and_then(|link| link.matching_key.as_ref()).filter(|old| Some(*old) != matching_key.as_ref()) {
                batch.delete(Table::LinkByMatch, object_key(object_type, old));
            }
            let (references, doubtful) = link.map(|link| (link.references.clone(), link.doubtful.clone())).unwrap_or_default();
            if is_managed && link.is_some_and(|link| !link.is_managed) && run.has_lists(object_type) {
                // While the job did not manage the object, nothing was done of its references.
                batch.put(Table::Touched, whole_key(object_type, source_id), "null");
            }
            let is_adopted = is_adopted || link.is_some_and(|link| link.is_adopted);
            let target_id = target_id.to_owned();
            // Until whoever leaves comes back, the account is left to others.
            Link { target_id, matching_key, exported, references, is_managed, is_adopted, is_uncertain: !is_managed, doubtful }
        }
        // Their link stays, but for what it says of references.
        Action::References { .. } => return Ok(()),
        Action::Delete { .. } => {
            forget(batch, object_type, source_id, link);
            let key = object_key(object_type, source_id);
            let stored: Option<StoredRecord> = run.state.get(Table::Record, &key).await?;
            match stored.filter(|stored| stored.presence == Presence::Deleted) {
                Some(stored) => remove_record(batch, object_type, &stored),
                None => batch.put(Table::Waiting, forgotten_key(source_id), "null"),
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

/// Links a resource whose adoption was begun: it may be changed by it, so whoever leaves now is disabled there.
fn put_doubtful_adoption(batch: &mut Batch, object_type: &str, source_id: &str, action: Action) -> Result<()> {
    let Action::Update { target_id, exported, matching_key, is_managed, .. } = action else { return Ok(()) };
    put(batch, Table::LinkByTarget, object_key(object_type, &target_id), &source_id)?;
    if let Some(matching_key) = &matching_key {
        put(batch, Table::LinkByMatch, object_key(object_type, matching_key), &source_id)?;
    }
    let (references, doubtful) = Default::default();
    let link = Link { target_id, matching_key, exported, references, is_managed, is_adopted: true, is_uncertain: true, doubtful };
    put(batch, Table::Link, object_key(object_type, source_id), &link)
}

/// Marks the object's own references, and those that wait for it.
async fn mark_references(run: &Run<'_>, batch: &mut Batch, object_type: &str, source_id: &str) -> Result<()> {
    if run.job.mapping(object_type).is_some_and(|(_, mapping)| !mapping.reference_attributes().is_empty()) {
        batch.put(Table::Pending, Work::References.key(object_type, source_id), "null");
    }
    let other = Other::Source(source_id.to_owned());
    let prefix = waiting_prefix(source_id);
    let mut walk = run.state.walk::<IgnoredAny>(Table::Waiting, prefix.as_str());
    while let Some(rows) = walk.next().await? {
        for (key, _) in rows {
            if let Some((object_type, id)) = key.strip_prefix(&prefix).and_then(|rest| rest.split_once('/')) {
                run.touch(batch, object_type, id, &other);
            }
            batch.delete(Table::Waiting, key);
        }
    }
    Ok(())
}

/// Settles what an earlier run left open: a create is looked up by the value as it was sent; what can be sent again is.
///
/// INVARIANT (no lost mark): what was begun by an earlier run ends with the object marked, or in escrow.
pub(crate) async fn settle_open(run: &Run<'_>) -> Result<()> {
    let mut walk = run.state.walk::<PlannedAction>(Table::Intent, "");
    while let Some(rows) = walk.next().await? {
        for (key, planned) in rows {
            if matches!(planned.action, Action::Create { .. }) {
                match find_created(run, &planned).await? {
                    // Nothing else is done with the object before this is known.
                    Some(Performed::Unknown(_)) => {
                        run.leave_unsettled(object_key(&planned.object_type, &planned.source_id));
                        continue;
                    }
                    Some(performed) => settle(run, &key, planned, performed, Begun::Before(run.clock.now())).await?,
                    // It was not done, so the plan has it again.
                    None => {
                        let mut batch = Batch::new();
                        batch.delete(Table::Intent, key);
                        batch.put(Table::Pending, Work::Object.key(&planned.object_type, &planned.source_id), "null");
                        run.state.commit(batch).await?;
                    }
                }
            } else {
                let began_at = run.clock.now();
                let performed = perform(run, &planned).await?;
                settle(run, &key, planned, performed, Begun::Before(began_at)).await?;
            }
            run.count(|report| report.settled += 1);
        }
    }
    Ok(())
}
