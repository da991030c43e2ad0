//! A schema of one's own, made at run time: it validates, filters and patches.

use scimkit_filter::Filter;
use scimkit_patch::{Context, compile};
use scimkit_types::validate::{Operation, Policy, accept};
use scimkit_types::{
    Attribute, AttributeType, Catalog, Dialect, Mutability, Profile, Resource, ResourceType, Schema, ScimType, Uniqueness,
};

use crate::support::{assert_same, json, patch_in, request, resource};

fn catalog() -> Catalog {
    let attribute = |name: &str, type_| Attribute::new(name.parse().unwrap(), type_);
    let device = Schema::new(
        "urn:example:Device".parse().unwrap(),
        vec![
            attribute("serial", AttributeType::String).required().case_exact().with_mutability(Mutability::Immutable),
            attribute("weight", AttributeType::Decimal),
            attribute("ports", AttributeType::Complex).multi_valued().with_sub_attributes([
                attribute("value", AttributeType::Integer).required(),
                attribute("type", AttributeType::String).with_canonical_values(["usb", "serial"]),
            ]),
        ],
    );
    let site = Schema::new("urn:example:Site".parse().unwrap(), vec![attribute("room", AttributeType::String).required()]);
    let devices = ResourceType::new("Device", "/Devices", device.id.clone()).with_required_extension(site.id.clone());
    Catalog::new(vec![device, site], vec![devices]).unwrap()
}

const DEVICE: &str = r#"{"schemas": ["urn:example:Device", "urn:example:Site"], "serial": "a1", "weight": 1.10,
    "ports": [{"value": 1, "type": "usb"}, {"value": 2, "type": "serial"}], "urn:example:Site": {"room": "12"}}"#;

fn faults(document: &str) -> Vec<(String, ScimType)> {
    let catalog = catalog();
    let found = accept(&catalog, catalog.resource_type("Device").unwrap(), &resource(document), Operation::Create, &Policy::default());
    found.map_or_else(|faults| faults.into_iter().map(|fault| (fault.path, fault.scim_type)).collect(), |_| Vec::new())
}

/// R7643-3.3-03, R7643-6-04, R7643-6-06, R7643-2.3.4-01: a required extension must be there with its required attributes.
#[test]
fn a_custom_schema_validates() {
    assert_eq!(faults(DEVICE), []);
    let without = r#"{"schemas": ["urn:example:Device"], "serial": "a1"}"#;
    assert!(faults(without).iter().any(|(path, _)| path.contains("urn:example:Site")), "{:?}", faults(without));
    let empty = r#"{"schemas": ["urn:example:Device", "urn:example:Site"], "serial": "a1", "urn:example:Site": {}}"#;
    assert!(!faults(empty).is_empty());
    let wrong = DEVICE.replace(r#""value": 1,"#, r#""value": 1.0,"#).replace("1.10", r#""1.10""#);
    let wrong = faults(&wrong);
    assert!(wrong.iter().all(|(_, scim_type)| *scim_type == ScimType::InvalidValue));
    assert_eq!(wrong.into_iter().map(|(path, _)| path).collect::<Vec<_>>(), ["weight", "ports[0].value"]);
}

/// R7643-2.3.3-01: a decimal keeps its text through validation.
#[test]
fn a_decimal_keeps_its_text() {
    let catalog = catalog();
    let long = DEVICE.replace("1.10", "0.1000000000000000055");
    let accepted = accept(&catalog, catalog.resource_type("Device").unwrap(), &resource(&long), Operation::Create, &Policy::default());
    assert!(serde_json::to_string(&accepted.unwrap().resource).unwrap().contains(r#""weight":0.1000000000000000055"#));
}

/// R7644-3.10-01: qualified names of the schema's own attributes, without case.
#[test]
fn a_custom_schema_filters() {
    let catalog = catalog();
    let matches = |filter: &str| {
        let options = scimkit_filter::ParseOptions::default().with_catalog(&catalog);
        let filter = Filter::parse_with(filter, &options).unwrap();
        let resolved = filter.resolve(&catalog, catalog.resource_type("Device").unwrap(), Dialect::STRICT).unwrap();
        resolved.matches(&resource(DEVICE))
    };
    assert!(matches(r#"serial eq "a1" and weight eq 1.1 and weight lt 1.1000000000000000001"#));
    assert!(matches(r#"URN:EXAMPLE:SITE:Room eq "12" and urn:example:device:PORTS[TYPE eq "USB" and value ge 1.0]"#));
    assert!(!matches(r#"serial eq "A1""#) && !matches(r#"ports[type eq "usb" and value eq 2]"#));
}

/// R7644-3.5.2-10: the characteristics of the schema hold in PATCH.
#[test]
fn a_custom_schema_patches() {
    let patch = |operations: &str| patch_in(&catalog(), "Device", Dialect::STRICT, DEVICE, operations);
    let operations = r#"[{"op": "replace", "path": "ports[type eq \"usb\"].value", "value": 3},
        {"op": "replace", "path": "urn:example:Site:room", "value": "13"}]"#;
    let expected: Resource = resource(&DEVICE.replace(r#""value": 1,"#, r#""value": 3,"#).replace(r#""12""#, r#""13""#));
    assert_same(&patch(operations).unwrap().resource, &expected);
    let refused = patch(r#"[{"op": "replace", "path": "serial", "value": "b"}]"#).unwrap_err();
    assert_eq!(refused.scim_type(), ScimType::Mutability);
}

/// The same definitions as JSON, as an operator writes them, with a list of references and values that are unique.
const PROFILE: &str = r#"{"name": "fleet", "schemas": [
    {"id": "urn:example:Device", "attributes": [
        {"name": "serial", "required": true, "caseExact": true, "mutability": "immutable", "uniqueness": "global"},
        {"name": "label", "uniqueness": "server"},
        {"name": "parts", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value", "caseExact": true, "mutability": "immutable"},
            {"name": "$ref", "type": "reference", "referenceTypes": ["Device"], "mutability": "immutable"}]},
        {"name": "manuals", "type": "complex", "multiValued": true, "subAttributes": [
            {"name": "value"}, {"name": "$ref", "type": "reference", "referenceTypes": ["external"]}]},
        {"name": "home", "type": "reference", "referenceTypes": ["uri"]}]},
    {"id": "urn:example:Badge", "attributes": [{"name": "number", "uniqueness": "server"}]},
    {"id": "urn:ietf:params:scim:schemas:core:2.0:User", "attributes": [{"name": "userName", "required": true, "uniqueness": "server"}]}],
    "resourceTypes": [
        {"name": "Device", "endpoint": "/Devices", "schema": "urn:example:Device"},
        {"name": "User", "endpoint": "/Users", "schema": "urn:ietf:params:scim:schemas:core:2.0:User",
         "schemaExtensions": [{"schema": "urn:example:Badge", "required": false}]}]}"#;

fn profile_catalog() -> Catalog {
    serde_json::from_str::<Profile>(PROFILE).unwrap().catalog().unwrap()
}

/// R7643-7-15: definitions from JSON are those from a builder: scopes of uniqueness and types of references included.
#[test]
fn definitions_from_json_and_from_a_builder_are_alike() {
    let attribute = |name: &str, type_| Attribute::new(name.parse().unwrap(), type_);
    let fixed = |attribute: Attribute| attribute.with_mutability(Mutability::Immutable);
    let reference = |types: &str| attribute("$ref", AttributeType::Reference).with_reference_types([types]);
    let built = vec![
        fixed(attribute("serial", AttributeType::String)).required().case_exact().with_uniqueness(Uniqueness::Global),
        attribute("label", AttributeType::String).with_uniqueness(Uniqueness::Server),
        attribute("parts", AttributeType::Complex)
            .multi_valued()
            .with_sub_attributes([fixed(attribute("value", AttributeType::String)).case_exact(), fixed(reference("Device"))]),
        attribute("manuals", AttributeType::Complex)
            .multi_valued()
            .with_sub_attributes([attribute("value", AttributeType::String), reference("external")]),
        attribute("home", AttributeType::Reference).with_reference_types(["uri"]),
    ];
    assert_eq!(profile_catalog().schema("urn:example:device").unwrap().attributes, built);
}

/// A list of references to resources is large by nature, whatever its name: its members are changed one by one. One of addresses is not.
#[test]
fn references_to_resources_are_changed_one_by_one() {
    let catalog = profile_catalog();
    let context = Context::new(&catalog, catalog.resource_type("Device").unwrap());
    let compiled = |operations: &str| compile(&request(operations), &context).unwrap();
    let parts =
        compiled(r#"[{"op": "add", "path": "parts", "value": [{"value": "1"}]}, {"op": "remove", "path": "parts[value eq \"2\"]"}]"#);
    assert_eq!((parts.changes.len(), parts.document.operations.len()), (2, 0));
    let manuals = compiled(r#"[{"op": "add", "path": "manuals", "value": [{"value": "1"}]}]"#);
    assert_eq!((manuals.changes.len(), manuals.document.operations.len()), (0, 1));
    let before = r#"{"schemas": ["urn:example:Device"], "serial": "a", "parts": [{"value": "1"}]}"#;
    let edited = patch_in(
        &catalog,
        "Device",
        Dialect::STRICT,
        before,
        r#"[{"op": "replace", "path": "parts[value eq \"1\"].value", "value": "2"}]"#,
    );
    assert_eq!(edited.unwrap_err().scim_type(), ScimType::Mutability);
}

/// R7643-2.3.7-01: a reference is a URI, whatever it refers to; an extension of users is one as any other.
#[test]
fn a_custom_extension_and_references_are_checked() {
    let catalog = profile_catalog();
    let store = |type_: &str, body: &str| {
        let found = accept(&catalog, catalog.resource_type(type_).unwrap(), &resource(body), Operation::Create, &Policy::default());
        found.map(|accepted| json(&accepted.resource)).map_err(|faults| faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>())
    };
    let device = |members: &str| store("Device", &format!(r#"{{"schemas": ["urn:example:Device"], "serial": "a", {members}}}"#));
    assert!(device(r#""parts": [{"value": "1", "$ref": "../Devices/1"}], "home": "urn:x:y""#).is_ok());
    assert_eq!(
        device(r#""parts": [{"value": "1", "$ref": "a b"}], "home": "::""#),
        Err(vec!["parts[0].$ref".to_owned(), "home".to_owned()])
    );
    let user = |badge: &str| {
        let schemas = r#"["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:Badge"]"#;
        store("User", &format!(r#"{{"schemas": {schemas}, "userName": "a", "URN:example:badge": {badge}}}"#))
    };
    assert!(user(r#"{"NUMBER": "7"}"#).unwrap().contains(r#""urn:example:Badge":{"number":"7"}"#));
    assert_eq!(user(r#"{"number": 7}"#), Err(vec!["urn:example:Badge:number".to_owned()]));
}
