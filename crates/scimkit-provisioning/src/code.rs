//! Why nothing was done with an object, or why it failed.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::target::{TargetError, TargetErrorKind};

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
    /// The target did not answer.
    Timeout,
    /// The target's answer is not SCIM.
    SystemForCrossDomainIdentityManagementServiceIncompatible,
    /// The target refuses the credentials.
    SystemForCrossDomainIdentityManagementInvalidCredentials,
    /// The client has not the rights for the request.
    InsufficientRights,
    /// The target takes no request of this kind there.
    MethodNotAllowed,
    /// The target can do nothing with what was sent.
    UnprocessableEntity,
    /// The target does not do what was asked.
    NotImplemented,
    /// The target had too many requests.
    TooManyRequests,
    /// The object changed after the plan was made, so what was planned was not done.
    PlanOutdated,
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Whose failure it is, as Microsoft's log tells (`errorCategory`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ErrorCategory {
    /// The service failed, and may do better later.
    Failure,
    /// What is asked of the service is wrong: the data, the job or the rights.
    NonServiceFailure,
    /// Nothing failed.
    Success,
}

impl ErrorCode {
    /// What a target's error is called.
    pub(crate) const fn of(error: &TargetError) -> Self {
        match (error.kind, error.status) {
            (_, Some(403)) => Self::InsufficientRights,
            (_, Some(405)) => Self::MethodNotAllowed,
            (_, Some(422)) => Self::UnprocessableEntity,
            (_, Some(501)) => Self::NotImplemented,
            (TargetErrorKind::Unavailable | TargetErrorKind::Expired, _) => Self::Timeout,
            (TargetErrorKind::Throttled, _) => Self::TooManyRequests,
            (TargetErrorKind::Unauthorized, _) => Self::SystemForCrossDomainIdentityManagementInvalidCredentials,
            (TargetErrorKind::Conflict, _) => Self::EntryConflict,
            (TargetErrorKind::Rejected, _) => Self::Rejected,
            (TargetErrorKind::ServerError, _) => Self::InternalServerError,
            // A linked resource that is gone has a code of its own; this is the answer to another request.
            (TargetErrorKind::Incompatible | TargetErrorKind::Gone, _) => Self::SystemForCrossDomainIdentityManagementServiceIncompatible,
        }
    }

    /// Whose failure it is.
    pub const fn category(self) -> ErrorCategory {
        match self {
            Self::InternalServerError | Self::Timeout | Self::TooManyRequests => ErrorCategory::Failure,
            Self::NotAssigned
            | Self::NotInScope
            | Self::Disabled
            | Self::Deleted
            | Self::ActionNotAllowed
            | Self::RedundantExport
            | Self::ObjectIgnored
            | Self::PlanOutdated => ErrorCategory::Success,
            _ => ErrorCategory::NonServiceFailure,
        }
    }

    /// What to do about it; `None` if nothing has to be done.
    pub const fn recommended_action(self) -> Option<&'static str> {
        Some(match self {
            Self::MissingMatchingValue => "give the object a value for a matching attribute",
            Self::MissingValues => "give the object the required value, or the mapping a default",
            Self::MappingFailed => "correct the mapping or the value that it reads",
            Self::DuplicateSourceEntries => "give the two objects of the source different matching values",
            Self::DuplicateTargetEntries => "delete or rename all but one of the resources",
            Self::EntryConflict => "find who has the unique value in the service, and change one of the two",
            Self::Rejected => "correct what the service names",
            Self::InsufficientRights => "give the client of the service the rights, or the account the licenses, that the service names",
            Self::NotImplemented => "leave out of the mappings what the service does not do",
            Self::SystemForCrossDomainIdentityManagementServiceIncompatible => "check the address of the service",
            Self::SystemForCrossDomainIdentityManagementInvalidCredentials => "give the job a token that the service takes",
            Self::PlanOutdated => "plan again",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The codes of Microsoft's log for what a service answers.
    #[test]
    fn each_kind_of_failure_has_its_code() {
        let answers = [
            (TargetErrorKind::Unavailable, None, "Timeout"),
            (TargetErrorKind::Expired, None, "Timeout"),
            (TargetErrorKind::Throttled, Some(429), "TooManyRequests"),
            (TargetErrorKind::Unauthorized, Some(401), "SystemForCrossDomainIdentityManagementInvalidCredentials"),
            (TargetErrorKind::Gone, Some(404), "SystemForCrossDomainIdentityManagementServiceIncompatible"),
            (TargetErrorKind::Incompatible, Some(200), "SystemForCrossDomainIdentityManagementServiceIncompatible"),
            (TargetErrorKind::Conflict, Some(409), "EntryConflict"),
            (TargetErrorKind::Rejected, Some(400), "Rejected"),
            (TargetErrorKind::Rejected, Some(403), "InsufficientRights"),
            (TargetErrorKind::ServerError, Some(500), "InternalServerError"),
            (TargetErrorKind::ServerError, Some(501), "NotImplemented"),
            (TargetErrorKind::Rejected, Some(405), "MethodNotAllowed"),
            (TargetErrorKind::Rejected, Some(422), "UnprocessableEntity"),
        ];
        for (kind, status, expected) in answers {
            let mut error = TargetError::new(kind, "no");
            error.status = status;
            assert_eq!(ErrorCode::of(&error).to_string(), expected, "{kind:?} {status:?}");
        }
    }
}
