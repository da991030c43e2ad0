//! One object, at once, with the steps shown.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

use scimkit_store::{Batch, Table};
use scimkit_types::Value;
use serde::{Deserialize, Serialize};

use crate::apply::{apply_all, settle_open};
use crate::code::ErrorCode;
use crate::engine::Engine;
use crate::error::{CycleError, Result};
use crate::event::{EventAction, EventStatus, Observer, Progress, PropertyChange, ProvisioningEvent};
use crate::plan::plan_one;
use crate::quarantine::Quarantine;
use crate::records::{Link, StoredRecord};
use crate::references::write_one;
use crate::report::Cycle;
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
    /// The attributes that were read from the source.
    pub source: Vec<(String, Value)>,
    /// What changed in the target, references too.
    pub modified_properties: Vec<PropertyChange>,
    /// The records of the log.
    pub events: Vec<ProvisioningEvent>,
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

    fn quarantined(&self, quarantine: &Quarantine) {
        self.observer.quarantined(quarantine);
    }
}

impl Engine {
    /// Provisions one object now, as it was last read from the source, and shows the steps. A plan that waits is dropped. Neither the
    /// watermark nor the status of the job changes.
    ///
    /// # Errors
    /// [`CycleError`] if another worker has the job, or what is needed cannot be reached; that an object fails is in the report.
    pub async fn provision_on_demand(&self, object_type: &str, id: &str) -> Result<OnDemandReport, CycleError> {
        if let Err(error) = self.test_connection().await {
            let step = ProvisioningStep::new("TestConnection", StepKind::Matching, EventStatus::Failure, Some(error.to_string()));
            return Ok(OnDemandReport::without_action(EventStatus::Failure, None, error.to_string(), vec![step]));
        }
        let state = self.open().await?;
        let result = self.provision_held(&state, object_type, id).await;
        let closed = state.close().await;
        let report = result?;
        closed?;
        Ok(report)
    }

    async fn provision_held(&self, state: &State, object_type: &str, id: &str) -> Result<OnDemandReport> {
        let mut record = state.job().await?;
        let stored: Option<StoredRecord> = state.get(Table::Record, &object_key(object_type, id)).await?;
        let (Some(stored), Some((_, mapping))) = (stored, self.job.mapping(object_type)) else {
            let reason = "the source has not told of this object, or the job has no mapping for its type";
            let step = ProvisioningStep::new("EntryImport", StepKind::Import, EventStatus::Failure, Some(reason.to_owned()));
            return Ok(OnDemandReport::without_action(EventStatus::Failure, None, reason.to_owned(), vec![step]));
        };
        if record.plan.take().is_some() {
            let mut batch = Batch::new();
            put_job(&mut batch, &record)?;
            state.commit(batch).await?;
        }
        let tap = Tap { observer: self.observer.as_ref(), events: Mutex::default() };
        let mut run = self.run(state, &record, Cycle::OnDemand);
        run.observer = &tap;
        settle_open(&run).await?;
        let app_roles = self.source.assignments().await?.app_roles;
        let counts = plan_one(&run, mapping, &app_roles, id).await?;
        self.guard(&run, counts).await?;
        apply_all(&run, counts.actions).await?;
        let link: Option<Link> = state.get(Table::Link, &object_key(object_type, id)).await?;
        let pending = Work::References.key(mapping.object_type(), id);
        if link.is_some() && state.get::<serde::de::IgnoredAny>(Table::Pending, &pending).await?.is_some() {
            write_one(&run, &run.setting(mapping, &app_roles), id.to_owned(), counts.actions, &AtomicBool::new(false)).await?;
        }
        let mut batch = Batch::new();
        batch.clear(Table::Plan, "");
        state.commit(batch).await?;
        drop(run);
        let events = tap.events.into_inner().unwrap_or_else(PoisonError::into_inner);
        let events = events.into_iter().filter(|event| event.source_id == id).collect();
        Ok(OnDemandReport::new(&stored, events))
    }
}

impl OnDemandReport {
    fn new(stored: &StoredRecord, events: Vec<ProvisioningEvent>) -> Self {
        let source = stored.record.attributes.iter().map(|(name, value)| (name.to_owned(), value.clone())).collect();
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
            events,
        }
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
            events: Vec::new(),
        }
    }
}
