//! Why a client is not content with a service.

use scimkit_client::TransportError;
use scimkit_types::ErrorResponse;

/// Why a client could not do what it was to do. A request is named by its method and path; its query is left out, as it has values in it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Complaint {
    /// The address is not one of a service.
    #[error("expected an absolute address such as `https://example.com/scim/v2`, found `{found}`")]
    Address {
        /// What was found.
        found: String,
    },
    /// There is no answer.
    #[error("{request} was not answered")]
    Unanswered {
        /// The request.
        request: String,
        /// Why.
        #[source]
        source: TransportError,
    },
    /// The answer is a refusal.
    #[error("{request} was refused with status {status}")]
    Refused {
        /// The request.
        request: String,
        /// The status.
        status: u16,
        /// The body; `None` if it is no SCIM error.
        error: Option<ErrorResponse>,
    },
    /// The answer cannot be used by this client.
    #[error("{request} was answered by what the client cannot use: {reason}")]
    Unusable {
        /// The request.
        request: String,
        /// What was expected and what was found.
        reason: String,
    },
    /// More than one object has the value by which the client looks for one.
    #[error("{request} found {count} objects where one was expected at most")]
    Duplicates {
        /// The request.
        request: String,
        /// How many were found.
        count: usize,
    },
    /// The object that the client knows by its id is not there.
    #[error("the object `{id}`, which the client has linked, is gone")]
    Gone {
        /// The id at the service.
        id: String,
    },
    /// The attributes have no value by which the client could look for the object.
    #[error("expected a value of `{path}` to look for the object, found none")]
    NoMatchingValue {
        /// The path of the matching attribute.
        path: String,
    },
}

impl Complaint {
    /// The status of the refusal.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub(crate) fn unusable(request: &str, reason: impl Into<String>) -> Self {
        Self::Unusable { request: request.to_owned(), reason: reason.into() }
    }
}
