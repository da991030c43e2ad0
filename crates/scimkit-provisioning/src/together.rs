//! Doing several planned actions by one bulk request, where the service offers that and it is cheaper.
//!
//! INVARIANT (crash safety): the intents of all of them are durable before the request; each answer is settled as if it had come alone, and
//! what has none leaves its intent open.

use scimkit_store::{Batch, Table};
use scimkit_types::Profile;
use scimkit_types::profile::BulkPrice;

use crate::apply::{apply, conclude, find_created, may_begin, perform, requests, resource_type};
use crate::error::{CycleError, Result};
use crate::records::{Action, PlannedAction};
use crate::run::Run;
use crate::state::put;
use crate::target::{TargetChange, TargetErrorKind};

/// The most actions of one request.
const MOST: u64 = 100;

/// How many actions one request does; one where bulk requests are not offered, or not cheaper: a service that counts operations lets no
/// more of them pass for being sent together, and an operation that fails is sent again alone.
pub(crate) fn size(profile: &Profile) -> usize {
    let Some(bulk) = &profile.features.bulk else { return 1 };
    let is_cheaper = bulk.price == BulkPrice::Request || profile.limits.write.is_none();
    let most = if is_cheaper { bulk.max_operations.min(MOST) } else { 1 };
    usize::try_from(most).unwrap_or(1).max(1)
}

/// Does several actions of one layer together; those that take more than one request, one by one.
pub(crate) async fn apply_some(run: &Run<'_>, mut actions: Vec<(String, PlannedAction)>) -> Result<()> {
    if actions.len() < 2 {
        return match actions.pop() {
            Some((key, planned)) => apply(run, &key, planned).await.map(drop),
            None => Ok(()),
        };
    }
    let mut together = Vec::new();
    for (key, planned) in actions {
        match change(run, &planned) {
            Some(change) => together.push((key, planned, change)),
            None => drop(apply(run, &key, planned).await?),
        }
    }
    if together.len() < 2 {
        for (key, planned, _) in together {
            apply(run, &key, planned).await?;
        }
        return Ok(());
    }
    send(run, together).await
}

/// An action as a change that can be made together with others; `None` for one that must be made alone.
fn change(run: &Run<'_>, planned: &PlannedAction) -> Option<TargetChange> {
    let resource_type = resource_type(run, planned).to_owned();
    let target_id = match &planned.action {
        Action::Create { resource, .. } => return Some(TargetChange::Create { resource_type, resource: resource.clone() }),
        Action::Delete { target_id } => return Some(TargetChange::Delete { resource_type, id: target_id.clone() }),
        Action::Update { target_id, .. } | Action::References { target_id, .. } => target_id,
    };
    let mut parts = requests(run, &planned.action).ok()?.into_iter();
    let (Some(operations), None, true) = (parts.next(), parts.next(), run.job.profile.features.patch) else { return None };
    Some(TargetChange::Patch { resource_type, id: target_id.clone(), operations })
}

async fn send(run: &Run<'_>, actions: Vec<(String, PlannedAction, TargetChange)>) -> Result<()> {
    let (mut batch, mut begun, mut changes) = (Batch::new(), Vec::new(), Vec::new());
    for (key, planned, change) in actions {
        if may_begin(run, &key, &planned).await? {
            put(&mut batch, Table::Intent, planned.intent_key(), &planned)?;
            batch.delete(Table::Plan, key);
            begun.push(planned);
            changes.push(change);
        }
    }
    if begun.is_empty() {
        return Ok(());
    }
    run.state.commit(batch).await?;
    let began_at = run.clock.now();
    let answers = run.call(async |not_after| Ok(run.target.bulk(&changes, not_after).await)).await??;
    run.count(|report| {
        report.bulk_requests += 1;
        report.bulk_operations += u64::try_from(begun.len()).unwrap_or(u64::MAX);
    });
    let mut first_error = None;
    for (planned, answer) in begun.into_iter().zip(answers) {
        let performed = match answer {
            Ok(id) => crate::apply::Performed::Done(id),
            // It waited for too long to be sent; alone it is sent under the renewed lease.
            Err(error) if error.ends_cycle() && (error.kind != TargetErrorKind::Expired || error.may_have_had_effect) => {
                // Its intent is settled by the next cycle.
                first_error.get_or_insert(error);
                continue;
            }
            Err(error) => {
                let found = if error.may_have_had_effect { find_created(run, &planned).await? } else { None };
                match found {
                    Some(performed) => performed,
                    None => perform(run, &planned).await?,
                }
            }
        };
        conclude(run, planned, performed, began_at).await?;
    }
    first_error.map_or(Ok(()), |error| Err(CycleError::Target(error)))
}
