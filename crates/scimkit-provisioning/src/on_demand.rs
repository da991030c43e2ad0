//! One object, at once, with the steps shown.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use scimkit_mapping::MappingSet;
use scimkit_store::{Batch, Table};
use scimkit_types::Value;
use serde::{Deserialize, Serialize};

use crate::apply::{apply_all, settle_open};
use crate::code::ErrorCode;
use crate::engine::Engine;
use crate::entitlement::entitle;
use crate::error::{CycleError, Result};
use crate::event::{EventAction, EventStatus, Observer, Progress, PropertyChange, ProvisioningEvent};
use crate::import::take_one;
use crate::plan::plan_one;
use crate::records::{Link, StoredRecord};
use crate::reference_rows::ReferenceEdit;
use crate::references::write_one;
use crate::report::{Cycle, Tally};
use crate::state::{State, Work, object_key, put_job};
use crate::step::{ProvisioningStep, StepKind};

/// What became of one object that was provisioned on demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OnDemandReport {
    /// What was done.
    pub action: EventAction,
    /// How it ended.
    pub status: EventStatus,
    /// Why nothing was done, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The steps in order: import, scoping, matching, processing and export, up to the one that decided; a test of the connection that
    /// failed stands alone.
    pub steps: Vec<ProvisioningStep>,
    /// The attributes that were read from the source; of those that a mapping reads within `Redact` no value is shown.
    pub source: Vec<(String, Value)>,
    /// What changed in the target, references too.
    pub modified_properties: Vec<PropertyChange>,
    /// How many members are to be added or removed still, by the next cycle.
    #[serde(default)]
    pub members_left: u64,
    /// The records of the log.
    pub events: Vec<ProvisioningEvent>,
}

/// How many members one call adds and removes at most, as in Microsoft's service.
const MOST_MEMBERS: usize = 5;

/// Which members one call may add and remove.
#[derive(Debug, Default)]
pub(crate) struct FewMembers {
    /// The target ids of those that were named, in order; the first few otherwise.
    named: Option<Vec<String>>,
    left: AtomicU64,
}

impl FewMembers {
    /// What is done, of what is to be done beside so many: at most a few references more or less than before.
    pub(crate) fn limit(&self, count: usize, mut edits: Vec<(String, ReferenceEdit)>) -> Vec<(String, ReferenceEdit)> {
        let all = edits.len();
        match &self.named {
            Some(named) => edits.retain(|(_, edit)| named.contains(&edit.target)),
            None => edits.truncate(MOST_MEMBERS.saturating_sub(count)),
        }
        self.left.fetch_add(u64::try_from(all - edits.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        edits
    }
}

/// Keeps what is told, and tells it on.
#[derive(Debug)]
struct Tap<'a> {
    observer: &'a dyn Observer,
    events: Mutex<Vec<ProvisioningEvent>>,
}

impl Observer for Tap<'_> {
    fn event(&self, event: &ProvisioningEvent) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
        self.observer.event(event);
    }

    fn progress(&self, progress: &Progress) {
        self.observer.progress(progress);
    }
}

impl Engine {
    /// Provisions one object now and shows the steps. It is read from the source, if that can read one object by itself, else it is as it
    /// was last read; so is who is assigned. Of a group, at most five members are added and removed; the next cycle does the rest. A plan
    /// that waits is dropped. Neither the watermark nor the status of the job changes.
    ///
    /// # Errors
    /// [`CycleError`] if another worker has the job, or what is needed cannot be reached; that an object fails is in the report.
    pub async fn provision_on_demand(&self, object_type: &str, id: &str) -> Result<OnDemandReport, CycleError> {
        self.provision(object_type, id, None).await
    }

    /// As [`provision_on_demand`](Self::provision_on_demand), for a group with these of its members: at most five, by their ids in the
    /// source.
    ///
    /// # Errors
    /// As of `provision_on_demand`; that there are too many members is in the report.
    pub async fn provision_members_on_demand(&self, object_type: &str, id: &str, members: &[&str]) -> Result<OnDemandReport, CycleError> {
        if members.len() > MOST_MEMBERS {
            let reason = format!("expected at most {MOST_MEMBERS} members, found {}", members.len());
            return Ok(OnDemandReport::failed(ProvisioningStep::new("EntryImport", StepKind::Import, EventStatus::Failure, Some(reason))));
        }
        self.provision(object_type, id, Some(members)).await
    }

    async fn provision(&self, object_type: &str, id: &str, members: Option<&[&str]>) -> Result<OnDemandReport> {
        if let Err(error) = self.test_connection().await {
            let step = ProvisioningStep::new("TestConnection", StepKind::Matching, EventStatus::Failure, Some(error.to_string()));
            return Ok(OnDemandReport::failed(step));
        }
        let state = self.open().await?;
        let result = self.provision_held(&state, object_type, id, members).await;
        let closed = state.close().await;
        let report = result?;
        closed?;
        Ok(report)
    }

    async fn provision_held(&self, state: &State, object_type: &str, id: &str, members: Option<&[&str]>) -> Result<OnDemandReport> {
        self.check_object_types()?;
        let mut record = state.job().await?;
        let Some((_, mapping)) = self.job.mapping(object_type) else {
            return Ok(OnDemandReport::not_imported("the job has no mapping for objects of this type"));
        };
        let object_type = mapping.object_type();
        // What is written by other mappings than those of the last cycle is evaluated again, also if the next one has those.
        let is_changed = record.fingerprint != self.job.fingerprint && !record.evaluates_all;
        record.evaluates_all |= is_changed;
        if record.plan.take().is_some() || is_changed {
            let mut batch = Batch::new();
            put_job(&mut batch, &record)?;
            state.commit(batch).await?;
        }
        let tap = Tap { observer: self.observer.as_ref(), events: Mutex::default() };
        let tally = Tally::default();
        let mut run = self.run(state, &tally, &record, Cycle::OnDemand);
        run.observer = &tap;
        settle_open(&run).await?;
        let stored = match self.source.read_one(object_type, id).await? {
            Some(changes) => take_one(&run, object_type, id, changes).await?,
            None => state.get(Table::Record, &object_key(object_type, id)).await?,
        };
        let Some(stored) = stored else {
            return Ok(OnDemandReport::not_imported("the source has not told of this object"));
        };
        entitle(&run, &mut record).await?;
        let app_roles = self.source.app_roles().await?;
        run.few_members = Some(FewMembers { named: self.target_ids(state, members).await?, left: AtomicU64::new(0) });
        let counts = plan_one(&run, mapping, &app_roles, id).await?;
        self.guard(&run, counts).await?;
        apply_all(&run, counts.actions).await?;
        let link: Option<Link> = state.get(Table::Link, &object_key(object_type, id)).await?;
        let pending = Work::References.key(object_type, id);
        let object = Work::Object.key(object_type, id);
        let is_written = link.is_some() && state.get::<serde::de::IgnoredAny>(Table::Pending, &pending).await?.is_some();
        if is_written {
            // Some members may be left for the next cycle, which a crash must not forget.
            let mut batch = Batch::new();
            batch.put(Table::Pending, object.clone(), "null");
            state.commit(batch).await?;
            write_one(&run, &run.setting(mapping, &app_roles), id).await?;
        }
        let members_left = run.few_members.as_ref().map(|few| few.left.load(Ordering::Relaxed)).unwrap_or_default();
        let mut batch = Batch::new();
        batch.clear(Table::Plan, "");
        if is_written && members_left == 0 {
            batch.delete(Table::Pending, object);
        }
        state.commit(batch).await?;
        drop(run);
        let events = tap.events.into_inner().unwrap_or_else(PoisonError::into_inner);
        let events = events.into_iter().filter(|event| event.source_id == id).collect();
        Ok(OnDemandReport { members_left, ..OnDemandReport::new(&stored, mapping, events) })
    }

    /// The target ids of source objects, of whatever type they are.
    async fn target_ids(&self, state: &State, ids: Option<&[&str]>) -> Result<Option<Vec<String>>> {
        let Some(ids) = ids else { return Ok(None) };
        let mut found = Vec::new();
        for mapping in &self.job.mappings {
            let keys: Vec<String> = ids.iter().map(|id| object_key(mapping.object_type(), id)).collect();
            found.extend(state.get_many::<Link>(Table::Link, &keys).await?.into_iter().flatten().map(|link| link.target_id));
        }
        Ok(Some(found))
    }
}

impl OnDemandReport {
    fn new(stored: &StoredRecord, mapping: &MappingSet, events: Vec<ProvisioningEvent>) -> Self {
        let is_hidden = |name: &str| mapping.redacted_source_attributes().any(|hidden| hidden.eq_ignore_ascii_case(name));
        let shown = |name: &str, value: &Value| if is_hidden(name) { Value::from("[Redact]") } else { value.clone() };
        let source = stored.record.attributes.iter().map(|(name, value)| (name.to_owned(), shown(name, value))).collect();
        let Some(first) = events.first() else {
            let reason = "nothing is to be done".to_owned();
            return Self { source, ..Self::without_action(EventStatus::Skipped, Some(ErrorCode::RedundantExport), reason, Vec::new()) };
        };
        // What was written says more than that nothing else was.
        let decisive = events.iter().find(|event| event.action != EventAction::Other).unwrap_or(first);
        Self {
            action: decisive.action,
            status: decisive.status,
            code: decisive.code,
            reason: decisive.reason.clone(),
            steps: decisive.steps.clone(),
            source,
            modified_properties: events.iter().flat_map(|event| event.modified_properties.iter().cloned()).collect(),
            members_left: 0,
            events,
        }
    }

    /// Nothing was done, for the reason that this step gives.
    fn failed(step: ProvisioningStep) -> Self {
        let reason = step.description.clone().unwrap_or_default();
        Self::without_action(EventStatus::Failure, None, reason, vec![step])
    }

    fn not_imported(reason: &str) -> Self {
        Self::failed(ProvisioningStep::new("EntryImport", StepKind::Import, EventStatus::Failure, Some(reason.to_owned())))
    }

    const fn without_action(status: EventStatus, code: Option<ErrorCode>, reason: String, steps: Vec<ProvisioningStep>) -> Self {
        Self {
            action: EventAction::Other,
            status,
            code,
            reason: Some(reason),
            steps,
            source: Vec::new(),
            modified_properties: Vec::new(),
            members_left: 0,
            events: Vec::new(),
        }
    }
}
