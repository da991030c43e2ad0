//! What real peers send, where it is not one of the recorded requests: IR01 to IR15, each strictly and tolerantly.

use scimkit_types::{Dialect, ScimType, Tolerance};

use crate::support::{ENTERPRISE, assert_same, patch, resource};

const USER: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "u", "userName": "a", "active": true,
    "name": {"givenName": "G", "familyName": "F"},
    "emails": [{"type": "work", "value": "w@x.org", "primary": true}, {"type": "home", "value": "h@x.org"}],
    "roles": [{"value": "Old", "primary": true}]}"#;

const GROUP: &str = r#"{"id": "g", "displayName": "G", "members": [{"value": "a", "display": "A", "$ref": "/Users/a"}, {"value": "b"}]}"#;

/// The outcome in one dialect: what changes, or why not.
#[track_caller]
fn check(dialect: Dialect, operations: &str, expected: Result<&str, ScimType>) {
    let is_group = operations.contains("members") || operations.contains(r#""displayName": "N""#);
    let (type_, before) = if is_group { ("Group", GROUP) } else { ("User", USER) };
    match (patch(type_, dialect, before, operations), expected) {
        (Ok(applied), Ok(changed)) => {
            let mut expected = resource(before);
            for (name, value) in resource(changed).into_complex() {
                if name == ENTERPRISE && !value.is_unassigned() {
                    expected.set_schemas([scimkit_types::schema::USER, ENTERPRISE]);
                }
                expected.insert(name, value);
            }
            assert_same(&applied.resource, &expected);
            assert_eq!(applied.is_changed, !expected.as_complex().is_equivalent(resource(before).as_complex()));
        }
        (Err(error), Err(scim_type)) => assert_eq!(error.scim_type(), scim_type, "{error}"),
        (found, expected) => panic!("expected {expected:?}, found {found:?}"),
    }
}

/// IR01
#[test]
fn text_stands_for_booleans() {
    for text in ["False", "false"] {
        let operations = format!(r#"[{{"op": "Replace", "path": "active", "value": "{text}"}}]"#);
        check(Dialect::ENTRA, &operations, Ok(r#"{"active": false}"#));
        check(Dialect::STRICT, &operations, Err(ScimType::InvalidValue));
    }
}

/// IR02, with the form of Ping and the one without path.
#[test]
fn removal_by_value_takes_the_named_members_only() {
    for operations in [
        r#"[{"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "b", "display": "other"}]}]"#,
        r#"[{"op": "remove", "path": "members", "value": {"members": [{"value": "b"}]}}]"#,
        r#"[{"op": "remove", "path": "members", "value": "b"}]"#,
    ] {
        check(Dialect::ENTRA, operations, Ok(r#"{"members": [{"value": "a", "display": "A", "$ref": "/Users/a"}]}"#));
        check(Dialect::STRICT, operations, Err(ScimType::InvalidSyntax));
    }
    let operations = r#"[{"op": "remove", "value": {"members": [{"value": "b"}]}}]"#;
    check(Dialect::ENTRA, operations, Ok(r#"{"members": [{"value": "a", "display": "A", "$ref": "/Users/a"}]}"#));
    check(Dialect::STRICT, operations, Err(ScimType::NoTarget));
    check(Dialect::ENTRA, r#"[{"op": "remove", "path": "members", "value": []}]"#, Ok("{}"));
    check(Dialect::ENTRA, r#"[{"op": "remove", "path": "emails", "value": [{"type": "work", "value": "h@x.org"}]}]"#, Ok("{}"));
    let rest = r#"{"emails": [{"type": "work", "value": "w@x.org", "primary": true}]}"#;
    check(Dialect::ENTRA, r#"[{"op": "remove", "path": "emails", "value": [{"type": "Home", "value": "H@x.org"}]}]"#, Ok(rest));
}

/// IR03
#[test]
fn dotted_names_are_paths() {
    let operations =
        r#"[{"op": "replace", "value": {"name.familyName": "t", "name.formatted": "t t2", "emails[type eq \"home\"].value": "n@x.org"}}]"#;
    let after = r#"{"name": {"givenName": "G", "familyName": "t", "formatted": "t t2"},
        "emails": [{"type": "work", "value": "w@x.org", "primary": true}, {"type": "home", "value": "n@x.org"}]}"#;
    check(Dialect::ENTRA_OPTSCIM, operations, Ok(after));
    check(Dialect::STRICT, operations, Err(ScimType::InvalidPath));
}

/// IR04
#[test]
fn a_urn_with_an_attribute_is_a_name() {
    let operations = format!(r#"[{{"op": "add", "value": {{"{ENTERPRISE}:employeeNumber": "Aklq"}}}}]"#);
    check(Dialect::ENTRA, &operations, Ok(&format!(r#"{{"{ENTERPRISE}": {{"employeeNumber": "Aklq"}}}}"#)));
    check(Dialect::STRICT, &operations, Err(ScimType::InvalidPath));
}

/// IR05: also that saying the same again changes nothing, and that empty text clears.
#[test]
fn a_manager_is_text_and_is_cleared_by_empty_text() {
    let operation = |value: &str| format!(r#"{{"op": "Replace", "path": "{ENTERPRISE}:manager", "value": {value}}}"#);
    let manager = format!(r#"{{"{ENTERPRISE}": {{"manager": {{"value": "1", "$ref": "/Users/1"}}}}}}"#);
    let set = operation(r#"{"value": "1", "$ref": "/Users/1"}"#);
    check(Dialect::ENTRA, &format!("[{set}, {}]", operation(r#""1""#)), Ok(&manager));
    for value in [r#""""#, r#"{"value": ""}"#, r#"{"value": null}"#, "null"] {
        check(Dialect::ENTRA, &format!("[{set}, {}]", operation(value)), Ok("{}"));
    }
    check(Dialect::STRICT, &format!("[{}]", operation(r#""1""#)), Err(ScimType::InvalidValue));
}

/// IR06, IR07: what the filter describes is created; siblings and `primary` stay.
#[test]
fn a_filter_that_selects_nothing_creates() {
    for kind in ["add", "Replace"] {
        let operations = format!(r#"[{{"op": "{kind}", "path": "emails[type eq \"other\"].value", "value": "o@x.org"}}]"#);
        let after = r#"{"emails": [{"type": "work", "value": "w@x.org", "primary": true}, {"type": "home", "value": "h@x.org"},
            {"type": "other", "value": "o@x.org"}]}"#;
        check(Dialect::ENTRA, &operations, Ok(after));
        check(Dialect::STRICT, &operations, Err(ScimType::NoTarget));
    }
    let address = r#"[{"op": "add", "path": "addresses[type eq \"work\"].formatted", "value": "A"}]"#;
    check(Dialect::ENTRA, address, Ok(r#"{"addresses": [{"type": "work", "formatted": "A"}]}"#));
    // Only what a conjunction of `eq` describes is known for certain.
    for filter in [r#"type eq \"x\" or type eq \"y\""#, r#"type ne \"work\" and type ne \"home\""#, r#"type sw \"x\""#] {
        let operations = format!(r#"[{{"op": "add", "path": "emails[{filter}].value", "value": "o@x.org"}}]"#);
        check(Dialect::ENTRA, &operations, Err(ScimType::NoTarget));
    }
    check(Dialect::ENTRA, r#"[{"op": "replace", "path": "emails[type eq \"other\"].value", "value": ""}]"#, Ok("{}"));
}

/// The counterpart of IR06: clearing what was created from a filter leaves no hollow element.
#[test]
fn clearing_the_value_of_an_element_removes_it() {
    let rest = r#"{"emails": [{"type": "home", "value": "h@x.org"}]}"#;
    check(Dialect::ENTRA, r#"[{"op": "Remove", "path": "emails[type eq \"work\"].value"}]"#, Ok(rest));
    check(Dialect::ENTRA, r#"[{"op": "Replace", "path": "emails[type eq \"work\"].value", "value": ""}]"#, Ok(rest));
    let hollow = r#"{"emails": [{"type": "work", "primary": true}, {"type": "home", "value": "h@x.org"}]}"#;
    check(Dialect::STRICT, r#"[{"op": "remove", "path": "emails[type eq \"work\"].value"}]"#, Ok(hollow));
}

/// IR08
#[test]
fn a_quoted_boolean_in_a_filter_selects() {
    let operations = r#"[{"op": "replace", "path": "roles[primary eq \"True\"].value", "value": "New"}]"#;
    check(Dialect::ENTRA, operations, Ok(r#"{"roles": [{"value": "New", "primary": true}]}"#));
    check(Dialect::STRICT, operations, Err(ScimType::InvalidFilter));
    let operations = r#"[{"op": "add", "path": "roles", "value": [{"id": "1", "value": "Admin", "displayName": "Admin"}]}]"#;
    check(Dialect::ENTRA, operations, Ok(r#"{"roles": [{"value": "Old", "primary": true}, {"value": "Admin"}]}"#));
}

/// IR09, AMB-36
#[test]
fn the_own_id_in_a_value_is_ignored_by_choice() {
    let operations = r#"[{"op": "replace", "value": {"id": "g", "displayName": "N"}}]"#;
    check(Dialect::OKTA, operations, Ok(r#"{"displayName": "N"}"#));
    check(Dialect::STRICT, operations, Err(ScimType::Mutability));
    check(Dialect::OKTA, r#"[{"op": "replace", "value": {"active": false}}]"#, Ok(r#"{"active": false}"#));
    check(Dialect::OKTA, r#"[{"op": "replace", "path": "id", "value": "g"}]"#, Err(ScimType::Mutability));
}

/// IR10
#[test]
fn no_operations_do_nothing_by_choice() {
    check(Dialect::ENTRA, "[]", Ok("{}"));
    check(Dialect::STRICT, "[]", Err(ScimType::InvalidSyntax));
}

/// IR11: the path of an extension's sub-attribute is not too deep.
#[test]
fn the_sub_attribute_of_an_extension_is_reached() {
    let operations = format!(r#"[{{"op": "add", "path": "{ENTERPRISE}:manager.value", "value": "1"}}]"#);
    check(Dialect::STRICT, &operations, Ok(&format!(r#"{{"{ENTERPRISE}": {{"manager": {{"value": "1"}}}}}}"#)));
}

/// IR12: what is null or absent is not made.
#[test]
fn absent_sub_attributes_stay_absent() {
    let operations =
        r#"[{"op": "add", "path": "emails", "value": [{"value": "n@x.org", "type": null, "display": null, "primary": null}]}]"#;
    let applied = patch("User", Dialect::STRICT, USER, operations).unwrap();
    let added = applied.resource.get("emails").unwrap().elements()[2].as_complex().unwrap();
    assert_eq!(added.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["value"]);
    let others = applied.resource.get("emails").unwrap().elements();
    assert_eq!(others[1].as_complex().unwrap().len(), 2);
}

/// IR13
#[test]
fn members_can_be_replaced_and_not_edited() {
    check(Dialect::STRICT, r#"[{"op": "replace", "path": "members", "value": [{"value": "c"}]}]"#, Ok(r#"{"members": [{"value": "c"}]}"#));
    check(Dialect::STRICT, r#"[{"op": "replace", "path": "members[value eq \"a\"].value", "value": "c"}]"#, Err(ScimType::Mutability));
    check(Dialect::STRICT, r#"[{"op": "replace", "path": "members[value eq \"a\"].display", "value": "c"}]"#, Err(ScimType::Mutability));
    // What only the service provider says of a member that stays is kept.
    let kept = r#"{"members": [{"value": "a", "display": "A"}]}"#;
    check(Dialect::STRICT, r#"[{"op": "replace", "path": "members", "value": [{"value": "a"}]}]"#, Ok(kept));
}

/// IR14: an operation is applied or an error.
#[test]
fn nothing_is_ignored_in_silence() {
    for operations in [
        r#"[{"op": "replace", "path": "emails[unknown eq \"x\"].value", "value": "x"}]"#,
        r#"[{"op": "remove", "path": "emails[unknown eq \"x\"]"}]"#,
    ] {
        check(Dialect::LENIENT, operations, Err(ScimType::InvalidFilter));
    }
    check(Dialect::LENIENT, r#"[{"op": "remove", "value": {"unknown": 1}}]"#, Err(ScimType::InvalidValue));
    check(Dialect::LENIENT, r#"[{"op": "replace", "path": "unknown", "value": 1}]"#, Err(ScimType::InvalidPath));
    check(Dialect::LENIENT, r#"[{"op": "add", "path": "roles", "value": {"unknown": 1}}]"#, Err(ScimType::InvalidValue));
    check(Dialect::STRICT, r#"[{"op": "add", "path": "members", "value": {"display": "x"}}]"#, Err(ScimType::Mutability));
}

/// IR15
#[test]
fn a_member_that_is_there_is_added_without_change() {
    check(Dialect::STRICT, r#"[{"op": "add", "path": "members", "value": [{"value": "a"}]}]"#, Ok("{}"));
    check(Dialect::ENTRA, r#"[{"op": "Add", "path": "members", "value": "a"}]"#, Ok("{}"));
    check(Dialect::STRICT, r#"[{"op": "add", "path": "members", "value": "a"}]"#, Err(ScimType::InvalidValue));
}

/// AMB-04
#[test]
fn the_last_of_two_primaries_wins_by_choice() {
    let operations =
        r#"[{"op": "replace", "path": "emails", "value": [{"value": "a@x", "primary": true}, {"value": "b@x", "primary": true}]}]"#;
    let after = r#"{"emails": [{"value": "a@x", "primary": false}, {"value": "b@x", "primary": true}]}"#;
    check(Dialect::STRICT.with(Tolerance::LastPrimaryWins), operations, Ok(after));
    check(Dialect::STRICT, operations, Err(ScimType::InvalidValue));
}
