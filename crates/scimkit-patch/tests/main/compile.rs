//! `compile`: operations on members as changes.

use proptest::prelude::*;
use scimkit_patch::{Compiled, Context, apply, compile};
use scimkit_types::{Catalog, Change, Dialect, OperationKind, PatchOp, PatchOperation, Resource, Value};

use crate::support::{assert_same, request, resource};

fn compiled(dialect: Dialect, request: &PatchOp) -> Compiled {
    let catalog = Catalog::standard();
    compile(request, &Context::new(&catalog, catalog.resource_type("Group").unwrap()).with_dialect(dialect)).unwrap()
}

/// What a store does with the changes.
fn execute(resource: &mut Resource, changes: &[Change]) {
    let mut members = resource.remove("members").map(|members| members.elements().to_vec()).unwrap_or_default();
    let id = |member: &Value| member.as_complex().unwrap().get("value").and_then(Value::as_str).unwrap().to_owned();
    for change in changes {
        match change {
            Change::AddMember { member, .. } => {
                if !members.iter().any(|present| id(present) == id(member)) {
                    members.push(member.clone());
                }
            }
            Change::RemoveMember { value, .. } => members.retain(|member| id(member) != *value),
            Change::ClearMembers { .. } => members.clear(),
            other => panic!("expected a change of members, found {other:?}"),
        }
    }
    resource.insert("members", Value::List(members));
}

#[track_caller]
fn check(dialect: Dialect, operations: &str, expected: &[&str], rest: &str) {
    let compiled = compiled(dialect, &request(operations));
    let found: Vec<String> = compiled
        .changes
        .iter()
        .map(|change| match change {
            Change::AddMember { member, .. } => format!("+{}", serde_json::to_string(member).unwrap()),
            Change::RemoveMember { value, .. } => format!("-{value}"),
            Change::ClearMembers { .. } => "clear".to_owned(),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(found, expected);
    assert_eq!(compiled.document, request(rest));
}

#[test]
fn members_become_changes_and_the_rest_stays() {
    check(
        Dialect::STRICT,
        r#"[{"op": "replace", "path": "displayName", "value": "N"}, {"op": "remove", "path": "members[value eq \"a\"]"},
            {"op": "add", "path": "members", "value": [{"value": "b", "display": "B", "$ref": null}, {"value": "c"}]}]"#,
        &["-a", r#"+{"value":"b"}"#, r#"+{"value":"c"}"#],
        r#"[{"op": "replace", "path": "displayName", "value": "N"}]"#,
    );
    check(Dialect::STRICT, r#"[{"op": "remove", "path": "members"}]"#, &["clear"], "[]");
    check(Dialect::STRICT, r#"[{"op": "replace", "path": "members", "value": {"value": "a"}}]"#, &["clear", r#"+{"value":"a"}"#], "[]");
    check(Dialect::STRICT, r#"[{"op": "replace", "path": "members", "value": null}]"#, &["clear"], "[]");
    check(Dialect::STRICT, r#"[{"op": "remove", "path": "members[value eq \"a\" or value eq \"b\"]"}]"#, &["-a", "-b"], "[]");
}

#[test]
fn a_value_without_path_is_split() {
    check(
        Dialect::STRICT,
        r#"[{"op": "add", "value": {"displayName": "N", "Members": [{"value": "a"}]}}]"#,
        &[r#"+{"value":"a"}"#],
        r#"[{"op": "add", "value": {"displayName": "N"}}]"#,
    );
    check(Dialect::ENTRA, r#"[{"op": "remove", "value": {"members": [{"value": "a"}]}}]"#, &["-a"], "[]");
}

/// What cannot be said by changes stays as a whole, so that order and errors are those of the request.
#[test]
fn a_request_that_cannot_be_compiled_stays_whole() {
    for operation in [
        r#"{"op": "remove", "path": "members[type eq \"User\"]"}"#,
        r#"{"op": "replace", "path": "members[value eq \"x\"].type", "value": "User"}"#,
        r#"{"op": "remove", "path": "members", "value": [{"value": "a"}]}"#,
        r#"{"op": "add", "path": "members", "value": [{"type": "User"}]}"#,
        r#"{"op": "add", "path": "members", "value": "a"}"#,
        r#"{"op": "add", "path": "members"}"#,
        r#"{"op": "add", "value": {"members.value": "a"}}"#,
        r#"{"op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:Group", "value": {"members": [{"value": "a"}]}}"#,
    ] {
        let operations = format!(r#"[{{"op": "add", "path": "members", "value": [{{"value": "z"}}]}}, {operation}]"#);
        check(Dialect::STRICT, &operations, &[], &operations);
    }
}

fn operations() -> impl Strategy<Value = Vec<PatchOperation>> {
    let id = || prop::sample::select(vec!["a", "b", "c", "d"]);
    let list = prop::collection::vec(id(), 0..4)
        .prop_map(|ids| ids.iter().map(|id| Value::Complex([("value", Value::from(*id))].into_iter().collect())).collect::<Vec<_>>());
    let path = |path: &str| Some(path.to_owned());
    let operation = prop_oneof![
        list.clone().prop_map(move |list| PatchOperation::new(OperationKind::Add, path("members"), Some(Value::List(list)))),
        list.prop_map(move |list| PatchOperation::new(OperationKind::Replace, path("members"), Some(Value::List(list)))),
        id().prop_map(move |id| PatchOperation::new(OperationKind::Remove, Some(format!("members[value eq \"{id}\"]")), None)),
        Just(PatchOperation::new(OperationKind::Remove, path("members"), None)),
        Just(PatchOperation::new(OperationKind::Replace, path("displayName"), Some(Value::from("N")))),
    ];
    prop::collection::vec(operation, 1..6)
}

proptest! {
    /// Changes and the rest lead to the same resource as the request.
    #[test]
    fn compiling_keeps_the_meaning(operations in operations()) {
        let catalog = Catalog::standard();
        let context = Context::new(&catalog, catalog.resource_type("Group").unwrap());
        let before = resource(r#"{"displayName": "G", "members": [{"value": "a"}, {"value": "b"}]}"#);
        let request = PatchOp::new(operations);
        let expected = apply(&before, &request, &context).unwrap().resource;
        let compiled = compile(&request, &context).unwrap();
        let mut found = before;
        if !compiled.document.operations.is_empty() {
            found = apply(&found, &compiled.document, &context).unwrap().resource;
        }
        execute(&mut found, &compiled.changes);
        assert_same(&found, &expected);
    }
}
