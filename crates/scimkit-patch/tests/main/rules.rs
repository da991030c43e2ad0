//! Rules of RFC 7644 section 3.5.2 that the vectors do not cover, with a schema of our own.

use scimkit_types::{Catalog, Dialect, ResourceType, Schema, ScimType, Tolerance};

use crate::support::{ENTERPRISE, assert_same, patch, patch_in, resource};

/// Devices: an immutable serial number, a list of text, a required list, a required extension.
pub(crate) fn custom_catalog() -> Catalog {
    let schema = |text: &str| serde_json::from_str::<Schema>(text).unwrap();
    let device = schema(
        r#"{"id": "urn:example:Device", "attributes": [
            {"name": "name", "type": "string", "required": true},
            {"name": "serial", "type": "string", "mutability": "immutable"},
            {"name": "ports", "type": "integer"},
            {"name": "weight", "type": "decimal"},
            {"name": "boughtAt", "type": "dateTime"},
            {"name": "tags", "type": "string", "multiValued": true},
            {"name": "owners", "type": "complex", "multiValued": true, "required": true, "subAttributes": [
                {"name": "value", "type": "string", "required": true}, {"name": "since", "type": "string", "mutability": "immutable"}]}
        ]}"#,
    );
    let extension = schema(r#"{"id": "urn:example:Site", "attributes": [{"name": "room", "type": "string"}]}"#);
    let type_: ResourceType = serde_json::from_str(
        r#"{"name": "Device", "endpoint": "/Devices", "schema": "urn:example:Device",
            "schemaExtensions": [{"schema": "urn:example:Site", "required": true}]}"#,
    )
    .unwrap();
    Catalog::new(vec![device, extension], vec![type_]).unwrap()
}

const DEVICE: &str = r#"{"schemas": ["urn:example:Device", "urn:example:Site"], "name": "d", "tags": ["x", "y"],
    "owners": [{"value": "a", "since": "2020"}], "urn:example:Site": {"room": "1"}}"#;

#[track_caller]
fn check(operations: &str, changed: &str) {
    let applied = patch_in(&custom_catalog(), "Device", Dialect::STRICT, DEVICE, operations).unwrap();
    let mut expected = resource(DEVICE);
    for (name, value) in resource(changed).into_complex() {
        expected.insert(name, value);
    }
    assert_same(&applied.resource, &expected);
    assert_eq!(applied.is_changed, !expected.as_complex().is_equivalent(resource(DEVICE).as_complex()));
}

#[track_caller]
fn check_error(operations: &str, scim_type: ScimType) {
    let error = patch_in(&custom_catalog(), "Device", Dialect::STRICT, DEVICE, operations).unwrap_err();
    assert_eq!(error.scim_type(), scim_type, "{error}");
}

/// R7644-3.5.2-10: an immutable attribute without a value can be set, and then not be changed.
#[test]
fn immutable_attributes_are_set_once() {
    check(r#"[{"op": "add", "path": "serial", "value": "1"}]"#, r#"{"serial": "1"}"#);
    check(r#"[{"op": "add", "path": "serial", "value": "1"}, {"op": "replace", "path": "serial", "value": "1"}]"#, r#"{"serial": "1"}"#);
    let twice = |last: &str| format!(r#"[{{"op": "add", "path": "serial", "value": "1"}}, {last}]"#);
    check_error(&twice(r#"{"op": "replace", "path": "serial", "value": "2"}"#), ScimType::Mutability);
    check_error(&twice(r#"{"op": "remove", "path": "serial"}"#), ScimType::Mutability);
}

/// IR13: entries of a list may be replaced, an immutable sub-attribute of one may not be edited.
#[test]
fn entries_are_replaced_and_not_edited() {
    check(
        r#"[{"op": "replace", "path": "owners", "value": [{"value": "a", "since": "2021"}]}]"#,
        r#"{"owners": [{"value": "a", "since": "2021"}]}"#,
    );
    check_error(r#"[{"op": "replace", "path": "owners[value eq \"a\"].since", "value": "2021"}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "replace", "path": "owners[value eq \"a\"]", "value": {"since": "2021"}}]"#, ScimType::Mutability);
}

/// IR11: add with a path appends to a list of simple values, once.
#[test]
fn simple_values_are_appended_once() {
    check(r#"[{"op": "add", "path": "tags", "value": "z"}]"#, r#"{"tags": ["x", "y", "z"]}"#);
    check(r#"[{"op": "add", "path": "tags", "value": ["y", "z", "z"]}]"#, r#"{"tags": ["x", "y", "z"]}"#);
    check(r#"[{"op": "remove", "path": "tags[value eq \"x\"]"}]"#, r#"{"tags": ["y"]}"#);
    check(r#"[{"op": "replace", "path": "tags[value eq \"x\"]", "value": "w"}]"#, r#"{"tags": ["w", "y"]}"#);
}

/// R7644-3.5.2.2-05, AMB-25: what is required can be removed in no way.
#[test]
fn required_values_stay() {
    check_error(r#"[{"op": "remove", "path": "owners"}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "remove", "path": "owners[value eq \"a\"]"}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "remove", "path": "owners.value"}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "replace", "path": "owners", "value": []}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "replace", "path": "name", "value": null}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "replace", "value": {"name": null}}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "replace", "path": "name", "value": ""}]"#, ScimType::InvalidValue);
}

/// R7643-4.1.1-01, R7644-3.5.2.2-05: empty text is no value for what is required, in no dialect; no value at all is its removal.
#[test]
fn empty_text_is_no_value_for_what_is_required() {
    for dialect in ["strict", "lenient", "entra", "entra-optscim", "okta"] {
        for (value, scim_type) in [(r#""""#, ScimType::InvalidValue), ("null", ScimType::Mutability)] {
            let operations = format!(r#"[{{"op": "replace", "path": "userName", "value": {value}}}]"#);
            let error = patch("User", dialect.parse().unwrap(), r#"{"userName": "a"}"#, &operations).unwrap_err();
            assert_eq!(error.scim_type(), scim_type, "{dialect} {value}");
        }
    }
}

/// R7644-3.5.2-13: a required extension cannot be emptied.
#[test]
fn required_extensions_stay() {
    check_error(r#"[{"op": "remove", "path": "urn:example:Site"}]"#, ScimType::Mutability);
    check_error(r#"[{"op": "remove", "path": "urn:example:Site:room"}]"#, ScimType::Mutability);
    check(r#"[{"op": "replace", "path": "urn:example:site:ROOM", "value": "2"}]"#, r#"{"urn:example:Site": {"room": "2"}}"#);
}

/// R7644-3.5.2-08: a value must be of the attribute's type.
#[test]
fn types_are_checked() {
    check(
        r#"[{"op": "add", "value": {"ports": 2, "weight": 1.5, "boughtAt": "2020-01-01T00:00:00Z"}}]"#,
        r#"{"ports": 2, "weight": 1.5, "boughtAt": "2020-01-01T00:00:00Z"}"#,
    );
    for (name, value) in [
        ("ports", "1.5"),
        ("ports", "\"1\""),
        ("weight", "true"),
        ("boughtAt", "\"today\""),
        ("name", "1"),
        ("tags", "[1]"),
        ("owners", "\"a\""),
    ] {
        check_error(&format!(r#"[{{"op": "replace", "path": "{name}", "value": {value}}}]"#), ScimType::InvalidValue);
    }
    check_error(r#"[{"op": "replace", "path": "name", "value": ["a"]}]"#, ScimType::InvalidValue);
}

/// R7644-3.5.2-06, R7644-3.5.2-07, AMB-12.
#[test]
fn paths_and_filters_have_errors_of_their_own() {
    for (path, scim_type) in [
        ("na me", ScimType::InvalidPath),
        ("", ScimType::InvalidPath),
        ("unknown", ScimType::InvalidPath),
        ("owners.unknown", ScimType::InvalidPath),
        ("urn:example:Other:x", ScimType::InvalidPath),
        ("name[value eq \\\"a\\\"]", ScimType::InvalidPath),
        ("owners[unknown eq \\\"a\\\"]", ScimType::InvalidFilter),
        ("owners[value foo \\\"a\\\"]", ScimType::InvalidFilter),
    ] {
        check_error(&format!(r#"[{{"op": "remove", "path": "{path}"}}]"#), scim_type);
    }
}

/// Every operation and its size is bounded.
#[test]
fn the_number_of_operations_is_limited() {
    let many = |count| format!("[{}]", vec![r#"{"op": "add", "path": "tags", "value": "x"}"#; count].join(","));
    check(&many(scimkit_patch::MAX_OPERATIONS), "{}");
    check_error(&many(scimkit_patch::MAX_OPERATIONS + 1), ScimType::TooMany);
}

/// AMB-28: a strict service refuses a removal with a value rather than removing all.
#[test]
fn removal_with_a_value_is_refused() {
    check_error(r#"[{"op": "remove", "path": "tags", "value": ["x"]}]"#, ScimType::InvalidSyntax);
    check_error(r#"[{"op": "remove", "value": {"tags": ["x"]}}]"#, ScimType::NoTarget);
}

/// AMB-29: a path as a name is an error rather than ignored in silence.
#[test]
fn a_path_as_a_name_is_refused() {
    check_error(r#"[{"op": "add", "value": {"owners.value": "x"}}]"#, ScimType::InvalidPath);
}

/// AMB-05: unknown attributes of a value are ignored, or refused by choice.
#[test]
fn unknown_attributes_are_ignored_or_refused() {
    let operations = r#"[{"op": "add", "value": {"unknown": 1, "urn:example:Unknown": {"a": 1}, "serial": "1"}}]"#;
    check(operations, r#"{"serial": "1"}"#);
    let dialect = Dialect::STRICT.with(Tolerance::RejectUnknown);
    let error = patch_in(&custom_catalog(), "Device", dialect, DEVICE, operations).unwrap_err();
    assert_eq!(error.scim_type(), ScimType::InvalidValue);
    check_error(r#"[{"op": "add", "path": "owners", "value": [{"unknown": 1}]}]"#, ScimType::InvalidValue);
}

/// R7644-3.5.2-11, R7644-3.5.2-12: `schemas` follow from what is there, one operation after the other.
#[test]
fn schemas_follow() {
    let before = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a"}"#;
    let add = format!(r#"{{"op": "add", "path": "{ENTERPRISE}:department", "value": "D"}}"#);
    let applied = patch("User", Dialect::STRICT, before, &format!("[{add}]")).unwrap();
    assert!(applied.resource.has_schema(ENTERPRISE));
    let remove = format!(r#"{{"op": "remove", "path": "{ENTERPRISE}:department"}}"#);
    let applied = patch("User", Dialect::STRICT, before, &format!("[{add}, {remove}]")).unwrap();
    assert_same(&applied.resource, &resource(before));
    assert!(!applied.is_changed);
    let applied =
        patch("User", Dialect::STRICT, before, &format!(r#"[{{"op": "add", "path": "schemas", "value": ["{ENTERPRISE}"]}}]"#)).unwrap();
    assert!(!applied.is_changed);
    let unknown = patch("User", Dialect::STRICT, before, r#"[{"op": "add", "path": "schemas", "value": ["urn:x:y"]}]"#).unwrap_err();
    assert_eq!(unknown.scim_type(), ScimType::InvalidValue);
}

/// R7644-3.5.2-15, AMB-39: the last operation that makes a value primary wins; two in one value are refused.
#[test]
fn one_value_is_primary() {
    let before = r#"{"userName": "a", "emails": [{"value": "a", "type": "work", "primary": true}, {"value": "b", "type": "home"}]}"#;
    let primaries = |operations: &str| {
        let applied = patch("User", Dialect::STRICT, before, operations).unwrap();
        let emails = applied.resource.get("emails").unwrap().elements().to_vec();
        let is_primary = |email: &scimkit_types::Value| email.as_complex()?.get("primary")?.as_bool();
        emails.iter().map(|email| is_primary(email) == Some(true)).collect::<Vec<_>>()
    };
    assert_eq!(primaries(r#"[{"op": "add", "path": "emails", "value": {"value": "c", "primary": true}}]"#), [false, false, true]);
    assert_eq!(primaries(r#"[{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"primary": true}}]"#), [false, true]);
    assert_eq!(
        primaries(
            r#"[{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true},
                {"op": "replace", "path": "emails[type eq \"work\"].primary", "value": true}]"#
        ),
        [true, false]
    );
    let error = patch("User", Dialect::STRICT, before, r#"[{"op": "replace", "path": "emails.primary", "value": true}]"#).unwrap_err();
    assert_eq!(error.scim_type(), ScimType::InvalidValue);
}

/// R7644-3.5.2.1-06: writing a password is a change, though it is never compared.
#[test]
fn a_password_is_always_a_change() {
    let before = r#"{"userName": "a", "password": "p"}"#;
    let applied = patch("User", Dialect::STRICT, before, r#"[{"op": "replace", "path": "password", "value": "p"}]"#).unwrap();
    assert!(applied.is_changed);
}

/// The answer names the operation at fault and no value.
#[test]
fn errors_name_the_operation_and_no_value() {
    let before = r#"{"userName": "a"}"#;
    let operations = r#"[{"op": "add", "path": "title", "value": "t"}, {"op": "replace", "path": "active", "value": "secret"}]"#;
    let error = patch("User", Dialect::STRICT, before, operations).unwrap_err();
    assert_eq!(error.operation(), Some(1));
    assert_eq!(error.to_string(), "operation 1 sets `active`, expected a boolean, found text");
}

/// AMB-11, AMB-13, AMB-14, AMB-15, AMB-41: where the RFC leaves a choice, as little as possible is changed.
#[test]
fn open_choices_change_as_little_as_possible() {
    let before =
        r#"{"userName": "a", "name": {"givenName": "A"}, "emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}]}"#;
    let check = |operation: &str, after: &str| {
        let applied = patch("User", Dialect::STRICT, before, &format!("[{operation}]")).unwrap();
        assert_same(&applied.resource, &resource(after));
        assert_eq!(applied.is_changed, before != after, "{operation}");
    };
    check(r#"{"op": "remove", "path": "emails[type eq \"other\"]"}"#, before);
    check(
        r#"{"op": "replace", "path": "emails[type eq \"home\"]", "value": {"display": "B"}}"#,
        &before.replace(r#""type": "home""#, r#""type": "home", "display": "B""#),
    );
    check(
        r#"{"op": "add", "path": "name", "value": {"familyName": "N"}}"#,
        &before.replace(r#""givenName": "A""#, r#""givenName": "A", "familyName": "N""#),
    );
    check(r#"{"op": "replace", "path": "emails.type", "value": "other"}"#, &before.replace("work", "other").replace("home", "other"));
    for kind in ["add", "replace"] {
        let operations = format!(r#"[{{"op": "{kind}", "path": "title"}}]"#);
        assert_eq!(patch("User", Dialect::STRICT, before, &operations).unwrap_err().scim_type(), ScimType::InvalidValue);
    }
}

/// AMB-26: the URI of an extension is a path to all of it.
#[test]
fn an_extension_is_a_path() {
    let before = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a"}"#;
    let operation = |kind: &str, value: &str| format!(r#"{{"op": "{kind}", "path": "{ENTERPRISE}"{value}}}"#);
    let add = operation("add", r#", "value": {"department": "D", "division": "V"}"#);
    let extension = |operations: &str| {
        let applied = patch("User", Dialect::STRICT, before, operations).unwrap();
        assert_eq!(applied.resource.has_schema(ENTERPRISE), applied.resource.extension(ENTERPRISE).is_some());
        applied.resource.extension(ENTERPRISE).map(|found| (found.get("department").cloned(), found.get("division").cloned()))
    };
    assert_eq!(extension(&format!("[{add}]")), Some((Some("D".into()), Some("V".into()))));
    let replace = operation("replace", r#", "value": {"department": "E"}"#);
    assert_eq!(extension(&format!("[{add}, {replace}]")).unwrap().0, Some("E".into()));
    assert_eq!(extension(&format!("[{add}, {}]", operation("remove", ""))), None);
}
