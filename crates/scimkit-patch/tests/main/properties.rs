//! What holds for every request, whatever a peer sends.

use proptest::prelude::*;
use scimkit_patch::{Context, apply, compile};
use scimkit_types::{Catalog, ComplexValue, Dialect, OperationKind, PatchOp, PatchOperation, Resource, Value};

use crate::support::{ENTERPRISE, resource, value};

const PATHS: &[&str] = &[
    "title",
    "active",
    "userName",
    "name",
    "name.givenName",
    "emails",
    "emails.type",
    "emails.primary",
    "emails[type eq \"work\"]",
    "emails[type eq \"work\"].value",
    "emails[type eq \"other\" and primary eq true].value",
    "emails[value pr].primary",
    "emails[not (type eq \"home\")].display",
    "roles[primary eq \"True\"].value",
    "manager",
    "id",
    "meta.created",
    "schemas",
    "unknown",
    "emails[",
    "emails[type eq]",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
    "urn:ietf:params:scim:schemas:core:2.0:User",
    "urn:ietf:params:scim:schemas:core:2.0:User:title",
];

const VALUES: &[&str] = &[
    "null",
    "[]",
    "{}",
    "\"\"",
    "\"True\"",
    "\"a\"",
    "true",
    "1",
    "[\"a\"]",
    "[[\"a\"]]",
    r#"{"value": "a"}"#,
    r#"{"value": ""}"#,
    r#"{"unknown": 1}"#,
    r#"{"givenName": null, "familyName": "F"}"#,
    r#"[{"value": "a", "type": "work"}, {"value": "b", "primary": true}]"#,
    r#"[{"value": "a", "primary": true}, {"value": "b", "primary": "True"}]"#,
    r#"{"emails": [{"value": "n", "type": "home", "primary": true}], "title": "T", "id": "x"}"#,
    r#"{"name.givenName": "N", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division": "D"}"#,
    r#"{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"manager": {"value": "m"}, "department": null}}"#,
    r#"["urn:ietf:params:scim:schemas:core:2.0:User"]"#,
];

fn operation() -> impl Strategy<Value = PatchOperation> {
    let kind = prop::sample::select(vec![OperationKind::Add, OperationKind::Remove, OperationKind::Replace]);
    let path = prop::option::of(prop::sample::select(PATHS).prop_map(str::to_owned));
    let value = prop::option::of(prop::sample::select(VALUES).prop_map(value));
    (kind, path, value).prop_map(|(kind, path, value)| PatchOperation::new(kind, path, value))
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop::sample::select(vec![Dialect::STRICT, Dialect::LENIENT, Dialect::ENTRA, Dialect::ENTRA_OPTSCIM, Dialect::OKTA])
}

const USER: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
    "id": "u", "userName": "ola", "title": "A", "name": {"givenName": "G", "familyName": "F"},
    "emails": [{"value": "w", "type": "work", "primary": true}, {"value": "h", "type": "home"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D", "manager": {"value": "m", "$ref": "/Users/m"}}}"#;

fn primaries(resource: &Resource, name: &str) -> usize {
    let is_primary = |element: &&Value| {
        let members: Option<&ComplexValue> = element.as_complex();
        members.and_then(|members| members.get("primary")) == Some(&Value::Boolean(true))
    };
    resource.get(name).map(Value::elements).unwrap_or_default().iter().filter(is_primary).count()
}

proptest! {
    /// R7644-3.5.2-11, R7644-3.5.2-13, R7644-3.5.2-15, R7644-3.5.2.1-06 for requests of every kind, in every dialect.
    #[test]
    fn what_is_applied_is_sound((dialect, operations) in (dialect(), prop::collection::vec(operation(), 1..5))) {
        let catalog = Catalog::standard();
        let context = Context::new(&catalog, catalog.resource_type("User").unwrap()).with_dialect(dialect);
        let before = resource(USER);
        let count = operations.len();
        let request = PatchOp::new(operations);
        match apply(&before, &request, &context) {
            Ok(applied) => {
                let after = &applied.resource;
                prop_assert_eq!(applied.is_changed, !after.as_complex().is_equivalent(before.as_complex()));
                prop_assert_eq!(after.has_schema(ENTERPRISE), after.extension(ENTERPRISE).is_some());
                prop_assert_eq!(after.get("id"), before.get("id"));
                prop_assert!(after.get("userName").is_some());
                prop_assert!(["emails", "roles"].iter().all(|name| primaries(after, name) <= 1));
                prop_assert!(after.as_complex().iter().all(|(_, value)| !value.is_unassigned()));
                prop_assert!(applied.tolerances.iter().all(|tolerance| dialect.allows(*tolerance)));
            }
            Err(error) => prop_assert!(error.operation().is_some_and(|operation| operation < count)),
        }
        // Users have no members that could be compiled.
        if let Ok(compiled) = compile(&request, &context) {
            prop_assert!(compiled.changes.is_empty());
            prop_assert_eq!(compiled.document, request);
        }
    }
}
