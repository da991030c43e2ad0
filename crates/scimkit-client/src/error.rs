//! What can go wrong between a call and its result.

use std::fmt;
use std::time::Duration;

use scimkit_types::{ErrorResponse, ScimType};

use crate::transport::TransportError;

/// A call that has no result.
///
/// Neither `Display` nor `Debug` shows what the peer wrote for people, since that may repeat attribute values; it is in the fields.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The call cannot be made into a request. Nothing was sent.
    #[error("{reason}")]
    InvalidRequest {
        /// What was expected and what was found.
        reason: String,
    },
    /// There is no answer.
    #[error("the request was not answered")]
    Transport(#[from] TransportError),
    /// The service provider answered with a SCIM error.
    #[error("the service provider answered {}{}", .error.status, .error.scim_type.map(|kind| format!(" ({kind})")).unwrap_or_default())]
    Response {
        /// The error; its status is that of the answer.
        error: ErrorResponse,
        /// How long the service provider wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The answer is a redirect, which is never followed (R7644-3.12-04).
    #[error("expected an answer, found a redirect ({status})")]
    Redirect {
        /// The HTTP status.
        status: u16,
        /// Where the answer points to.
        location: Option<String>,
    },
    /// The answer is an error and not one of SCIM: of a proxy, a gateway or something that is not a service provider.
    #[error("expected a SCIM error, found {status} with {reason}")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// What stands in place of a SCIM error.
        reason: String,
        /// How long the peer wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The answer is a success whose body cannot be read.
    #[error("{reason} at `{path}` of an answer {status}")]
    InvalidBody {
        /// The HTTP status.
        status: u16,
        /// Where in the body; empty for the body as a whole.
        path: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// The pages of a query do not add up to the number of results that the service provider tells.
    #[error("expected {expected} results, found {found} on all pages: {reason}")]
    Incomplete {
        /// How many results there should be.
        expected: u64,
        /// How many there were.
        found: u64,
        /// What ended the pages.
        reason: &'static str,
    },
}

impl ClientError {
    pub(crate) fn invalid_request(reason: impl Into<String>) -> Self {
        Self::InvalidRequest { reason: reason.into() }
    }

    /// The HTTP status of the answer, if there is one.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Response { error, .. } => Some(error.status),
            Self::Redirect { status, .. } | Self::Unexpected { status, .. } | Self::InvalidBody { status, .. } => Some(*status),
            Self::InvalidRequest { .. } | Self::Transport(_) | Self::Incomplete { .. } => None,
        }
    }

    /// The keyword of the SCIM error.
    pub const fn scim_type(&self) -> Option<ScimType> {
        match self {
            Self::Response { error, .. } => error.scim_type,
            _ => None,
        }
    }

    /// How long the peer wants to be left alone.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Response { retry_after, .. } | Self::Unexpected { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the resource does not exist: 404 with a SCIM error.
    ///
    /// Another 404 may come from a gateway or an unsupported method and says nothing about the resource.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Response { error, .. } if error.status == 404)
    }

    /// Whether the request, if it was a write, may have changed something: there is no answer, or one that does not say that nothing was done.
    pub const fn may_have_had_effect(&self) -> bool {
        match self {
            Self::Transport(error) => error.may_have_had_effect(),
            Self::Response { error, .. } => error.status >= 500,
            Self::Unexpected { status, .. } => *status >= 500,
            Self::InvalidBody { .. } => true,
            Self::InvalidRequest { .. } | Self::Redirect { .. } | Self::Incomplete { .. } => false,
        }
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => f.debug_tuple("Transport").field(error).finish(),
            _ => write!(f, "ClientError({self})"),
        }
    }
}
