//! The protocol's messages (RFC 7644, RFC 9865). Member names are read without case (AMB-43) and written as the RFC spells them.

mod bulk;
mod error;
mod list;
mod patch;

use crate::value::{ComplexValue, Value};

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
#[error("expected {expected}{}", place(member))]
#[non_exhaustive]
pub struct MessageError {
    /// The member at fault, such as `Operations[2].op`; empty if it is the message itself.
    pub member: String,
    /// What was expected there.
    pub expected: &'static str,
}

impl MessageError {
    pub(crate) fn new(member: impl Into<String>, expected: &'static str) -> Self {
        Self { member: member.into(), expected }
    }
}

/// The place for a text; nothing for the message itself.
fn place(member: &str) -> String {
    if member.is_empty() { String::new() } else { format!(" at `{member}`") }
}

/// Checks that `schemas` names the URI of the message.
fn check_schema(body: &ComplexValue, uri: &'static str, expected: &'static str) -> Result<(), MessageError> {
    let schemas = body.get("schemas").map(Value::elements).unwrap_or_default();
    let is_named = schemas.iter().filter_map(Value::as_str).any(|schema| schema.eq_ignore_ascii_case(uri));
    if is_named { Ok(()) } else { Err(MessageError::new("schemas", expected)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Value {
        serde_json::from_str(&text.replace("MESSAGE", "urn:ietf:params:scim:api:messages:2.0")).unwrap()
    }

    #[track_caller]
    fn refuse<T: std::fmt::Debug>(result: Result<T, MessageError>, member: &str) {
        assert_eq!(result.unwrap_err().member, member);
    }

    /// R7644-3.4.3-02, R7644-3.5.2-02, R7644-3.7-02: a request names its own schema.
    #[test]
    fn requests_name_their_schema() {
        for schemas in ["[]", "null", r#"["MESSAGE:Error"]"#] {
            let body = json(&format!(r#"{{"schemas": {schemas}, "Operations": []}}"#));
            refuse(SearchRequest::from_json(&body), "schemas");
            refuse(PatchOp::from_json(body.clone()), "schemas");
            refuse(BulkRequest::from_json(body), "schemas");
        }
        assert!(
            SearchRequest::from_json(&json(r#"{"SCHEMAS": ["message:searchREQUEST"]}"#.replace("message", "MESSAGE").as_str())).is_ok()
        );
        assert!(BulkRequest::from_json(json(r#"{"schemas": ["MESSAGE:BulkRequest"], "operations": []}"#)).is_ok());
    }

    /// R7644-3.5.2-03, R7644-3.5.2-04, AMB-27, AMB-43: operations are a list of `add`, `remove` and `replace`, in any case.
    #[test]
    fn faulty_operations_are_named() {
        let read = |operations: &str| PatchOp::from_json(json(&format!(r#"{{"schemas": ["MESSAGE:PatchOp"], {operations}}}"#)));
        refuse(read(r#""x": 1"#), "Operations");
        refuse(read(r#""Operations": {"op": "add"}"#), "Operations");
        refuse(read(r#""Operations": [{"op": "add"}, {"op": "move"}]"#), "Operations[1].op");
        refuse(read(r#""Operations": [{"op": "add", "path": 1}]"#), "Operations[0].path");
        refuse(read(r#""Operations": [1]"#), "Operations[0]");
        assert_eq!(read(r#""operations": [{"OP": "Replace", "value": null}]"#).unwrap().operations[0].kind, OperationKind::Replace);
    }

    /// R7644-3.4.2-04, R9865-2-07: a list without resources, or without a total where the service provider does not know it.
    #[test]
    fn lists_are_read_in_all_their_forms() {
        let read = |text: &str| ListResponse::from_json(json(text));
        assert_eq!(read(r#"{"totalResults": 3}"#).unwrap().resources, []);
        let page = read(r#"{"Resources": [{"id": "1"}], "nextCursor": "c"}"#).unwrap();
        assert_eq!((page.total_results, page.next_cursor.as_deref()), (1, Some("c")));
        refuse(read("{}"), "totalResults");
        refuse(read(r#"{"totalResults": "many"}"#), "totalResults");
        refuse(read(r#"{"totalResults": 1, "Resources": [1]}"#), "Resources[0]");
    }

    /// R7644-3.12-03, R7644-3.12-05: the status of an error may be a number, and an unknown keyword is ignored.
    #[test]
    fn errors_are_read_leniently() {
        let read = |text: &str| ErrorResponse::from_json(&json(text));
        let error = read(r#"{"schemas": ["MESSAGE:Error"], "status": 409, "scimType": "uniqueness"}"#).unwrap();
        assert_eq!((error.status, error.scim_type), (409, Some(ScimType::Uniqueness)));
        let error = read(r#"{"status": "400", "detail": "d", "scimType": "invented"}"#).unwrap();
        assert_eq!((error.status, error.scim_type, error.detail.as_str()), (400, None, "d"));
        assert_eq!(read(r#"{"error": "x"}"#), None);
    }
}
