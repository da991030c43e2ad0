//! The protocol's messages (RFC 7644, RFC 9865). Member names are read without case (AMB-43) and written as the RFC spells them.

mod bulk;
mod error;
mod list;
mod patch;

pub use bulk::{BulkOperation, BulkRequest, BulkResponse};
pub use error::{ErrorResponse, ScimType};
pub use list::{ListResponse, SearchRequest, SortOrder};
pub use patch::{OperationKind, PatchOp, PatchOperation};

/// The URI of list responses.
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The URI of search requests.
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// The URI of PATCH requests.
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The URI of bulk requests.
pub const BULK_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
/// The URI of bulk responses.
pub const BULK_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
/// The URI of error responses.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// A message that is JSON but not what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at `{member}`")]
#[non_exhaustive]
pub struct MessageError {
    /// The member at fault, such as `Operations[2].op`.
    pub member: String,
    /// What was expected there.
    pub expected: &'static str,
}

impl MessageError {
    pub(crate) fn new(member: impl Into<String>, expected: &'static str) -> Self {
        Self { member: member.into(), expected }
    }
}
