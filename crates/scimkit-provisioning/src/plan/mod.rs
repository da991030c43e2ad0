//! Deciding on every marked object, and keeping the actions in the state before any is done.
//!
//! Actions stand in layers, which are done one after the other. An object that takes a matching value which another one gives up comes in
//! a later layer than that one. Where objects change their values in a ring, one of them gets another value in between.

mod waiting;

use scimkit_mapping::{AppRole, Desired, MappingSet};
use scimkit_store::{Batch, Table};
use scimkit_types::Resource;
use serde::de::IgnoredAny;

use crate::claims::{Claims, Freed, Standing, Wait};
use crate::code::ErrorCode;
use crate::decide::{Decision, Known, Reason, Setting, property_changes};
use crate::error::Result;
use crate::event::{EventAction, EventStatus, Phase, PropertyChange, ProvisioningEvent};
use crate::explain::explain;
use crate::lookup::{Found, Lookup, look_up};
use crate::matching::{prepare, texts_at, usable_id};
use crate::preview::preview;
use crate::records::{Action, Escrow, Link, PlannedAction, Presence, StoredRecord, target_name};
use crate::reference_rows::{forget_written, put_gone, whole_key};
use crate::run::{Outcome, Run};
use crate::saved_plan::PlanCounts;
use crate::state::{CHUNK, Work, action_key, blocked_key, blocked_prefix, forgotten_key, object_key, preview_key, put, waiting_prefix};
use crate::uncertain::{FoundOut, find_out};

pub(crate) use self::waiting::wake;

/// Decides on every marked object.
pub(crate) async fn plan(run: &Run<'_>, app_roles: &[AppRole]) -> Result<PlanCounts> {
    let mut batch = Batch::new();
    batch.clear(Table::Plan, "");
    batch.clear(Table::Listing, "");
    batch.clear(Table::Claim, "");
    run.state.commit(batch).await?;
    let mut counts = PlanCounts::default();
    let mut progress = (0, 0);
    for mapping in &run.job.mappings {
        progress.1 += run.state.count(Table::Pending, &Work::Object.prefix(mapping.object_type())).await?;
    }
    for mapping in &run.job.mappings {
        let setting = run.setting(mapping, app_roles);
        let lookup = prepare(run, &setting).await?;
        let claims = Claims::new(run, mapping.object_type());
        let mut planner = Planner {
            run,
            setting,
            lookup,
            claims,
            counts,
            walked: None,
            is_final: false,
            woken: Vec::new(),
            events: Vec::new(),
            done: progress.0,
            total: progress.1,
        };
        planner.plan_type().await?;
        (counts, progress.0) = (planner.counts, planner.done);
    }
    let mut batch = Batch::new();
    batch.clear(Table::Claim, "");
    run.state.commit(batch).await?;
    Ok(counts)
}

/// Decides on one object.
pub(crate) async fn plan_one(run: &Run<'_>, mapping: &MappingSet, app_roles: &[AppRole], id: &str) -> Result<PlanCounts> {
    let mut batch = Batch::new();
    batch.clear(Table::Plan, "");
    batch.clear(Table::Claim, "");
    run.state.commit(batch).await?;
    let (setting, claims) = (run.setting(mapping, app_roles), Claims::new(run, mapping.object_type()));
    let (lookup, counts) = (Lookup::Queries, PlanCounts::default());
    let (woken, events) = (Vec::new(), Vec::new());
    let mut planner = Planner { run, setting, lookup, claims, counts, walked: None, is_final: true, woken, events, done: 0, total: 1 };
    planner.plan_ids(vec![id.to_owned()]).await?;
    Ok(planner.counts)
}

#[derive(Debug)]
struct Planner<'a> {
    run: &'a Run<'a>,
    setting: Setting<'a>,
    lookup: Lookup,
    claims: Claims<'a>,
    counts: PlanCounts,
    /// Up to which id the marked objects were read, while they are.
    walked: Option<String>,
    /// Whether an object does not wait any more for another one to give its matching value up.
    is_final: bool,
    /// Objects that are planned next, since what they wait for turned out to be free.
    woken: Vec<String>,
    /// What the log is told once it is durable.
    events: Vec<ProvisioningEvent>,
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
    /// Why nothing can be decided on it.
    failure: Option<Reason>,
}

/// A decision, and where in the plan it stands.
#[derive(Debug)]
struct Placed {
    object: Marked,
    decision: Decision,
    layer: u32,
    /// The source objects that give their matching values up before.
    after: Vec<String>,
    /// Whether nobody finds the resource that was found for the object unless by the matching value that the object has claimed.
    is_sole: bool,
}

impl Planner<'_> {
    async fn plan_type(&mut self) -> Result<()> {
        let prefix = Work::Object.prefix(self.object_type());
        let mut walk = self.run.state.walk::<IgnoredAny>(Table::Pending, prefix.as_str());
        while let Some(ids) = walk.next_ids().await? {
            self.walked = ids.last().cloned();
            self.plan_ids(ids).await?;
        }
        self.walked = None;
        self.plan_waiting().await
    }

    fn object_type(&self) -> &str {
        self.setting.mapping.object_type()
    }

    /// Plans objects, and those that wait for what they give up, also since an earlier cycle.
    async fn plan_ids(&mut self, ids: Vec<String>) -> Result<()> {
        let mut freed = self.plan_chunk(ids).await?;
        let run = self.run;
        loop {
            let woken = std::mem::take(&mut self.woken);
            for ids in woken.chunks(CHUNK) {
                freed.extend(self.plan_chunk(ids.to_vec()).await?);
            }
            if !self.woken.is_empty() {
                continue;
            }
            let Some(key) = freed.pop() else { return Ok(()) };
            let prefix = blocked_prefix(self.object_type(), &key);
            let mut blocked = run.state.walk::<IgnoredAny>(Table::Waiting, prefix.as_str());
            while let Some(ids) = blocked.next_ids().await? {
                let ids = self.take_blocked(&prefix, ids).await?;
                freed.extend(self.plan_chunk(ids).await?);
            }
            loop {
                let waiters = self.claims.take_waiters(&key).await?;
                if waiters.is_empty() {
                    break;
                }
                freed.extend(self.plan_chunk(waiters).await?);
            }
        }
    }

    async fn load(&mut self, ids: Vec<String>) -> Result<Vec<Marked>> {
        let keys: Vec<String> = ids.iter().map(|id| object_key(self.object_type(), id)).collect();
        let records = self.run.state.get_many(Table::Record, &keys).await?;
        let links = self.run.state.get_many(Table::Link, &keys).await?;
        let roles = self.run.state.get_many(Table::Assignment, &keys).await?;
        let parts = ids.into_iter().zip(records).zip(links).zip(roles);
        let marked = parts.map(|(((id, stored), link), roles)| Marked { id, stored, link, roles, failure: None });
        let mut marked: Vec<Marked> = marked.collect();
        // What is to be deleted is deleted, whatever it is like, and who has left is looked at when they come back.
        let is_looked_at = |object: &&mut Marked| {
            let stored = object.stored.as_ref().filter(|stored| stored.presence != Presence::Deleted);
            stored.is_some_and(|stored| !self.setting.is_let_go(known(object, stored)))
        };
        let linked = marked.iter_mut().filter(is_looked_at).map(|object| (object.id.as_str(), &mut object.link));
        let FoundOut { mut failures, woken } = find_out(self.run, &self.setting, linked.collect()).await?;
        marked.iter_mut().for_each(|object| object.failure = failures.remove(&object.id));
        let woken = self.planned_now(woken);
        self.woken.extend(woken);
        Ok(marked)
    }

    fn decide(&self, object: &Marked, stored: &StoredRecord) -> Decision {
        object.failure.clone().map_or_else(|| self.setting.decide(known(object, stored)), Decision::Fail)
    }

    /// Plans some objects; returns the matching keys that they give up.
    async fn plan_chunk(&mut self, ids: Vec<String>) -> Result<Vec<String>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        // A plan that is lost is made anew.
        let mut batch = Batch::new().deferred();
        let mut decided: Vec<(Marked, Decision)> = Vec::with_capacity(ids.len());
        for object in self.load(ids).await? {
            match &object.stored {
                // An entitlement may come before the object that it is for; the object is marked again when it comes.
                None => {
                    batch.delete(Table::Pending, Work::Object.key(self.object_type(), &object.id));
                    batch.delete(Table::Escrow, object_key(self.object_type(), &object.id));
                }
                Some(stored) => {
                    let decision = self.decide(&object, stored);
                    decided.push((object, decision));
                }
            }
        }
        let placed = self.place(&mut batch, decided).await?;
        let placed = self.match_unlinked(placed).await?;
        let adopted: Vec<String> = placed.iter().filter_map(|placed| adopted(&placed.decision)).map(str::to_owned).collect();
        self.claims.load_targets(&adopted).await?;
        let mut freed = Vec::new();
        for Placed { object, decision, layer, is_sole, .. } in placed {
            let decision = self.adopt(&object, decision, is_sole);
            freed.extend(self.keep(&mut batch, &object, decision, layer).await?);
        }
        self.run.state.commit(batch).await?;
        self.claims.spill().await?;
        self.events.drain(..).for_each(|event| self.run.emit(&event));
        self.run.progress(Phase::Planning, self.done, Some(self.total));
        Ok(freed)
    }

    /// Gives objects the matching values that they want, or lets them wait for those that others have.
    async fn place(&mut self, batch: &mut Batch, decided: Vec<(Marked, Decision)>) -> Result<Vec<Placed>> {
        let wanted: Vec<Vec<String>> = decided.iter().map(|(object, decision)| self.wanted(object, decision)).collect();
        let mut keys: Vec<String> = wanted.iter().flatten().cloned().collect();
        keys.sort_unstable();
        keys.dedup();
        self.claims.load(&keys).await?;
        let mut placed = Vec::with_capacity(decided.len());
        for ((object, decision), wanted) in decided.into_iter().zip(wanted) {
            let (mut layer, mut after, mut held, mut taken) = (0, Vec::new(), None, None);
            for key in &wanted {
                match self.claims.standing(&object.id, key) {
                    Standing::Free => {}
                    Standing::Taken => taken = Some(key.clone()),
                    Standing::Freed(freed) => {
                        layer = layer.max(freed.layer.saturating_add(1));
                        after.push(freed.owner);
                    }
                    Standing::Held(owner) => held = Some(Wait { key: key.clone(), owner }),
                }
            }
            let is_refused = taken.is_some() || (held.is_some() && self.is_final);
            let decision = if is_refused || (held.is_some() && disables(&decision)) {
                if let Some(key) = held.map(|wait| wait.key).or(taken) {
                    batch.put(Table::Waiting, blocked_key(self.object_type(), &key, &object.id), "null");
                }
                self.refuse(&object, &decision)
            } else if let Some(wait) = held {
                self.claims.wait(batch, &object.id, &wait)?;
                continue;
            } else {
                for key in &wanted {
                    self.claims.claim(&object.id, key);
                }
                decision
            };
            placed.push(Placed { object, decision, layer, after, is_sole: false });
        }
        Ok(placed)
    }

    /// The matching keys that an object does not have and would get.
    fn wanted(&self, object: &Marked, decision: &Decision) -> Vec<String> {
        match decision {
            Decision::Match(desired) => desired.matching.iter().map(|(index, value)| self.setting.matching_key(*index, value)).collect(),
            Decision::Act(action, _) => match action.as_ref() {
                Action::Update { matching_key: Some(key), .. } => {
                    let has = object.link.as_ref().is_some_and(|link| link.matching_key.as_ref() == Some(key));
                    if has { Vec::new() } else { vec![key.clone()] }
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// Refuses what would give two source objects one matching value. Somebody who leaves is disabled all the same, and stays marked for
    /// the rest.
    fn refuse(&self, object: &Marked, decision: &Decision) -> Decision {
        let (Some(stored), Some(link), true) = (&object.stored, &object.link, disables(decision)) else {
            return Decision::Fail(duplicate());
        };
        match self.setting.decide_inactive(known(object, stored), link, link.is_managed) {
            Decision::Act(mut action, changes) => {
                if let Action::Update { is_interim, .. } = action.as_mut() {
                    *is_interim = true;
                }
                Decision::Act(action, changes)
            }
            _ => Decision::Fail(duplicate()),
        }
    }

    /// Asks the target for the unlinked objects.
    async fn match_unlinked(&self, placed: Vec<Placed>) -> Result<Vec<Placed>> {
        let wanted: Vec<(String, &Desired)> = placed
            .iter()
            .filter_map(|placed| match &placed.decision {
                Decision::Match(desired) => Some((placed.object.id.clone(), desired.as_ref())),
                _ => None,
            })
            .collect();
        let mut found = look_up(self.run, &self.setting, &self.lookup, &wanted).await?;
        let mut matched = Vec::with_capacity(placed.len());
        for mut placed in placed {
            if let Decision::Match(desired) = placed.decision {
                let Found { mut resources, index, failure } = found.remove(&placed.object.id).unwrap_or_default();
                if !placed.after.is_empty() {
                    resources = self.without_those_of(&placed.after, resources).await?;
                }
                placed.is_sole = self.is_sole(&desired, &resources);
                placed.decision = failure.map_or_else(|| self.setting.decide_matched(*desired, &resources, index), Decision::Fail);
            }
            matched.push(placed);
        }
        Ok(matched)
    }

    /// The resources that are not those of these source objects, which give the matching value up.
    async fn without_those_of(&self, owners: &[String], resources: Vec<Resource>) -> Result<Vec<Resource>> {
        let keys: Vec<String> =
            resources.iter().map(|resource| object_key(self.object_type(), usable_id(resource).unwrap_or_default())).collect();
        let linked = self.run.state.get_many::<String>(Table::LinkByTarget, &keys).await?;
        let others = resources.into_iter().zip(linked).filter(|(_, owner)| owner.as_ref().is_none_or(|owner| !owners.contains(owner)));
        Ok(others.map(|(resource, _)| resource).collect())
    }

    /// Refuses an action that would link two source objects to one target object.
    fn adopt(&mut self, object: &Marked, decision: Decision, is_sole: bool) -> Decision {
        match adopted(&decision) {
            Some(target_id) if !self.claims.adopt(&object.id, target_id, is_sole) => Decision::Fail(duplicate()),
            _ => decision,
        }
    }

    /// Whether resources that were found for an object are one, which has but one matching value, and that is the one that the object wants.
    fn is_sole(&self, desired: &Desired, resources: &[Resource]) -> bool {
        let ([attribute], [(index, value)], [resource]) = (self.setting.mapping.matching(), desired.matching.as_slice(), resources) else {
            return false;
        };
        let [has] = texts_at(resource, &attribute.filter_path)[..] else { return false };
        self.setting.matching_key(*index, has) == self.setting.matching_key(*index, value)
    }

    async fn keep(&mut self, batch: &mut Batch, object: &Marked, decision: Decision, layer: u32) -> Result<Option<String>> {
        let decision = match decision {
            Decision::Manage(is_managed, reason) => {
                if let Some(link) = &object.link {
                    // Until whoever leaves comes back, the account is left to others.
                    let link = Link { is_managed, is_uncertain: !is_managed, ..link.clone() };
                    put(batch, Table::Link, object_key(self.object_type(), &object.id), &link)?;
                    if is_managed && self.run.has_lists(self.object_type()) {
                        batch.put(Table::Touched, whole_key(self.object_type(), &object.id), "null");
                    }
                }
                Decision::Skip(reason)
            }
            other => other,
        };
        let pending = Work::Object.key(self.object_type(), &object.id);
        self.done += 1;
        match decision {
            Decision::Skip(reason) => {
                batch.delete(Table::Pending, pending);
                batch.delete(Table::Escrow, object_key(self.object_type(), &object.id));
                if reason.code == ErrorCode::RedundantExport && !self.setting.mapping.reference_attributes().is_empty() {
                    batch.put(Table::Pending, Work::References.key(self.object_type(), &object.id), "null");
                    self.preview(batch, object).await?;
                }
                // Who may have an account after all is still known when that is found out.
                let is_unlinked = object.link.is_none() && !self.run.is_unsettled(&object_key(self.object_type(), &object.id));
                if let Some(stored) = object.stored.as_ref().filter(|stored| stored.presence == Presence::Deleted && is_unlinked) {
                    remove_record(batch, self.object_type(), stored);
                }
                self.tell(batch, object, EventStatus::Skipped, reason, None)?;
            }
            Decision::Fail(reason) => {
                batch.delete(Table::Pending, pending);
                let escrow = self.run.put_escrow(batch, Work::Object, self.object_type(), &object.id, &reason).await?;
                self.tell(batch, object, EventStatus::Failure, reason, Some(escrow))?;
            }
            Decision::Forget => {
                batch.delete(Table::Pending, pending);
                forget(batch, self.object_type(), &object.id, object.link.as_ref());
                // The resource stays and may become another object's, so that references to it are looked at.
                batch.put(Table::Waiting, forgotten_key(&object.id), "null");
                match &object.stored {
                    Some(stored) => remove_record(batch, self.object_type(), stored),
                    None => batch.delete(Table::Record, object_key(self.object_type(), &object.id)),
                }
                return self.free(batch, object, layer);
            }
            Decision::Act(action, changes) => {
                let gives_up = match (action.as_ref(), &object.link) {
                    (Action::Delete { .. }, _) => true,
                    (Action::Update { matching_key, .. }, Some(link)) => *matching_key != link.matching_key,
                    _ => false,
                };
                self.add(batch, object, *action, changes, layer).await?;
                if gives_up {
                    return self.free(batch, object, layer);
                }
            }
            // INVARIANT (every object is matched): `match_unlinked` and what comes first here have turned each into one of the above.
            Decision::Match(_) | Decision::Manage(..) => {}
        }
        Ok(None)
    }

    /// Shows in the plan what will change in the references of an object that does not change otherwise.
    async fn preview(&mut self, batch: &mut Batch, object: &Marked) -> Result<()> {
        let (true, Some(stored), Some(link)) = (self.run.explains, &object.stored, &object.link) else { return Ok(()) };
        let changes = preview(self.run, &self.setting, known(object, stored)).await?;
        if changes.is_empty() {
            return Ok(());
        }
        self.counts.references += 1;
        let planned = PlannedAction {
            object_type: self.object_type().to_owned(),
            source_id: object.id.clone(),
            name: stored.name(self.setting.mapping),
            basis: String::new(),
            layer: u32::MAX,
            action: Action::References {
                target_id: link.target_id.clone(),
                references: Default::default(),
                lists: Default::default(),
                known: Default::default(),
                is_whole: false,
                is_part: false,
            },
            why: None,
            changes,
            redacted: Vec::new(),
        };
        put(batch, Table::Plan, preview_key(self.object_type(), &object.id), &planned)
    }

    /// Gives free the matching value that an object has by its link.
    fn free(&mut self, batch: &mut Batch, object: &Marked, layer: u32) -> Result<Option<String>> {
        let Some(key) = object.link.as_ref().and_then(|link| link.matching_key.clone()) else { return Ok(None) };
        self.claims.free(batch, &key, &Freed { layer, owner: object.id.clone() })?;
        Ok(Some(key))
    }

    fn tell(&mut self, batch: &mut Batch, object: &Marked, status: EventStatus, reason: Reason, escrow: Option<Escrow>) -> Result<()> {
        let outcome = Outcome {
            object_type: self.object_type(),
            source_id: &object.id,
            name: object.stored.as_ref().and_then(|stored| stored.name(self.setting.mapping)),
            target_id: object.link.as_ref().map(|link| link.target_id.as_str()),
            target_name: object.link.as_ref().and_then(|link| target_name(&link.exported, self.setting.mapping)),
            action: EventAction::Other,
            is_reference: false,
            status,
            reason: Some(reason),
            escrow,
            changes: Vec::new(),
            took: std::time::Duration::ZERO,
        };
        let event = self.run.record(batch, outcome)?;
        self.events.push(event);
        Ok(())
    }

    async fn add(
        &mut self,
        batch: &mut Batch,
        object: &Marked,
        action: Action,
        mut changes: Vec<PropertyChange>,
        layer: u32,
    ) -> Result<()> {
        self.counts.count(&action);
        let redacted = match &action {
            Action::Create { .. } => self.setting.mapping.redacted_attributes().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let mut why = None;
        if let (true, Some(stored)) = (self.run.explains, &object.stored) {
            if let Action::Create { resource, .. } = &action {
                changes = property_changes(&Resource::default(), resource, &redacted);
            }
            changes.extend(preview(self.run, &self.setting, known(object, stored)).await?);
            why = explain(&self.setting, known(object, stored), &action, &mut changes);
        }
        let planned = PlannedAction {
            object_type: self.object_type().to_owned(),
            source_id: object.id.clone(),
            name: object.stored.as_ref().and_then(|stored| stored.name(self.setting.mapping)),
            basis: Link::print(object.link.as_ref()),
            layer,
            action,
            why,
            changes,
            redacted,
        };
        put(batch, Table::Plan, action_key(layer, self.counts.actions), &planned)
    }
}

fn known<'a>(object: &'a Marked, stored: &'a StoredRecord) -> Known<'a> {
    Known { stored, roles: object.roles.as_deref(), link: object.link.as_ref() }
}

/// The target object that a decision adopts.
fn adopted(decision: &Decision) -> Option<&str> {
    match decision {
        Decision::Act(action, _) => match action.as_ref() {
            Action::Update { target_id, is_adopted: true, .. } => Some(target_id),
            _ => None,
        },
        _ => None,
    }
}

fn disables(decision: &Decision) -> bool {
    matches!(decision, Decision::Act(action, _) if matches!(action.as_ref(), Action::Update { is_disabled: true, .. }))
}

impl Action {
    /// Whether the action takes something away from a person: it disables or deletes.
    pub(crate) const fn removes(&self) -> bool {
        matches!(self, Self::Delete { .. } | Self::Update { is_disabled: true, .. })
    }
}

pub(crate) fn duplicate() -> Reason {
    Reason::new(ErrorCode::DuplicateSourceEntries, "another object of the source has the same matching value")
}

/// Removes a link and what leads to it.
pub(crate) fn forget(batch: &mut Batch, object_type: &str, source_id: &str, link: Option<&Link>) {
    batch.delete(Table::Link, object_key(object_type, source_id));
    batch.delete(Table::Escrow, Work::Object.escrow_key(object_type, source_id));
    batch.delete(Table::Escrow, Work::References.escrow_key(object_type, source_id));
    forget_written(batch, object_type, source_id);
    let Some(link) = link else { return };
    batch.delete(Table::LinkByTarget, object_key(object_type, &link.target_id));
    if let Some(matching_key) = &link.matching_key {
        batch.delete(Table::LinkByMatch, object_key(object_type, matching_key));
    }
}

/// Removes the link of an object whose resource is gone: who refers to it is looked at, and who waits for its matching value is marked.
/// Returns those that were not marked before.
pub(crate) async fn lose(run: &Run<'_>, batch: &mut Batch, object_type: &str, source_id: &str, link: Option<&Link>) -> Result<Vec<String>> {
    forget(batch, object_type, source_id, link);
    batch.put(Table::Waiting, forgotten_key(source_id), "null");
    match link.and_then(|link| link.matching_key.as_ref()) {
        Some(matching_key) => wake(run, batch, object_type, matching_key).await,
        None => Ok(Vec::new()),
    }
}

/// Removes the record of an object that is gone for good, and what waits for it or for what it refers to.
pub(crate) fn remove_record(batch: &mut Batch, object_type: &str, stored: &StoredRecord) {
    let id = &stored.record.id;
    batch.delete(Table::Record, object_key(object_type, id));
    batch.clear(Table::Waiting, waiting_prefix(id));
    put_gone(batch, object_type, stored);
}
