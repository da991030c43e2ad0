//! One run of a cycle: what its parts share.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use scimkit_mapping::{AppRole, Entropy, MappingSet};
use scimkit_store::{Batch, Table};
use scimkit_types::{Clock, Resource, Timestamp};

use crate::decide::{Reason, Setting, comparisons};
use crate::error::Result;
use crate::event::{EventAction, EventStatus, Initiator, Observer, Phase, Progress, PropertyChange, ProvisioningEvent, QuotaMeter};
use crate::job::ProvisioningJob;
use crate::on_demand::FewMembers;
use crate::records::{Escrow, target_name};
use crate::refusals::Refusals;
use crate::report::{Cycle, CycleReport, Tally};
use crate::source::Source;
use crate::state::{State, Work, put};
use crate::target::{Target, TargetError, TargetErrorKind};

/// How often the lease is renewed for a request that has waited for too long to be sent under the lease before.
const RENEWALS: u32 = 100;

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
    pub quota: Option<&'a dyn QuotaMeter>,
    pub cycle: u64,
    /// Whether the changes of planned actions say which mapping they come from.
    pub explains: bool,
    /// Whether the actions were approved, so that what changed since is skipped.
    pub is_approved: bool,
    /// Whether the engine may remove whatever it finds.
    pub may_remove: bool,
    /// Which members may be added and removed, if not all may.
    pub few_members: Option<FewMembers>,
    pub tally: &'a Tally,
    pub refusals: Refusals,
    /// The objects of which it is not known whether an earlier cycle made them.
    pub unsettled: Mutex<BTreeSet<String>>,
    /// The present phase, and since when.
    pub phase: Mutex<Option<(Phase, Timestamp)>>,
}

/// What became of an object, for the log.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    pub object_type: &'a str,
    pub source_id: &'a str,
    /// What people know the object by.
    pub name: Option<String>,
    pub target_id: Option<&'a str>,
    /// What people know the resource by.
    pub target_name: Option<String>,
    pub action: EventAction,
    /// Whether it is about the references of the object.
    pub is_reference: bool,
    pub status: EventStatus,
    pub reason: Option<Reason>,
    /// When an object that failed is tried again.
    pub escrow: Option<Escrow>,
    pub changes: Vec<PropertyChange>,
    /// How long the action took.
    pub took: Duration,
}

impl Run<'_> {
    pub(crate) fn setting<'b>(&'b self, mapping: &'b MappingSet, app_roles: &'b [AppRole]) -> Setting<'b> {
        let comparisons = comparisons(self.job, mapping);
        Setting { job: self.job, mapping, now: self.clock.now(), app_roles, entropy: self.entropy, comparisons }
    }

    pub(crate) fn count(&self, change: impl FnOnce(&mut CycleReport)) {
        self.tally.count(change);
    }

    /// Whether somebody has released the removals of this cycle, however many they are.
    pub(crate) async fn are_removals_released(&self) -> Result<bool> {
        Ok(self.may_remove || self.state.status().await?.allows_removals)
    }

    pub(crate) fn progress(&self, phase: Phase, done: u64, total: Option<u64>) {
        let now = self.clock.now();
        let began_at = {
            let mut present = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
            match *present {
                Some((known, began_at)) if known == phase => began_at,
                _ => {
                    *present = Some((phase, now));
                    now
                }
            }
        };
        let quota = self.quota.map(QuotaMeter::quota_use);
        self.observer.progress(&Progress { phase, done, total, began_at, at: now, quota });
    }

    /// Calls the target while the job is held: not before, and not once another worker may have it. A request that was not sent for that
    /// reason is sent again under the renewed lease; if another worker has the job, the cycle ends. What may have had an effect is not
    /// sent again here: that is for those who can ask whether it had one, or who know that it may have it twice.
    ///
    /// INVARIANT (one owner): every request of a cycle goes through here.
    pub(crate) async fn call<T, F>(&self, send: impl Fn(Timestamp) -> F + Send + Sync) -> Result<Result<T, TargetError>>
    where
        F: Future<Output = Result<T, TargetError>> + Send,
    {
        let mut renewals = 0;
        loop {
            let not_after = self.state.hold().await?;
            match send(not_after).await {
                Err(error) if error.kind == TargetErrorKind::Expired && !error.may_have_had_effect && renewals < RENEWALS => renewals += 1,
                result => return Ok(result),
            }
        }
    }

    /// Counts what became of an object, and makes the record of the log, which is part of the batch if the job keeps its log. It is to be
    /// [told](Self::emit) once the batch is durable.
    pub(crate) fn record(&self, batch: &mut Batch, outcome: Outcome<'_>) -> Result<ProvisioningEvent> {
        let (mut number, mut initiated_by) = (0, Initiator::System);
        self.count(|report| {
            if report.kind == Cycle::OnDemand {
                initiated_by = Initiator::User;
            }
            report.count(outcome.action, outcome.status, outcome.reason.as_ref().map(|reason| reason.code));
            report.events += 1;
            number = report.events;
        });
        let event = ProvisioningEvent::new(self, number, initiated_by, self.change_id(), outcome);
        if self.job.log_retention.is_some() {
            put(batch, Table::Log, event.key(number), &event)?;
        }
        Ok(event)
    }

    /// Commits a batch with the record of what became of an object, and tells the log.
    pub(crate) async fn tell(&self, mut batch: Batch, outcome: Outcome<'_>) -> Result<()> {
        let event = self.record(&mut batch, outcome)?;
        self.state.commit(batch).await?;
        self.emit(&event);
        Ok(())
    }

    /// A name for a change, which no other one has.
    fn change_id(&self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill(&mut bytes);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Tells the log what became of an object.
    pub(crate) fn emit(&self, event: &ProvisioningEvent) {
        crate::metering::count_event(event);
        self.observer.event(event);
    }

    /// Does nothing with an object in this cycle.
    pub(crate) fn leave_unsettled(&self, object: String) {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner).insert(object);
    }

    /// Whether it is not known if an earlier cycle made an object.
    pub(crate) fn is_unsettled(&self, object: &str) -> bool {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner).contains(object)
    }

    /// Puts a failed object into escrow: it is tried again after 6, 12 and 24 hours, then every 24 hours; whoever changes it at the source
    /// has it tried at once.
    pub(crate) async fn put_escrow(&self, batch: &mut Batch, work: Work, object_type: &str, id: &str, reason: &Reason) -> Result<Escrow> {
        let key = work.escrow_key(object_type, id);
        let known: Option<Escrow> = self.state.get(Table::Escrow, &key).await?;
        let escrow = Escrow::next(known.as_ref(), self.cycle, self.clock.now(), reason);
        put(batch, Table::Escrow, key, &escrow)?;
        Ok(escrow)
    }

    /// What people know a resource of an object type by, if it tells and the mappings show it.
    pub(crate) fn target_name(&self, object_type: &str, resource: &Resource) -> Option<String> {
        self.job.mapping(object_type).and_then(|(_, mapping)| target_name(resource, mapping))
    }
}
