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
mod decide;
mod echo;
mod engine;
mod entitlement;
mod error;
mod escrow;
mod event;
mod import;
mod job;
mod matching;
mod plan;
mod records;
mod references;
mod report;
mod run;
mod scim_target;
mod source;
mod state;
mod target;

pub use engine::{Engine, LinkedObject, Unprovisioned};
pub use error::{ConnectionError, CycleError};
pub use event::{ErrorCode, EventAction, EventStatus, Observer, Phase, Progress, PropertyChange, ProvisioningEvent, Silent};
pub use job::{ProvisioningJob, Scope};
pub use report::{Cycle, CycleReport, MatchingChoice};
pub use scim_target::ScimTarget;
pub use source::{
    Assignment, Assignments, Position, ReferenceChange, Source, SourceChange, SourceChangeKind, SourceError, SourceErrorKind, SourcePage,
};
pub use target::{Target, TargetError, TargetErrorKind, TargetPage};
