//! Why a cycle or a test of the connection could not be completed.

use scimkit_store::StoreError;

use crate::quarantine::ScheduleState;
use crate::source::{SourceError, SourceErrorKind};
use crate::target::{TargetError, TargetErrorKind};

/// The result of a call to the engine.
pub(crate) type Result<T, E = CycleError> = std::result::Result<T, E>;

/// A number of things, such as `1 object` or `2 objects`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// Why a cycle could not be completed. Nothing that was done is lost: the next cycle goes on where this one stopped.
///
/// A failure of one object is not an error: the object is put into escrow and the cycle goes on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CycleError {
    /// The source could not be read.
    #[error("the directory could not be read: {0}")]
    Source(#[from] SourceError),
    /// The target does not answer, refuses the credentials, or has had too many requests.
    #[error("the service could not be used: {0}")]
    Target(#[from] TargetError),
    /// The state could not be read or written.
    #[error("the state could not be kept: {0}")]
    State(#[from] StoreError),
    /// A record of the state cannot be read.
    #[error("the state holds a record that cannot be read, in `{table}`")]
    CorruptState {
        /// The table of the record.
        table: &'static str,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// More objects would be disabled or deleted than the job allows; none was.
    #[error("{} would be disabled or deleted, more than the threshold of {threshold}; none was", counted(*planned, "object"))]
    TooManyDeletes {
        /// How many would be.
        planned: u64,
        /// How many are allowed.
        threshold: u64,
    },
    /// The service refused every action of a kind (403), so that it was not asked for each object.
    #[error("the service refused the first {refused} actions and did none: {message}; check what the client of the service may do")]
    Refused {
        /// How many it refused.
        refused: u32,
        /// What it said last.
        message: String,
    },
    /// The job is paused or disabled.
    #[error("the job is {state}; start it first")]
    NotActive {
        /// What it is.
        state: ScheduleState,
    },
    /// A mapping is of an object type that the source does not have, so that it would provision nobody; nothing was done.
    #[error("expected mappings of object types that the directory has (`{}`), found one of `{object_type}`", known.join("`, `"))]
    UnknownObjectType {
        /// The object type of the mapping.
        object_type: String,
        /// The object types that the source has.
        known: Vec<String>,
    },
    /// Something could not be written for the caller.
    #[error("the plan could not be written")]
    Output(#[from] std::io::Error),
    /// The plan cannot be applied.
    #[error("the plan cannot be applied: {reason}")]
    PlanRefused {
        /// What has changed since.
        reason: String,
    },
}

impl CycleError {
    /// Whether the same cycle may succeed later without anybody doing something.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Source(error) => matches!(error.kind, SourceErrorKind::Unavailable | SourceErrorKind::PositionExpired),
            Self::Target(error) => {
                matches!(error.kind, TargetErrorKind::Unavailable | TargetErrorKind::Throttled | TargetErrorKind::Expired)
            }
            Self::State(_) => true,
            Self::CorruptState { .. }
            | Self::TooManyDeletes { .. }
            | Self::Refused { .. }
            | Self::UnknownObjectType { .. }
            | Self::Output(_)
            | Self::NotActive { .. }
            | Self::PlanRefused { .. } => false,
        }
    }
}

/// Why a service cannot be provisioned as the job says, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectionError {
    /// The service cannot be reached.
    #[error("the service cannot be reached; check its address and that it is running")]
    Unreachable(#[source] TargetError),
    /// The service says that there were too many requests.
    #[error("the service has had too many requests; try again later, and check that the job's quota is that of the service")]
    Busy(#[source] TargetError),
    /// The service refuses the token.
    #[error("the service refuses the token (401); check that it is the one the service gave and that it has not expired")]
    Unauthorized(#[source] TargetError),
    /// The service refuses the client.
    #[error("the service refuses the request: {0}")]
    Refused(#[source] TargetError),
    /// The service cannot filter on a matching attribute.
    #[error("the service cannot filter on the matching attribute `{attribute}`: {error}; choose one that it can filter on")]
    CannotFilter {
        /// The attribute.
        attribute: String,
        /// What the service says.
        #[source]
        error: TargetError,
    },
    /// The service finds something for a value that nobody has.
    #[error(
        "the service ignores the filter on `{attribute}`: it finds {} for a value that nobody has",
        counted(u64::try_from(*found).unwrap_or(u64::MAX), "resource")
    )]
    IgnoresFilter {
        /// The attribute.
        attribute: String,
        /// How many it finds.
        found: usize,
    },
    /// The answer is not SCIM.
    #[error("the service's answer is not SCIM: {0}; check the address, which often ends in `/scim/v2`")]
    Incompatible(#[source] TargetError),
}
