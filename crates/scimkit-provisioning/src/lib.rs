//! Provisioning cycles that keep a target equal to what a source and its mappings say.
//!
//! An [`Engine`] runs a [`ProvisioningJob`]: it reads the changes of a [`Source`], evaluates the mappings of each object, decides what is to
//! be done, and does it to a [`Target`]. What it must not forget is in a [`StateStore`](scimkit_store::StateStore): links, source records,
//! the watermark, and an intent for every request that is under way. It can be stopped or killed at any moment and goes on where it was.
//!
//! A cycle has these parts, each of which can be repeated:
//!
//! 1. what an earlier run left open is settled;
//! 2. the source's changes are merged into the stored records;
//! 3. assignments decide who is entitled;
//! 4. unlinked objects are matched with those of the target;
//! 5. every marked object is decided upon, and the actions are kept as a plan;
//! 6. the plan is applied, several requests at once;
//! 7. references (managers, members) are written where both ends are linked;
//! 8. the source's position becomes the watermark.

mod apply;
mod approve;
mod claims;
mod code;
mod connection;
mod control;
mod decide;
mod drift;
mod echo;
mod engine;
mod entitlement;
mod error;
mod escrow;
mod event;
mod explain;
mod import;
mod inspect;
mod job;
mod log;
mod matching;
mod metering;
mod on_demand;
mod plan;
mod quarantine;
mod records;
mod references;
mod refusals;
mod report;
mod restart;
mod run;
mod saved_plan;
mod scim_target;
mod source;
mod state;
mod status;
mod step;
mod target;

pub use code::{ErrorCategory, ErrorCode};
pub use control::Due;
pub use drift::{Account, AccountCounts, Drift, DriftPolicy, DriftReport};
pub use engine::Engine;
pub use error::{ConnectionError, CycleError};
pub use event::{
    EventAction, EventStatus, Observer, Observers, Phase, Progress, PropertyChange, ProvisioningEvent, QuotaMeter, QuotaUse, Silent,
};
pub use inspect::{LinkedObject, Unprovisioned};
pub use job::{ProvisioningJob, Scope};
pub use log::{JsonLines, TracingLog};
pub use on_demand::OnDemandReport;
pub use quarantine::{EscrowCounts, ExecutionError, Quarantine, QuarantineReason, QuarantineThresholds, ScheduleState};
pub use report::{Cycle, CycleReport, MatchingChoice};
pub use restart::{ResetScope, ResetScopeError};
pub use saved_plan::{PlanComparison, PlanCounts, PlanDocument, PlanFormat, PlanHeader, PlannedChange};
pub use scim_target::ScimTarget;
pub use source::{
    Assignment, Assignments, Position, ReferenceChange, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
};
pub use status::{EntryCount, Execution, ExecutionState, JobStatus, ProgressUnits, Schedule, StatusCode, SynchronizationStatus};
pub use step::{ProvisioningStep, StepKind};
pub use target::{Target, TargetError, TargetErrorKind, TargetPage};
