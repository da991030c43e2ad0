//! One run of a cycle: what its parts share.

use std::sync::Mutex;
use std::sync::PoisonError;

use scimkit_mapping::{AppRole, Entropy, MappingSet};
use scimkit_store::{Batch, Table};
use scimkit_types::Clock;

use crate::decide::{Reason, Setting};
use crate::error::Result;
use crate::event::{EventAction, EventStatus, Observer, Phase, Progress, PropertyChange, ProvisioningEvent};
use crate::job::ProvisioningJob;
use crate::records::Escrow;
use crate::report::CycleReport;
use crate::source::Source;
use crate::state::{State, Work, put};
use crate::target::Target;

/// What the parts of a cycle share.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    pub job: &'a ProvisioningJob,
    pub source: &'a dyn Source,
    pub target: &'a dyn Target,
    pub state: &'a State,
    pub clock: &'a dyn Clock,
    pub observer: &'a dyn Observer,
    pub entropy: &'a dyn Entropy,
    pub cycle: u64,
    pub tally: Mutex<CycleReport>,
}

/// What became of an object, for the log.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    pub object_type: &'a str,
    pub source_id: &'a str,
    pub target_id: Option<&'a str>,
    pub action: EventAction,
    pub status: EventStatus,
    pub reason: Option<Reason>,
    pub changes: Vec<PropertyChange>,
}

impl Run<'_> {
    pub(crate) fn setting<'b>(&'b self, mapping: &'b MappingSet, app_roles: &'b [AppRole]) -> Setting<'b> {
        Setting { job: self.job, mapping, now: self.clock.now(), app_roles, entropy: self.entropy }
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut CycleReport)) {
        change(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(crate) fn progress(&self, phase: Phase, done: u64, total: Option<u64>) {
        self.observer.progress(&Progress::new(phase, done, total));
    }

    /// Tells the log what became of an object, and counts it.
    pub(crate) fn tell(&self, outcome: Outcome<'_>) {
        let mut number = 0;
        self.count(|report| {
            report.count(outcome.action, outcome.status, outcome.reason.as_ref().map(|reason| reason.code));
            report.events += 1;
            number = report.events;
        });
        self.observer.event(&ProvisioningEvent {
            id: format!("{}-{}-{number}", self.job.id.as_str(), self.cycle),
            at: self.clock.now(),
            job: self.job.id.as_str().to_owned(),
            cycle: self.cycle,
            object_type: outcome.object_type.to_owned(),
            source_id: outcome.source_id.to_owned(),
            target_id: outcome.target_id.map(str::to_owned),
            action: outcome.action,
            status: outcome.status,
            code: outcome.reason.as_ref().map(|reason| reason.code),
            reason: outcome.reason.map(|reason| reason.text),
            modified_properties: outcome.changes,
        });
    }

    /// Puts a failed object into escrow: it is tried again after 6, 12 and 24 hours, then every 24 hours; whoever changes it at the source
    /// has it tried at once.
    pub(crate) async fn put_escrow(&self, batch: &mut Batch, work: Work, object_type: &str, id: &str, reason: &Reason) -> Result<()> {
        let key = work.escrow_key(object_type, id);
        let known: Option<Escrow> = self.state.get(Table::Escrow, &key).await?;
        put(batch, Table::Escrow, key, &Escrow::next(known.as_ref(), self.clock.now(), reason))
    }
}
