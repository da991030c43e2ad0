//! A schema of one's own, made at run time: it validates, filters and patches.

use scimkit_filter::Filter;
use scimkit_types::validate::{Operation, Policy, accept};
use scimkit_types::{Attribute, AttributeType, Catalog, Dialect, Mutability, Resource, ResourceType, Schema, ScimType};

use crate::support::{assert_same, patch_in, resource};

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
