//! What a cycle tells while it runs: the provisioning log and the progress.

use std::fmt;
use std::fmt::Debug;

use scimkit_types::{Timestamp, Value};
use serde::{Deserialize, Serialize};

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

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Silent;

impl Observer for Silent {}

/// A record of the provisioning log: what became of one object.
///
/// It holds attribute values (those that a mapping wraps in `Redact` excepted), so it belongs where the target's data may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ProvisioningEvent {
    /// Names the record: the cycle and a number.
    pub id: String,
    /// When the object was handled.
    pub at: Timestamp,
    /// The job.
    pub job: String,
    /// The number of the cycle.
    pub cycle: u64,
    /// The type of the source object.
    pub object_type: String,
    /// The id of the source object.
    pub source_id: String,
    /// The id of the target object, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_id: Option<String>,
    /// What was done or tried.
    pub action: EventAction,
    /// How it ended.
    pub status: EventStatus,
    /// Why nothing was done, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ErrorCode>,
    /// The same for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modified_properties: Vec<PropertyChange>,
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
    /// Nothing was to be done.
    Other,
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
}

/// Why nothing was done, or why it failed. The names are those of Microsoft's provisioning log where it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The object is not assigned to the application.
    NotAssigned,
    /// The scoping filter leaves the object out.
    NotInScope,
    /// The object is disabled, and a disabled one is never created.
    Disabled,
    /// The source has deleted the object.
    Deleted,
    /// The job does not do this kind of action.
    ActionNotAllowed,
    /// What would be written is what was written last.
    RedundantExport,
    /// A mapping says that the object is to be left alone.
    ObjectIgnored,
    /// The object has no value for any matching attribute.
    MissingMatchingValue,
    /// A required attribute has no value.
    MissingValues,
    /// A mapping cannot be evaluated.
    MappingFailed,
    /// Another source object has the matching value already.
    DuplicateSourceEntries,
    /// Several target objects have the matching value.
    DuplicateTargetEntries,
    /// A unique value is in use in the target.
    EntryConflict,
    /// The linked target object is gone.
    InvalidAnchor,
    /// The target refused the request.
    Rejected,
    /// The target failed.
    InternalServerError,
    /// The target's answer is not SCIM.
    SystemForCrossDomainIdentityManagementServiceIncompatible,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Debug::fmt(self, f)
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
}

impl Progress {
    /// A state of a cycle.
    pub const fn new(phase: Phase, done: u64, total: Option<u64>) -> Self {
        Self { phase, done, total }
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
            Self::Matching => "matching",
            Self::Planning => "planning",
            Self::Applying => "applying",
            Self::References => "references",
        }
    }
}
