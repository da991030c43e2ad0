//! `apply_in_place`: atomic, right about changes, and without a copy of what is not written.

use proptest::prelude::*;
use scimkit_patch::{Context, apply_in_place};
use scimkit_types::{Catalog, Dialect, OperationKind, PatchOp, PatchOperation, Resource, Value};

use crate::support::{json, request, resource, value};

/// Teams: members as of groups, and owners of whom one is primary and whose type can be edited.
fn catalog() -> Catalog {
    let schema = value_of(
        r#"{"id": "urn:example:Team", "attributes": [
            {"name": "displayName", "required": true},
            {"name": "serial", "mutability": "immutable"},
            {"name": "members", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "mutability": "immutable"}, {"name": "type"}, {"name": "$ref", "type": "reference", "referenceTypes": ["User"]}]},
            {"name": "owners", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value"}, {"name": "type"}, {"name": "primary", "type": "boolean"},
                {"name": "$ref", "type": "reference", "referenceTypes": ["User"]}]}]}"#,
    );
    let extension = value_of(r#"{"id": "urn:example:Site", "attributes": [{"name": "room"}]}"#);
    let type_ = r#"{"name": "Team", "endpoint": "/Teams", "schema": "urn:example:Team",
        "schemaExtensions": [{"schema": "urn:example:Site", "required": false}]}"#;
    Catalog::new(vec![schema, extension], vec![serde_json::from_str(type_).unwrap()]).unwrap()
}

fn value_of(text: &str) -> scimkit_types::Schema {
    serde_json::from_str(text).unwrap()
}

const TEAM: &str = r#"{"schemas": ["urn:example:Team"], "displayName": "T",
    "Members": [{"value": "a", "type": "User"}, {"value": "b"}, {"value": "c"}, {"value": "b", "type": "Group"}],
    "owners": [{"value": "a", "type": "User", "primary": true}, {"value": "b"}]}"#;

fn elements() -> impl Strategy<Value = Value> {
    let element = (prop::sample::select(vec!["a", "b", "c", "d", "e", "f"]), prop::option::of(prop::sample::select(vec!["User", "Group"])))
        .prop_map(|(id, type_)| {
            let members = [Some(("value", Value::from(id))), type_.map(|type_| ("type", Value::from(type_)))];
            Value::Complex(members.into_iter().flatten().collect())
        });
    prop::collection::vec(element, 0..7).prop_map(Value::List)
}

fn operations() -> impl Strategy<Value = Vec<PatchOperation>> {
    let list = || prop::sample::select(vec!["members", "owners"]);
    let selected = || {
        (list(), prop::sample::select(vec!["value eq \"a\"", "value eq \"b\"", "type eq \"User\"", "value ne \"c\""]))
            .prop_map(|(name, filter)| format!("{name}[{filter}]"))
    };
    let new = |kind, path: String, value| PatchOperation::new(kind, Some(path), value);
    let text = |kind, path: &str, text: &str| PatchOperation::new(kind, Some(path.to_owned()), Some(value(text)));
    let operation = prop_oneof![
        4 => (list(), elements()).prop_map(move |(name, list)| new(OperationKind::Add, name.to_owned(), Some(list))),
        2 => (list(), elements()).prop_map(move |(name, list)| new(OperationKind::Replace, name.to_owned(), Some(list))),
        2 => (list(), elements()).prop_map(move |(name, list)| new(OperationKind::Remove, name.to_owned(), Some(list))),
        3 => selected().prop_map(move |path| new(OperationKind::Remove, path, None)),
        2 => selected().prop_map(move |path| new(OperationKind::Replace, format!("{path}.type"), Some(Value::from("Group")))),
        1 => selected().prop_map(move |path| new(OperationKind::Replace, path, Some(value(r#"{"type": "User"}"#)))),
        1 => list().prop_map(move |name| new(OperationKind::Remove, name.to_owned(), None)),
        1 => list().prop_map(move |name| new(OperationKind::Remove, format!("{name}.type"), None)),
        1 => Just(text(OperationKind::Add, "owners", r#"[{"value": "p", "primary": true}]"#)),
        1 => Just(text(OperationKind::Add, "urn:example:Site:room", r#""1""#)),
        1 => Just(PatchOperation::new(OperationKind::Remove, Some("urn:example:Site".to_owned()), None)),
        1 => prop::sample::select(vec!["1", "2"]).prop_map(move |id| text(OperationKind::Add, "serial", &format!("\"{id}\""))),
        1 => Just(PatchOperation::new(OperationKind::Remove, Some("displayName".to_owned()), None)),
    ];
    prop::collection::vec(operation, 1..6)
}

proptest! {
    /// R7644-3.5.2-14, R7644-3.5.2-16, R7644-3.5.2.1-06: all operations or none; and a change is one of the whole request.
    #[test]
    fn a_request_is_applied_as_a_whole_or_not_at_all(
        operations in operations(),
        before in prop::sample::select(vec![TEAM, r#"{"displayName": "T"}"#, r#"{"displayName": "T", "members": null, "owners": {"value": "a"}}"#]),
        is_tolerant: bool,
    ) {
        let catalog = catalog();
        let dialect = if is_tolerant { Dialect::ENTRA } else { Dialect::STRICT };
        let context = Context::new(&catalog, catalog.resource_type("Team").unwrap()).with_dialect(dialect);
        let before = resource(before);
        let mut found = before.clone();
        match apply_in_place(&mut found, &PatchOp::new(operations), &context) {
            Ok(patched) => {
                let left_list = |resource: &Resource| Value::List(resource.get("owners").map(Value::elements).unwrap_or_default().to_vec());
                let (mut left, mut right) = (before.clone(), found.clone());
                // A single value in the place of a list stands for a list of one.
                left.insert("owners", left_list(&before));
                right.insert("owners", left_list(&found));
                let is_same = left.as_complex().is_equivalent(right.as_complex());
                prop_assert_eq!(patched.is_changed, !is_same, "before {}\nafter {}", json(&before), json(&found));
                let mut restored = found.clone();
                let references = patched.references.into_iter().map(|name| (before.get(name.as_str()).cloned(), name));
                for (value, name) in patched.before.into_iter().map(|(name, value)| (value, name)).chain(references) {
                    match value {
                        Some(value) => drop(restored.insert(name, value)),
                        None => drop(restored.remove(name.as_str())),
                    }
                }
                prop_assert_eq!(&restored, &before, "what is not told is as it was");
            }
            Err(error) => prop_assert_eq!(&found, &before, "{}", error),
        }
    }
}

fn group(size: usize) -> Resource {
    let members: Vec<String> =
        (0..size).map(|id| format!(r#"{{"value": "user-{id}", "display": "A display name that is long"}}"#)).collect();
    resource(&format!(r#"{{"displayName": "G", "members": [{}]}}"#, members.join(",")))
}

/// Where the texts of the members stand in memory.
fn addresses(group: &Resource) -> Vec<*const u8> {
    let display = |member: &Value| member.as_complex()?.get("display")?.as_str().map(str::as_ptr);
    group.get("members").unwrap().elements().iter().filter_map(display).collect()
}

/// A change of one member copies no other member, nor does a request that has nothing to do with members.
#[test]
fn other_members_are_not_copied() {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("Group").unwrap());
    let mut group = group(1_000);
    let mut expected = addresses(&group);
    for (operations, is_removed) in [
        (r#"[{"op": "replace", "path": "displayName", "value": "N"}]"#, false),
        (r#"[{"op": "add", "path": "members", "value": [{"value": "new"}]}]"#, false),
        (
            r#"[{"op": "add", "path": "members", "value": [{"value": "1"}, {"value": "2"}, {"value": "3"}, {"value": "4"}, {"value": "5"}]}]"#,
            false,
        ),
        (r#"[{"op": "remove", "path": "members[value eq \"user-500\"]"}]"#, true),
        (r#"[{"op": "add", "value": {"members": [{"value": "other"}]}}]"#, false),
    ] {
        assert!(apply_in_place(&mut group, &request(operations), &context).unwrap().is_changed);
        if is_removed {
            expected.remove(500);
        }
        assert_eq!(addresses(&group), expected, "{operations}");
    }
    // What is undone is put back as it was, and not copied either.
    let undone = r#"[{"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": [{"value": "x"}]},
        {"op": "remove", "path": "displayName"}]"#;
    assert!(apply_in_place(&mut group, &request(undone), &context).is_err());
    assert_eq!(addresses(&group), expected);
}

/// Adding a member and removing it again is no change.
#[test]
fn what_comes_and_goes_is_no_change() {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("Group").unwrap());
    let mut group =
        resource(r#"{"displayName": "G", "members": [{"value": "user-0", "type": "User"}, {"value": "user-1"}, {"value": "user-2"}]}"#);
    for operations in [
        r#"[{"op": "add", "path": "members", "value": [{"value": "n"}]}, {"op": "remove", "path": "members[value eq \"n\"]"}]"#,
        r#"[{"op": "remove", "path": "members[value eq \"user-0\"]"},
            {"op": "add", "path": "members", "value": [{"value": "user-0", "type": "User", "$ref": null}]}]"#,
        r#"[{"op": "add", "path": "members", "value": [{"value": "user-2"}]}]"#,
    ] {
        assert!(!apply_in_place(&mut group, &request(operations), &context).unwrap().is_changed, "{operations}");
    }
}
