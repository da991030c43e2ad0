//! The requests of Microsoft Entra ID in `testdata/entra`.

use scimkit_patch::{Applied, Context, apply, compile};
use scimkit_types::{Catalog, Dialect, PatchOp, Resource, ScimType, Tolerance};

use crate::support::{ENTERPRISE, assert_same, resource, value};

const USER: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "u", "userName": "ola@example.com", "active": true,
    "displayName": "Ola", "externalId": "e", "name": {"givenName": "Ola", "familyName": "Nordmann", "formatted": "Ola Nordmann"},
    "emails": [{"type": "work", "value": "ola@example.com", "primary": true}, {"type": "home", "value": "home@example.com"}]}"#;

const GROUP: &str = r#"{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "id": "g", "displayName": "Guides",
    "members": [{"value": "f648f8d5ea4e4cd38e9c", "type": "User"}, {"value": "u1091"}, {"value": "7f4bc1a3-285e-48ae-8202-5accb43efb0e"}]}"#;

fn operations(file: &str) -> PatchOp {
    let document = value(file);
    let body = document.as_complex().unwrap().get("request").unwrap().as_complex().unwrap().get("body").unwrap().clone();
    PatchOp::from_json(body).unwrap()
}

#[track_caller]
fn run(type_: &str, dialect: Dialect, before: &str, file: &str) -> Result<Applied, ScimType> {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type(type_).unwrap()).with_dialect(dialect);
    apply(&resource(before), &operations(file), &context).map_err(|error| error.scim_type())
}

/// What the request changes, and which tolerances it needs.
#[track_caller]
fn check(dialect: Dialect, file: &str, changed: &str, tolerances: &[Tolerance]) {
    let is_group = file.contains("/Groups/");
    let (type_, before) = if is_group { ("Group", GROUP) } else { ("User", USER) };
    let applied = run(type_, dialect, before, file).unwrap();
    let mut expected = resource(before);
    for (name, value) in resource(changed).into_complex() {
        if name == ENTERPRISE {
            expected.set_schemas([scimkit_types::schema::USER, ENTERPRISE]);
        }
        expected.insert(name, value);
    }
    assert_same(&applied.resource, &expected);
    assert_eq!(applied.is_changed, !expected.as_complex().is_equivalent(resource(before).as_complex()));
    assert_eq!(applied.tolerances, tolerances);
    // Each tolerance is needed: without it the request is refused.
    for tolerance in tolerances {
        assert!(run(type_, dialect.without(*tolerance), before, file).is_err(), "{tolerance} is not needed");
    }
}

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../../../testdata/entra/", $name, ".json"))
    };
}

#[test]
fn single_values_are_added_and_replaced() {
    check(Dialect::ENTRA, file!("flag-add-single-off"), r#"{"nickName": "Babs"}"#, &[]);
    check(Dialect::ENTRA_OPTSCIM, file!("flag-add-single-on"), r#"{"nickName": "Babs"}"#, &[]);
    let name = r#"{"userName": "5b50642d-79fc-4410-9e90-4c077cdd1a59@testuser.com"}"#;
    check(Dialect::ENTRA, file!("user-patch-single-valued"), name, &[]);
    let name = r#"{"displayName": "1879db59-3bdf-4490-ad68-ab880a269474updatedDisplayName"}"#;
    check(Dialect::ENTRA, file!("group-patch-attributes"), name, &[]);
}

/// IR01, AMB-30: text stands for booleans without the flag.
#[test]
fn users_are_disabled() {
    check(Dialect::ENTRA, file!("flag-disable-off"), r#"{"active": false}"#, &[Tolerance::StringBooleans]);
    check(Dialect::ENTRA_OPTSCIM, file!("flag-disable-on"), r#"{"active": false}"#, &[]);
    check(Dialect::ENTRA, file!("user-disable"), r#"{"active": false}"#, &[]);
}

/// IR02, AMB-28: the members in the value go, the others stay.
#[test]
fn members_are_removed_by_value() {
    let rest = r#"{"members": [{"value": "f648f8d5ea4e4cd38e9c", "type": "User"}, {"value": "7f4bc1a3-285e-48ae-8202-5accb43efb0e"}]}"#;
    check(Dialect::ENTRA, file!("flag-remove-member-off"), rest, &[Tolerance::RemoveByValue]);
    let rest = r#"{"members": [{"value": "f648f8d5ea4e4cd38e9c", "type": "User"}, {"value": "u1091"}]}"#;
    check(Dialect::ENTRA_OPTSCIM, file!("flag-remove-member-on"), rest, &[]);
    let rest = r#"{"members": [{"value": "u1091"}, {"value": "7f4bc1a3-285e-48ae-8202-5accb43efb0e"}]}"#;
    check(Dialect::ENTRA, file!("group-patch-remove-members"), rest, &[Tolerance::RemoveByValue]);
}

/// IR15: adding a member that is there changes nothing; `"$ref": null` says nothing.
#[test]
fn a_member_is_added_once() {
    check(Dialect::ENTRA, file!("group-patch-add-members"), "{}", &[]);
    let empty = r#"{"displayName": "Guides"}"#;
    let applied = run("Group", Dialect::ENTRA, empty, file!("group-patch-add-members")).unwrap();
    let expected = resource(r#"{"displayName": "Guides", "members": [{"value": "f648f8d5ea4e4cd38e9c"}]}"#);
    assert_same(&applied.resource, &expected);
    assert_eq!(applied.resource.get("members").unwrap().elements()[0].as_complex().unwrap().len(), 1);
}

/// IR03, IR04, AMB-29: dotted names and URNs as names.
#[test]
fn several_attributes_are_replaced_at_once() {
    let after = |display: &str, email: &str, given: &str, family: &str, number: &str, external: &str| {
        format!(
            r#"{{"displayName": "{display}", "name": {{"givenName": "{given}", "familyName": "{family}", "formatted": "Ola Nordmann"}},
                "externalId": "{external}", "{ENTERPRISE}": {{"employeeNumber": "{number}"}},
                "emails": [{{"type": "work", "value": "{email}", "primary": true}}, {{"type": "home", "value": "home@example.com"}}]}}"#
        )
    };
    let off = after("Pvlo", "TestBcwqnm@test.microsoft.com", "Gtfd", "Pkqf", "Eqpj", "Eqpj");
    check(Dialect::ENTRA, file!("flag-replace-many-off"), &off, &[]);
    let on = after("Bjfe", "TestMhvaes@test.microsoft.com", "Kkom", "Unua", "Aklq", "e");
    check(Dialect::ENTRA_OPTSCIM, file!("flag-replace-many-on"), &on, &[Tolerance::DottedKeys]);
    let changed = r#"{"name": {"givenName": "Ola", "familyName": "updatedFamilyName", "formatted": "Ola Nordmann"},
        "emails": [{"type": "work", "value": "updatedEmail@microsoft.com", "primary": true}, {"type": "home", "value": "home@example.com"}]}"#;
    check(Dialect::ENTRA, file!("user-patch-multi-valued"), changed, &[]);
}

/// IR05, AMB-31: a manager as text, and as a list under its bare name.
#[test]
fn a_manager_is_wrapped() {
    let manager = format!(r#"{{"{ENTERPRISE}": {{"manager": {{"value": "271"}}}}}}"#);
    check(Dialect::ENTRA, file!("observed-manager-string"), &manager, &[Tolerance::StringForComplex]);
    let id = "00aa00aa-bb11-cc22-dd33-44ee44ee44ee";
    let manager = format!(r#"{{"{ENTERPRISE}": {{"manager": {{"value": "{id}", "$ref": "http://.../scim/Users/{id}"}}}}}}"#);
    let tolerances = [Tolerance::DottedKeys, Tolerance::StringForComplex];
    check(Dialect::ENTRA, file!("legacy-example5-manager-add"), &manager, &tolerances);
}

/// IR06, R7644-3.5.2.1-07: the element that a filter describes is created.
#[test]
fn an_element_is_created_from_its_filter() {
    for dialect in [Dialect::ENTRA, Dialect::ENTRA_OPTSCIM] {
        let phones = r#"{"phoneNumbers": [{"type": "mobile", "value": "+1 555 0100"}]}"#;
        check(dialect, file!("observed-add-filtered-missing"), phones, &[Tolerance::CreateFilteredElement]);
    }
    assert_eq!(run("User", Dialect::STRICT, USER, file!("observed-add-filtered-missing")), Err(ScimType::NoTarget));
}

/// IR08: roles as lists, and as JSON in text, which is kept as it is.
#[test]
fn roles_are_added_and_replaced() {
    let type_ = "WindowsAzureActiveDirectoryRole";
    let roles = format!(
        r#"{{"roles": [{{"primary": false, "type": "{type_}", "display": "User", "value": "User"}},
            {{"primary": false, "type": "{type_}", "display": "Test", "value": "Test"}}]}}"#
    );
    check(Dialect::ENTRA, file!("roles-assertive-patch"), &roles, &[]);
    for (file, count) in [(file!("roles-complex-patch"), 2), (file!("roles-single-patch"), 1)] {
        let applied = run("User", Dialect::ENTRA, USER, file).unwrap();
        assert_eq!(applied.resource.get("roles").map(|roles| roles.elements().len()), Some(count));
        let again = apply_again(&applied.resource, file);
        assert!(!again.is_changed);
    }
}

fn apply_again(before: &Resource, file: &str) -> Applied {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("User").unwrap()).with_dialect(Dialect::ENTRA);
    apply(before, &operations(file), &context).unwrap()
}

/// Member requests of Entra become changes of single members.
#[test]
fn member_requests_are_compiled() {
    let catalog = Catalog::standard();
    let context = Context::new(&catalog, catalog.resource_type("Group").unwrap()).with_dialect(Dialect::ENTRA);
    for file in [
        file!("group-patch-add-members"),
        file!("group-patch-remove-members"),
        file!("flag-remove-member-off"),
        file!("flag-remove-member-on"),
    ] {
        let compiled = compile(&operations(file), &context).unwrap();
        assert_eq!((compiled.changes.len(), compiled.document.operations.len()), (1, 0));
    }
    assert!(matches!(compile(&operations(file!("group-patch-attributes")), &context), Ok(compiled) if compiled.changes.is_empty()));
}
