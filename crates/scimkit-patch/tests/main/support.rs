//! Helpers of all test modules.

use scimkit_patch::{Applied, Context, PatchError, apply};
use scimkit_types::{Catalog, Dialect, PatchOp, Resource, Value};

pub(crate) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[track_caller]
pub(crate) fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[track_caller]
pub(crate) fn resource(text: &str) -> Resource {
    serde_json::from_str(text).unwrap()
}

/// A request from the text of its `Operations`.
#[track_caller]
pub(crate) fn request(operations: &str) -> PatchOp {
    let body = format!(r#"{{"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": {operations}}}"#);
    PatchOp::from_json(value(&body)).unwrap()
}

#[track_caller]
pub(crate) fn patch_in(catalog: &Catalog, type_: &str, dialect: Dialect, before: &str, operations: &str) -> Result<Applied, PatchError> {
    let context = Context::new(catalog, catalog.resource_type(type_).unwrap()).with_dialect(dialect);
    apply(&resource(before), &request(operations), &context)
}

#[track_caller]
pub(crate) fn patch(type_: &str, dialect: Dialect, before: &str, operations: &str) -> Result<Applied, PatchError> {
    patch_in(&Catalog::standard(), type_, dialect, before, operations)
}

/// Equal up to what carries no meaning.
#[track_caller]
pub(crate) fn assert_same(found: &Resource, expected: &Resource) {
    let same = found.as_complex().is_equivalent(expected.as_complex());
    assert!(same, "expected {}\nfound    {}", json(expected), json(found));
}

pub(crate) fn json(resource: &Resource) -> String {
    serde_json::to_string(resource).unwrap()
}
