//! What a cycle tells while it runs: the provisioning log and the progress.

use std::fmt::Debug;
use std::time::Duration;

use scimkit_types::{Timestamp, Value};
use serde::{Deserialize, Serialize};

use crate::code::{ErrorCategory, ErrorCode};
use crate::job::Label;
use crate::records::Escrow;
use crate::run::{Outcome, Run};
use crate::step::{ProvisioningStep, Told, steps};

/// Is told what a cycle does. Calls come from the cycle's own task, one after the other, and must not block for long.
pub trait Observer: Debug + Send + Sync {
    /// One object was handled; the record is for the provisioning log.
    fn event(&self, event: &ProvisioningEvent) {
        let _ = event;
    }

    /// The cycle moved on.
    fn progress(&self, progress: &Progress) {
        let _ = progress;
    }
}

/// Tells several observers, in order.
#[derive(Clone, Debug, Default)]
pub struct Observers(Vec<std::sync::Arc<dyn Observer>>);

impl Observers {
    /// These observers.
    pub fn new(observers: impl IntoIterator<Item = std::sync::Arc<dyn Observer>>) -> Self {
        Self(observers.into_iter().collect())
    }
}

impl Observer for Observers {
    fn event(&self, event: &ProvisioningEvent) {
        self.0.iter().for_each(|observer| observer.event(event));
    }

    fn progress(&self, progress: &Progress) {
        self.0.iter().for_each(|observer| observer.progress(progress));
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Silent;

impl Observer for Silent {}

/// A record of the provisioning log: what became of one object.
///
/// It holds attribute values (those that a mapping wraps in `Redact` excepted), so it belongs where the target's data may be.
///
/// | member | in Microsoft Graph's `provisioningObjectSummary` |
/// |---|---|
/// | `id`, `changeId` | the same |
/// | `at` | `activityDateTime` |
/// | `tenantId` | the same |
/// | `job`, `cycle` | `jobId`, `cycleId` |
/// | `servicePrincipal`: `id`, `name` | `servicePrincipal`: `id`, `displayName` |
/// | `sourceSystem`, `targetSystem`: `id`, `name`, `details` | the same: `id`, `displayName`, `details` |
/// | `objectType` | `sourceIdentity.identityType` |
/// | `sourceId`, `sourceName` | `sourceIdentity.id`, `sourceIdentity.displayName` |
/// | `targetId`, `targetName`, `targetType` | `targetIdentity.id`, `targetIdentity.displayName`, `targetIdentity.identityType` |
/// | `action` | `provisioningAction` |
/// | `status` | `provisioningStatusInfo.status` |
/// | `code`, `reason`, `additionalDetails`, `category`, `recommendedAction` | `provisioningStatusInfo.errorInformation`: `errorCode`, `reason`, `additionalDetails`, `errorCategory`, `recommendedAction` |
/// | `durationInMilliseconds`, `steps`, `modifiedProperties` | `durationInMilliseconds`, `provisioningSteps`, `modifiedProperties` |
/// | of a step: `name`, `kind`, `status`, `description`, `details` | `name`, `provisioningStepType`, `status`, `description`, `details` |
/// | of a property: `name`, `old`, `new` | `displayName`, `oldValue`, `newValue` |
/// | `initiatedBy`, `initiator`: `id`, `name` | `initiatedBy`: `initiatorType`, `id`, `displayName` |
///
/// Tenant, service principal, systems and initiator are as the [job](crate::ProvisioningJob::labels) names them. The names of the two
/// identities are left out if a mapping hides them by `Redact`. There are no `details` of the identities, which Microsoft's service leaves
/// empty: what an object has is in `modifiedProperties`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProvisioningEvent {
    /// Names the record: the job, the cycle and a number.
    pub id: String,
    /// Names the change; no other record has the same, also of a cycle that was stopped and began its numbers anew.
    #[serde(default)]
    pub change_id: String,
    /// When the object was handled.
    pub at: Timestamp,
    /// The tenant of the directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// The job.
    pub job: String,
    /// The number of the cycle.
    pub cycle: u64,
    /// What the directory knows the application by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_principal: Option<Label>,
    /// The directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_system: Option<Label>,
    /// The service; by default with the name that its profile has.
    pub target_system: Label,
    /// The type of the source object.
    pub object_type: String,
    /// The id of the source object.
    pub source_id: String,
    /// What people know the source object by: `userPrincipalName` or `displayName`, unless a mapping that is wrapped in `Redact` reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_name: Option<String>,
    /// The id of the target object, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// What people know the target object by: its `displayName` or `userName` as last written, unless its mapping is wrapped in `Redact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,
    /// The type of the target object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_type: String,
    /// What set it off.
    #[serde(default)]
    pub initiated_by: Initiator,
    /// Who set it off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<Label>,
    /// What was done or tried.
    pub action: EventAction,
    /// How it ended.
    pub status: EventStatus,
    /// How long the requests took.
    #[serde(default)]
    pub duration_in_milliseconds: u64,
    /// Why nothing was done, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How often the object has failed, and when it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_details: Option<String>,
    /// Whose failure it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<ErrorCategory>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recommended_action: Option<String>,
    /// The steps that the object went through.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<ProvisioningStep>,
    /// What changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modified_properties: Vec<PropertyChange>,
}

impl ProvisioningEvent {
    pub(crate) fn new(run: &Run<'_>, number: u64, initiated_by: Initiator, change_id: String, outcome: Outcome<'_>) -> Self {
        let code = outcome.reason.as_ref().map(|reason| reason.code);
        let told = Told {
            action: outcome.action,
            status: outcome.status,
            reason: outcome.reason.as_ref(),
            target_id: outcome.target_id,
            is_reference: outcome.is_reference,
            identifier: outcome.name.as_deref().unwrap_or(outcome.source_id),
        };
        let steps = steps(told);
        let (job, cycle, labels) = (run.job.id.as_str(), run.cycle, &run.job.labels);
        let target_type = run.job.mapping(outcome.object_type).map(|(_, mapping)| mapping.resource_type().to_owned());
        Self {
            id: format!("{job}-{cycle}-{number}"),
            change_id,
            at: run.clock.now(),
            tenant_id: labels.tenant_id.clone(),
            job: job.to_owned(),
            cycle,
            service_principal: labels.service_principal.clone(),
            source_system: labels.source_system.clone(),
            target_system: labels.target_system.clone().unwrap_or_else(|| Label::named(run.job.profile.name.as_str())),
            object_type: outcome.object_type.to_owned(),
            source_id: outcome.source_id.to_owned(),
            source_name: outcome.name,
            target_id: outcome.target_id.map(str::to_owned),
            target_name: outcome.target_name,
            target_type: target_type.unwrap_or_default(),
            initiated_by,
            initiator: labels.initiator.clone(),
            action: outcome.action,
            status: outcome.status,
            duration_in_milliseconds: u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
            code,
            category: code.map(ErrorCode::category),
            recommended_action: code.and_then(ErrorCode::recommended_action).map(str::to_owned),
            steps,
            additional_details: outcome.escrow.as_ref().map(Escrow::told),
            reason: outcome.reason.map(|reason| reason.text),
            modified_properties: outcome.changes,
        }
    }

    /// The key under which the state keeps the record, which is the one of this number in its cycle: keys sort by time.
    pub(crate) fn key(&self, number: u64) -> String {
        format!("{}{number:020}/{}", log_prefix(self.at), self.change_id)
    }
}

/// The start of the keys of the records of an instant.
pub(crate) fn log_prefix(at: Timestamp) -> String {
    format!("{:020}/", at.as_millisecond().max(0))
}

/// One property that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PropertyChange {
    /// The attribute.
    pub name: String,
    /// Its value before; null if it had none.
    pub old: Value,
    /// Its value afterwards; null if it has none.
    pub new: Value,
    /// The mappings that the value comes from, as expressions; only in plans.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<String>,
    /// Why the value is so; only in plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl PropertyChange {
    /// A change that does not tell where it comes from.
    pub(crate) const fn new(name: String, old: Value, new: Value) -> Self {
        Self { name, old, new, mappings: Vec::new(), why: None }
    }
}

/// What set off that an object was handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Initiator {
    /// A cycle.
    #[default]
    System,
    /// Somebody who wanted this object provisioned at once.
    User,
}

/// What was done or tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum EventAction {
    /// A resource was created.
    Create,
    /// A resource was changed.
    Update,
    /// A resource was disabled.
    Disable,
    /// A resource was deleted.
    Delete,
    /// A resource would have been disabled or deleted, and was not, as there were more of them than the job allows.
    StagedDelete,
    /// Nothing was to be done.
    Other,
}

impl EventAction {
    /// The action in one word, as Microsoft's log has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::StagedDelete => "stageddelete",
            Self::Other => "other",
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum EventStatus {
    /// As wanted.
    Success,
    /// It failed and is tried again later.
    Failure,
    /// Nothing was to be done.
    Skipped,
    /// It was held back.
    Warning,
}

impl EventStatus {
    /// The status in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
        }
    }
}

/// How far a cycle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is going on.
    pub phase: Phase,
    /// How many objects of the phase are done.
    pub done: u64,
    /// How many there are; `None` while that is not known.
    pub total: Option<u64>,
    /// When the phase began.
    pub began_at: Timestamp,
    /// When this was so.
    pub at: Timestamp,
    /// What the connection has used of its quota, if the engine was [told](crate::Engine::with_quota_meter) where to ask.
    pub quota: Option<QuotaUse>,
}

impl Progress {
    /// How many objects of the phase were done in a second; `None` before any time has passed.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.at.duration_since(self.began_at).as_secs_f64();
        let done = f64::from(u32::try_from(self.done).unwrap_or(u32::MAX));
        (seconds > 0.0).then(|| done / seconds)
    }

    /// When the phase ends at the rate so far; `None` while the total or the rate is not known.
    pub fn estimated_end_at(&self) -> Option<Timestamp> {
        let rate = self.rate().filter(|rate| *rate > 0.0)?;
        let left = self.total?.saturating_sub(self.done);
        let left = f64::from(u32::try_from(left).unwrap_or(u32::MAX));
        self.at.checked_add(Duration::try_from_secs_f64(left / rate).ok()?).ok()
    }
}

/// What a connection has sent, and what its quotas still allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct QuotaUse {
    /// Requests that read.
    pub reads: u64,
    /// Requests that write.
    pub writes: u64,
    /// Answers of 429.
    pub throttled: u64,
    /// How many reads could be sent at once.
    pub remaining_reads: u32,
    /// How many writes could be sent at once.
    pub remaining_writes: u32,
}

/// Knows what a connection has used of its quotas.
pub trait QuotaMeter: Debug + Send + Sync {
    /// What was used so far.
    fn quota_use(&self) -> QuotaUse;
}

impl<T: scimkit_client::Transport> QuotaMeter for scimkit_client::RateLimited<T> {
    fn quota_use(&self) -> QuotaUse {
        let counts = self.counts();
        QuotaUse {
            reads: counts.reads,
            writes: counts.writes,
            throttled: counts.throttled,
            remaining_reads: self.remaining(scimkit_client::Class::Read),
            remaining_writes: self.remaining(scimkit_client::Class::Write),
        }
    }
}

/// A part of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Requests that an earlier run left open are settled.
    Settling,
    /// Changes are read from the source.
    Importing,
    /// It is read who is assigned; twice where something changed.
    Entitling,
    /// Objects are matched with those of the target.
    Matching,
    /// It is decided what is done.
    Planning,
    /// Objects are created, changed and deleted.
    Applying,
    /// References and members are written.
    References,
}

impl Phase {
    /// What is going on, in one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::Importing => "importing",
            Self::Entitling => "entitling",
            Self::Matching => "matching",
            Self::Planning => "planning",
            Self::Applying => "applying",
            Self::References => "references",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Phase, Progress};

    fn progress(done: u64, total: Option<u64>, at: &str) -> Progress {
        let began_at = "2026-03-01T08:00:00Z".parse().unwrap();
        Progress { phase: Phase::Applying, done, total, began_at, at: at.parse().unwrap(), quota: None }
    }

    #[test]
    fn the_end_is_estimated_from_the_rate_so_far() {
        let half = progress(500, Some(1000), "2026-03-01T08:01:00Z");
        assert_eq!(half.estimated_end_at(), Some("2026-03-01T08:02:00Z".parse().unwrap()));
        assert_eq!(progress(1000, Some(1000), "2026-03-01T08:02:00Z").estimated_end_at(), Some("2026-03-01T08:02:00Z".parse().unwrap()));
    }

    #[test]
    fn no_end_is_estimated_without_a_total_a_rate_or_a_time() {
        assert_eq!(progress(500, None, "2026-03-01T08:01:00Z").estimated_end_at(), None);
        assert_eq!(progress(0, Some(1000), "2026-03-01T08:01:00Z").estimated_end_at(), None);
        assert_eq!(progress(0, Some(1000), "2026-03-01T08:00:00Z").estimated_end_at(), None);
        assert_eq!(progress(1, Some(u64::MAX), "2026-03-01T09:00:00Z").estimated_end_at(), None);
    }
}
