//! `diff`: the round trip with `apply`, and what the operations look like.

use proptest::prelude::*;
use scimkit_patch::{Context, DiffError, DiffOptions, apply, diff};
use scimkit_types::{Catalog, ComplexValue, OperationKind, PatchOp, PatchOperation, Resource, Value};

use crate::support::{ENTERPRISE, assert_same, json, request, resource};

fn pick(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::sample::select(values).prop_map(Value::from)
}

fn maybe(values: &'static [&'static str]) -> impl Strategy<Value = Option<Value>> {
    prop::option::of(pick(values))
}

fn object(members: Vec<(&'static str, Option<Value>)>) -> ComplexValue {
    members.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

const TEXTS: &[&str] = &["a", "b", "Ä \"quoted\" \\ ]", "", "x y"];
const TYPES: &[&str] = &["work", "home", "Other", "WORK"];
const VALUES: &[&str] = &["a@example.com", "A@example.com", "b@example.com", "c\"]@example.com"];

fn element() -> impl Strategy<Value = ComplexValue> {
    (maybe(VALUES), maybe(TYPES), maybe(TEXTS), prop::option::of(Just(Value::Boolean(false)))).prop_map(
        |(value, type_, display, primary)| object(vec![("value", value), ("type", type_), ("display", display), ("primary", primary)]),
    )
}

/// A list with at most one primary.
fn elements() -> impl Strategy<Value = Option<Value>> {
    (prop::collection::vec(element(), 0..5), prop::option::of(any::<prop::sample::Index>())).prop_map(|(mut elements, primary)| {
        elements.retain(|element| !element.is_empty());
        if let (Some(index), false) = (primary, elements.is_empty()) {
            let index = index.index(elements.len());
            elements[index].insert("primary", true);
        }
        (!elements.is_empty()).then(|| Value::List(elements.into_iter().map(Value::Complex).collect()))
    })
}

fn addresses() -> impl Strategy<Value = Option<Value>> {
    let address = (maybe(TYPES), maybe(TEXTS), maybe(TEXTS), maybe(TEXTS))
        .prop_map(|(type_, street, locality, country)| {
            object(vec![("type", type_), ("streetAddress", street), ("locality", locality), ("country", country)])
        })
        .prop_filter("an element says something", |address| !address.is_empty());
    prop::option::of(prop::collection::vec(address.prop_map(Value::Complex), 1..4).prop_map(Value::List))
}

fn user() -> impl Strategy<Value = Resource> {
    let name = (maybe(TEXTS), maybe(TEXTS), maybe(TEXTS), maybe(TEXTS)).prop_map(|(family, given, middle, formatted)| {
        object(vec![("familyName", family), ("givenName", given), ("middleName", middle), ("formatted", formatted)])
    });
    let simple = (maybe(TEXTS), maybe(TEXTS), prop::option::of(any::<bool>()), maybe(&["e1", "e2"]));
    let manager = (maybe(&["m1", "m2"]), maybe(&["/Users/m1"])).prop_map(|(value, ref_)| object(vec![("value", value), ("$ref", ref_)]));
    let enterprise = (maybe(TEXTS), maybe(TEXTS), manager);
    (pick(&["ola", "kari"]), simple, name, elements(), elements(), addresses(), enterprise).prop_map(
        |(user_name, (title, nick_name, active, external_id), name, emails, roles, addresses, (department, division, manager))| {
            let manager = (!manager.is_empty()).then_some(Value::Complex(manager));
            let enterprise = object(vec![("department", department), ("division", division), ("manager", manager)]);
            let mut user = Resource::new([scimkit_types::schema::USER]);
            let members = vec![
                ("userName", Some(user_name)),
                ("title", title),
                ("nickName", nick_name),
                ("active", active.map(Value::Boolean)),
                ("externalId", external_id),
                ("name", (!name.is_empty()).then_some(Value::Complex(name))),
                ("emails", emails),
                ("roles", roles),
                ("addresses", addresses),
            ];
            for (name, value) in members {
                if let Some(value) = value {
                    user.insert(name, value);
                }
            }
            if !enterprise.is_empty() {
                user.insert(ENTERPRISE, enterprise);
                user.set_schemas([scimkit_types::schema::USER, ENTERPRISE]);
            }
            user
        },
    )
}

fn group() -> impl Strategy<Value = Resource> {
    let member = (0..12_u8, maybe(&["User", "Group"]), maybe(&["/Users/1"])).prop_map(|(value, type_, ref_)| {
        (value, object(vec![("value", Some(Value::from(value.to_string()))), ("type", type_), ("$ref", ref_)]))
    });
    let members = prop::collection::vec(member, 0..8).prop_map(|mut members| {
        members.sort_by_key(|(value, _)| *value);
        members.dedup_by_key(|(value, _)| *value);
        members.into_iter().map(|(_, member)| Value::Complex(member)).collect::<Vec<_>>()
    });
    (pick(&["Guides", "Tours"]), members).prop_map(|(name, members)| {
        let mut group = Resource::new([scimkit_types::schema::GROUP]);
        group.insert("displayName", name);
        if !members.is_empty() {
            group.insert("members", Value::List(members));
        }
        group
    })
}

fn options() -> impl Strategy<Value = DiffOptions> {
    any::<(bool, bool)>().prop_map(|(has_value_paths, is_path_required)| {
        DiffOptions::default().with_has_value_paths(has_value_paths).with_is_path_required(is_path_required)
    })
}

/// `primary: false` says nothing.
fn without_idle_primary(resource: &Resource) -> Resource {
    let mut resource = resource.clone();
    for (_, value) in resource.as_complex_mut().iter_mut() {
        if let Value::List(elements) = value {
            for members in elements.iter_mut().filter_map(Value::as_complex_mut) {
                members.retain(|name, value| !(name == "primary" && value.as_bool() == Some(false)));
            }
        }
    }
    resource
}

#[track_caller]
fn check_round_trip(type_: &str, current: &Resource, desired: &Resource, options: &DiffOptions) -> Vec<PatchOperation> {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type(type_).unwrap());
    assert_eq!(diff(current, current, &context, options).unwrap(), [], "{}", json(current));
    let operations = diff(current, desired, &context, options).unwrap();
    if operations.is_empty() {
        assert_same(current, desired);
        return operations;
    }
    let applied = apply(current, &PatchOp::new(operations.clone()), &context).unwrap();
    let same = applied.resource.as_complex().is_equivalent(desired.as_complex());
    assert!(same, "{operations:#?}\nexpected {}\nfound    {}", json(desired), json(&applied.resource));
    assert!(applied.is_changed);
    // No operation can be left out.
    for index in 0..operations.len() {
        let mut fewer = operations.clone();
        fewer.remove(index);
        if let Ok(applied) = apply(current, &PatchOp::new(fewer), &context) {
            assert!(!applied.resource.as_complex().is_equivalent(desired.as_complex()), "operation {index} of {operations:#?}");
        }
    }
    operations
}

proptest! {
    /// Invariant: `apply(diff(a, b), a)` equals `b` up to what carries no meaning.
    #[test]
    fn users_round_trip((current, desired, options) in (user(), user(), options())) {
        let operations = check_round_trip("User", &current, &desired, &options);
        prop_assert!(!options.is_path_required || operations.iter().all(|operation| operation.path.is_some()));
    }

    #[test]
    fn groups_round_trip((current, desired, options) in (group(), group(), options())) {
        check_round_trip("Group", &current, &desired, &options);
    }

    /// Without replacing lists, elements that are not shown stay.
    #[test]
    fn elements_that_are_not_shown_stay((current, desired) in (user(), user())) {
        let catalog = Catalog::standard();
        let context = Context::new(&catalog, catalog.resource_type("User").unwrap());
        let options = DiffOptions::default().with_can_replace_lists(false);
        let Ok(operations) = diff(&current, &desired, &context, &options) else { return Ok(()) };
        let hidden = resource(r#"{"value": "hidden@example.com", "type": "hidden"}"#).into_complex();
        let with_hidden = |resource: &Resource| {
            let mut resource = resource.clone();
            for name in ["emails", "roles"] {
                let mut elements = resource.get(name).map(|list| list.elements().to_vec()).unwrap_or_default();
                elements.push(Value::Complex(hidden.clone()));
                resource.insert(name, Value::List(elements));
            }
            resource
        };
        let applied = if operations.is_empty() {
            with_hidden(&current)
        } else {
            apply(&with_hidden(&current), &PatchOp::new(operations), &context).unwrap().resource
        };
        assert_same(&without_idle_primary(&applied), &without_idle_primary(&with_hidden(&desired)));
    }
}

#[track_caller]
fn check(type_: &str, options: &DiffOptions, current: &str, desired: &str, expected: &str) {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type(type_).unwrap());
    let operations = diff(&resource(current), &resource(desired), &context, options).unwrap();
    assert_eq!(PatchOp::new(operations).to_json(), request(expected).to_json());
}

#[track_caller]
fn check_error(current: &str, desired: &str, is_expected: fn(&DiffError) -> bool) {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("User").unwrap());
    let error = diff(&resource(current), &resource(desired), &context, &DiffOptions::default()).unwrap_err();
    assert!(is_expected(&error), "{error:?}");
}

#[test]
fn simple_replacements_are_one_operation_without_path() {
    let (current, desired) = (
        r#"{"userName": "a", "title": "A", "name": {"givenName": "A", "familyName": "B"}}"#,
        r#"{"userName": "a", "title": "B", "name": {"givenName": "C", "familyName": "B"},
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}}"#,
    );
    check(
        "User",
        &DiffOptions::default(),
        current,
        desired,
        r#"[{"op": "replace", "value": {"name": {"givenName": "C"}, "title": "B",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "D"}}}]"#,
    );
    check(
        "User",
        &DiffOptions::default().with_is_path_required(true),
        current,
        desired,
        r#"[{"op": "replace", "path": "name.givenName", "value": "C"}, {"op": "replace", "path": "title", "value": "B"},
            {"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "D"}]"#,
    );
}

#[test]
fn one_element_is_addressed_by_its_type() {
    check(
        "User",
        &DiffOptions::default(),
        r#"{"userName": "a", "emails": [{"type": "work", "value": "a@x.org", "primary": true}, {"type": "home", "value": "h@x.org"}]}"#,
        r#"{"userName": "a", "emails": [{"type": "work", "value": "b@x.org", "primary": true}, {"type": "home", "value": "h@x.org"}]}"#,
        r#"[{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@x.org"}]"#,
    );
}

#[test]
fn an_element_that_is_not_there_is_added() {
    check(
        "User",
        &DiffOptions::default().with_can_replace_lists(false),
        r#"{"userName": "a"}"#,
        r#"{"userName": "a", "phoneNumbers": [{"type": "work", "value": "1"}]}"#,
        r#"[{"op": "add", "path": "phoneNumbers", "value": [{"type": "work", "value": "1"}]}]"#,
    );
}

/// A change of a group costs in proportion to the change.
#[test]
fn members_are_added_together_and_removed_one_by_one() {
    let members = |values: &mut dyn Iterator<Item = usize>| {
        let members: Vec<String> = values.map(|value| format!(r#"{{"value": "u{value}"}}"#)).collect();
        format!(r#"{{"displayName": "G", "members": [{}]}}"#, members.join(","))
    };
    check(
        "Group",
        &DiffOptions::default(),
        &members(&mut (0..20_000)),
        &members(&mut (2..20_002)),
        r#"[{"op": "remove", "path": "members[value eq \"u0\"]"}, {"op": "remove", "path": "members[value eq \"u1\"]"},
            {"op": "add", "path": "members", "value": [{"value": "u20000"}, {"value": "u20001"}]}]"#,
    );
}

#[test]
fn what_the_service_derives_is_left_alone_if_asked() {
    let current = r#"{"displayName": "G", "members": [{"value": "a", "$ref": "/Users/a", "type": "User", "display": "A"}]}"#;
    let desired = r#"{"displayName": "G", "members": [{"value": "a"}]}"#;
    check("Group", &DiffOptions::default().with_ignores_derived(true), current, desired, "[]");
    check(
        "Group",
        &DiffOptions::default(),
        current,
        desired,
        r#"[{"op": "remove", "path": "members[value eq \"a\"]"}, {"op": "add", "path": "members", "value": [{"value": "a"}]}]"#,
    );
}

/// R7644-3.5.2-09: a client does not modify what it cannot write.
#[test]
fn differences_that_a_client_cannot_write_are_errors() {
    check_error(r#"{"id": "1", "userName": "a"}"#, r#"{"id": "2", "userName": "a"}"#, |error| matches!(error, DiffError::ReadOnly { .. }));
    check_error(r#"{"userName": "a"}"#, r#"{"title": "a"}"#, |error| matches!(error, DiffError::Required { .. }));
    check_error(r#"{"userName": "a"}"#, r#"{"userName": "a", "x": 1}"#, |error| matches!(error, DiffError::UnknownAttribute { .. }));
    check_error(r#"{"userName": "a"}"#, r#"{"userName": 1}"#, |error| matches!(error, DiffError::Value { .. }));
    let primaries = r#"{"userName": "a", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}"#;
    check_error(r#"{"userName": "a"}"#, primaries, |error| matches!(error, DiffError::Value { .. }));
}

#[test]
fn what_the_service_adds_is_no_difference() {
    check(
        "User",
        &DiffOptions::default(),
        r#"{"id": "1", "userName": "a", "meta": {"version": "W/\"1\""}, "groups": [{"value": "g"}], "emails": []}"#,
        r#"{"userName": "a", "title": null}"#,
        "[]",
    );
}

#[test]
fn a_custom_immutable_attribute_can_be_set_but_not_changed() {
    let catalog = crate::rules::custom_catalog();
    let context = Context::new(&catalog, catalog.resource_type("Device").unwrap());
    let find = |current: &str, desired: &str| diff(&resource(current), &resource(desired), &context, &DiffOptions::default());
    let operations = find(r#"{"name": "a"}"#, r#"{"name": "a", "serial": "1"}"#).unwrap();
    assert_eq!(operations.iter().map(|operation| operation.kind).collect::<Vec<_>>(), [OperationKind::Replace]);
    let error = find(r#"{"name": "a", "serial": "1"}"#, r#"{"name": "a", "serial": "2"}"#).unwrap_err();
    assert!(matches!(error, DiffError::Immutable { .. }));
}

#[test]
fn simple_elements_are_addressed_by_value() {
    let catalog = crate::rules::custom_catalog();
    let context = Context::new(&catalog, catalog.resource_type("Device").unwrap());
    let options = DiffOptions::default().with_can_replace_lists(false);
    let (current, desired) = (resource(r#"{"name": "a", "tags": ["x", "y"]}"#), resource(r#"{"name": "a", "tags": ["y", "z"]}"#));
    let operations = diff(&current, &desired, &context, &options).unwrap();
    let applied = apply(&current, &PatchOp::new(operations), &context).unwrap();
    assert_same(&applied.resource, &desired);
}
