//! Deciding on every marked object, and keeping the actions in the state before any is done.

use std::collections::{HashMap, HashSet};

use scimkit_mapping::{AppRole, Desired};
use scimkit_store::{Batch, Table};
use serde::de::IgnoredAny;

use crate::decide::{Decision, Known, Reason, Setting};
use crate::error::Result;
use crate::event::{ErrorCode, EventAction, EventStatus, Phase, PropertyChange};
use crate::matching::{Found, Lookup, look_up, prepare};
use crate::records::{Action, Link, PlannedAction, StoredRecord};
use crate::run::{Outcome, Run};
use crate::state::{Work, numbered_key, object_key, put};

/// What a plan comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Planned {
    /// How many actions there are.
    pub actions: u64,
    /// How many of them disable or delete.
    pub removals: u64,
}

/// Decides on every marked object.
pub(crate) async fn plan(run: &Run<'_>, app_roles: &[AppRole]) -> Result<Planned> {
    let mut batch = Batch::new();
    batch.clear(Table::Plan, "");
    batch.clear(Table::Listing, "");
    run.state.commit(batch).await?;
    let mut planner = Planner { run, claims: HashMap::new(), targets: HashSet::new(), planned: Planned::default(), done: 0, total: 0 };
    for mapping in &run.job.mappings {
        planner.total += run.state.count(Table::Pending, &Work::Object.prefix(mapping.object_type())).await?;
    }
    for mapping in &run.job.mappings {
        let setting = run.setting(mapping, app_roles);
        let lookup = prepare(run, &setting).await?;
        planner.plan_type(&setting, lookup).await?;
    }
    Ok(planner.planned)
}

#[derive(Debug)]
struct Planner<'a> {
    run: &'a Run<'a>,
    /// The source id that has a matching value in this plan, by object type and matching key.
    claims: HashMap<String, String>,
    /// The target objects that are linked by this plan.
    targets: HashSet<String>,
    planned: Planned,
    done: u64,
    total: u64,
}

/// One marked object with what the state knows of it.
#[derive(Debug)]
struct Marked {
    id: String,
    stored: Option<StoredRecord>,
    link: Option<Link>,
    roles: Option<Vec<String>>,
}

impl Planner<'_> {
    async fn plan_type(&mut self, setting: &Setting<'_>, lookup: Lookup) -> Result<()> {
        let object_type = setting.mapping.object_type();
        let prefix = Work::Object.prefix(object_type);
        let mut walk = self.run.state.walk::<IgnoredAny>(Table::Pending, prefix.as_str());
        while let Some(ids) = walk.next_ids().await? {
            let marked = self.load(object_type, ids).await?;
            self.plan_chunk(setting, lookup, marked).await?;
        }
        Ok(())
    }

    async fn load(&self, object_type: &str, ids: Vec<String>) -> Result<Vec<Marked>> {
        let keys: Vec<String> = ids.iter().map(|id| object_key(object_type, id)).collect();
        let records = self.run.state.get_many(Table::Record, &keys).await?;
        let links = self.run.state.get_many(Table::Link, &keys).await?;
        let roles = self.run.state.get_many(Table::Assignment, &keys).await?;
        let parts = ids.into_iter().zip(records).zip(links).zip(roles);
        Ok(parts.map(|(((id, stored), link), roles)| Marked { id, stored, link, roles }).collect())
    }

    async fn plan_chunk(&mut self, setting: &Setting<'_>, lookup: Lookup, marked: Vec<Marked>) -> Result<()> {
        let mut batch = Batch::new();
        let mut decisions: Vec<(Marked, Decision)> = Vec::with_capacity(marked.len());
        for object in marked {
            match &object.stored {
                // An entitlement may come before the object that it is for; the object is marked again when it comes.
                None => batch.delete(Table::Pending, Work::Object.key(setting.mapping.object_type(), &object.id)),
                Some(stored) => {
                    let known = Known { stored, roles: object.roles.as_deref(), link: object.link.as_ref() };
                    let decision = setting.decide(known);
                    decisions.push((object, decision));
                }
            }
        }
        let decisions = self.match_unlinked(setting, lookup, decisions).await?;
        for (object, decision) in decisions {
            let decision = self.claim(setting, &object, decision).await?;
            self.keep(setting, &mut batch, &object, decision).await?;
        }
        self.run.state.commit(batch).await?;
        self.run.progress(Phase::Planning, self.done, Some(self.total));
        Ok(())
    }

    /// Asks the target for the unlinked objects, except for those whose matching value another source object has.
    async fn match_unlinked(
        &mut self,
        setting: &Setting<'_>,
        lookup: Lookup,
        decisions: Vec<(Marked, Decision)>,
    ) -> Result<Vec<(Marked, Decision)>> {
        let mut duplicates: HashMap<String, Reason> = HashMap::new();
        let mut wanted: Vec<(String, &Desired)> = Vec::new();
        for (object, decision) in &decisions {
            let Decision::Match(unmatched) = decision else { continue };
            let mut is_duplicate = false;
            for (index, value) in &unmatched.matching {
                is_duplicate |= self.is_claimed(setting, &object.id, &setting.matching_key(*index, value)).await?;
            }
            if is_duplicate {
                duplicates.insert(object.id.clone(), duplicate());
                continue;
            }
            for (index, value) in &unmatched.matching {
                let key = claim_key(setting, &setting.matching_key(*index, value));
                self.claims.insert(key, object.id.clone());
            }
            wanted.push((object.id.clone(), unmatched.as_ref()));
        }
        let mut found = look_up(self.run, setting, lookup, &wanted).await?;
        let matched = decisions.into_iter().map(|(object, decision)| {
            let decision = match (decision, duplicates.remove(&object.id)) {
                (Decision::Match(_), Some(reason)) => Decision::Fail(reason),
                (Decision::Match(unmatched), None) => {
                    let Found { resources, index, failure } = found.remove(&object.id).unwrap_or_default();
                    failure.map_or_else(|| setting.decide_matched(*unmatched, &resources, index), Decision::Fail)
                }
                (other, _) => other,
            };
            (object, decision)
        });
        Ok(matched.collect())
    }

    /// Whether another source object has the matching value, by this plan or by a link.
    async fn is_claimed(&self, setting: &Setting<'_>, id: &str, matching_key: &str) -> Result<bool> {
        let key = claim_key(setting, matching_key);
        if let Some(owner) = self.claims.get(&key) {
            return Ok(owner != id);
        }
        let owner: Option<String> = self.run.state.get(Table::LinkByMatch, &key).await?;
        Ok(owner.is_some_and(|owner| owner != id))
    }

    /// Refuses an action that would link two source objects to one target object, or give both one matching value.
    async fn claim(&mut self, setting: &Setting<'_>, object: &Marked, decision: Decision) -> Result<Decision> {
        let Decision::Act(action, _) = &decision else { return Ok(decision) };
        let Action::Update { target_id, matching_key, is_adopted, is_disabled, .. } = action.as_ref() else { return Ok(decision) };
        if let Some(matching_key) = matching_key {
            if self.is_claimed(setting, &object.id, matching_key).await? {
                // Somebody who leaves is disabled whatever else cannot be written.
                return Ok(match (&object.stored, &object.link) {
                    (Some(stored), Some(link)) if *is_disabled => {
                        let known = Known { stored, roles: object.roles.as_deref(), link: Some(link) };
                        setting.decide_inactive(known, link, link.is_managed)
                    }
                    _ => Decision::Fail(duplicate()),
                });
            }
            self.claims.insert(claim_key(setting, matching_key), object.id.clone());
        }
        if *is_adopted {
            let key = object_key(setting.mapping.object_type(), target_id);
            let owner: Option<String> = self.run.state.get(Table::LinkByTarget, &key).await?;
            if owner.is_some_and(|owner| owner != object.id) || !self.targets.insert(key) {
                return Ok(Decision::Fail(duplicate()));
            }
        }
        Ok(decision)
    }

    async fn keep(&mut self, setting: &Setting<'_>, batch: &mut Batch, object: &Marked, decision: Decision) -> Result<()> {
        let object_type = setting.mapping.object_type();
        let pending = Work::Object.key(object_type, &object.id);
        let target_id = object.link.as_ref().map(|link| link.target_id.as_str());
        let tell = |status, reason| {
            self.run.tell(Outcome {
                object_type,
                source_id: &object.id,
                target_id,
                action: EventAction::Other,
                status,
                reason: Some(reason),
                changes: Vec::new(),
            });
        };
        self.done += 1;
        match decision {
            Decision::Skip(reason) => {
                batch.delete(Table::Pending, pending);
                batch.delete(Table::Escrow, object_key(object_type, &object.id));
                if reason.code == ErrorCode::RedundantExport && !setting.mapping.reference_attributes().is_empty() {
                    batch.put(Table::Pending, Work::References.key(object_type, &object.id), "null");
                }
                tell(EventStatus::Skipped, reason);
            }
            Decision::Fail(reason) => {
                batch.delete(Table::Pending, pending);
                self.run.put_escrow(batch, Work::Object, object_type, &object.id, &reason).await?;
                tell(EventStatus::Failure, reason);
            }
            Decision::Forget => {
                batch.delete(Table::Pending, pending);
                forget(batch, object_type, &object.id, object.link.as_ref());
                batch.delete(Table::Record, object_key(object_type, &object.id));
            }
            Decision::Act(action, changes) => self.add(setting, batch, object, *action, changes)?,
            // INVARIANT (every object is matched): `match_unlinked` has turned each into one of the above.
            Decision::Match(_) => {}
        }
        Ok(())
    }

    fn add(
        &mut self,
        setting: &Setting<'_>,
        batch: &mut Batch,
        object: &Marked,
        action: Action,
        changes: Vec<PropertyChange>,
    ) -> Result<()> {
        if action.removes() {
            self.planned.removals += 1;
        }
        let object_type = setting.mapping.object_type().to_owned();
        let planned = PlannedAction { object_type, source_id: object.id.clone(), action, changes };
        put(batch, Table::Plan, numbered_key(self.planned.actions), &planned)?;
        self.planned.actions += 1;
        Ok(())
    }
}

impl Action {
    /// Whether the action takes something away from a person: it disables or deletes.
    pub(crate) const fn removes(&self) -> bool {
        matches!(self, Self::Delete { .. } | Self::Update { is_disabled: true, .. })
    }
}

fn duplicate() -> Reason {
    Reason::new(ErrorCode::DuplicateSourceEntries, "another object of the source has the same matching value")
}

fn claim_key(setting: &Setting<'_>, matching_key: &str) -> String {
    object_key(setting.mapping.object_type(), matching_key)
}

/// Removes a link and what leads to it.
pub(crate) fn forget(batch: &mut Batch, object_type: &str, source_id: &str, link: Option<&Link>) {
    batch.delete(Table::Link, object_key(object_type, source_id));
    batch.delete(Table::Escrow, Work::Object.escrow_key(object_type, source_id));
    batch.delete(Table::Escrow, Work::References.escrow_key(object_type, source_id));
    let Some(link) = link else { return };
    batch.delete(Table::LinkByTarget, object_key(object_type, &link.target_id));
    if let Some(matching_key) = &link.matching_key {
        batch.delete(Table::LinkByMatch, object_key(object_type, matching_key));
    }
}
